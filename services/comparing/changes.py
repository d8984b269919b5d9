"""Changes: which fields of two values differ, and which values came, went or were edited."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: its name, what it was and what it is now."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Edited(Generic[T]):
    """Something that is in both plans and not the same in them."""

    old: T
    new: T
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Differences(Generic[T]):
    """What only the new plan has, what only the old one had, and what was edited."""

    added: tuple[T, ...] = ()
    gone: tuple[T, ...] = ()
    edited: tuple[Edited[T], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.edited)


def changes(old: Any, new: Any, *, but: Container[str] = ()) -> tuple[Change, ...]:
    """Return the fields of two values of one dataclass that differ, in their order.

    Lists of names in another order are the same list. Fields that the engine gets later
    are compared without a line here.
    """
    return tuple(
        Change(field.name, before, after)
        for field in fields(new)
        if field.name not in but
        and not _is_same(before := getattr(old, field.name), after := getattr(new, field.name))
    )


def _is_same(old: Any, new: Any) -> bool:
    if old == new:
        return True
    listed = isinstance(old, tuple) and isinstance(new, tuple)
    return listed and len(old) == len(new) and sorted(map(repr, old)) == sorted(map(repr, new))


def differences(
    old: Mapping[str, T],
    new: Mapping[str, T],
    *,
    renamed: Mapping[str, str],
    edit: Callable[[T, T], tuple[Change, ...]],
) -> Differences[T]:
    """Compare two collections by id, `renamed` giving the new id of some of the old.

    `edit` says what differs between two that belong together.
    """
    known = {renamed.get(key, key): value for key, value in old.items()}
    edited = (
        Edited(known[key], value, found)
        for key, value in new.items()
        if key in known and (found := edit(known[key], value))
    )
    return Differences(
        added=tuple(value for key, value in new.items() if key not in known),
        gone=tuple(value for key, value in known.items() if key not in new),
        edited=tuple(edited),
    )
