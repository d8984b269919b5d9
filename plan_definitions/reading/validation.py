"""Validation: a document as a filled-in form, with every fault in it at once.

A fault does not end the reading: its value is blanked and the form filled in again, so
that what the rest of the file says can be checked too.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from plan_definitions.diagnostics import (
    MOST_OF_A_KIND,
    RULES,
    Diagnostic,
    Misread,
    Term,
    made,
    nearest,
)
from plan_definitions.reading.yaml_source import HOLE, Document, Path
from plan_definitions.schema import Form

F = TypeVar("F", bound=Form)

MOST_FAULTS = 20_000
"""Faults of one file after which nobody says them one by one."""

_KEY = "[key]"  # pydantic's mark for a fault in a mapping's key

_EXPECTED = {
    "model_type": "mapping",
    "model_attributes_type": "mapping",
    "dict_type": "mapping",
    "list_type": "list",
}


class Findings:
    """The diagnostics that are found while a plan is read.

    Of many of a kind in one file the first ones are kept, and the last of these counts the
    rest: to look up places and likely names for each of 100,000 would take minutes.
    """

    def __init__(self) -> None:
        self._items: list[Diagnostic] = []
        self._shown: dict[tuple[str, str], list[int]] = {}  # indices, by file and kind
        self._more: Counter[tuple[str, str]] = Counter()

    @property
    def items(self) -> list[Diagnostic]:
        """The list of those that are shown; one may append to it."""
        for group, count in self._more.items():
            last = self._shown[group][-1]
            self._items[last] = replace(self._items[last], more=count)
        return self._items

    @property
    def count(self) -> int:
        """How many there are, shown or not."""
        return len(self._items) + self._more.total()

    def add(
        self,
        document: Document,
        kind: str,
        *path: str | int,
        key: bool = False,
        variant: str = "",
        **values: Any,
    ) -> None:
        """Note one that points at the value at `path`, or at its key."""
        if self._is_shown(document, kind):
            self._items.append(document.diagnostic(kind, path, values, variant, key=key))

    def unknown(
        self,
        document: Document,
        kind: str,
        *path: str | int,
        near: Callable[[], str | None],
        key: bool = False,
        **values: Any,
    ) -> None:
        """Note a name that nothing has, and the one that was probably meant.

        Values may be functions that make them.
        """
        if self._is_shown(document, kind):
            found = near()
            values = {**made(values), "near": found}
            variant = "near" if found else ""
            self._items.append(document.diagnostic(kind, path, values, variant, key=key))

    def has_room(self, document: Document, kind: str) -> bool:
        """Say whether one more of a kind would be shown, not only counted."""
        return len(self._shown.get((document.file, kind), ())) < MOST_OF_A_KIND

    def _is_shown(self, document: Document, kind: str) -> bool:
        """Say whether one more is to be shown, which must follow; if not, count it."""
        shown = self._shown.setdefault((document.file, kind), [])
        if len(shown) == MOST_OF_A_KIND:
            self._more[document.file, kind] += 1
            return False
        shown.append(len(self._items))
        return True


def fill(form: type[F], document: Document, findings: Findings) -> F | None:
    """Return the form that a document fills in, its faults blanked and noted.

    None where nothing can be made of it.
    """
    value = document.value
    if not isinstance(value, dict):
        findings.add(document, "wrong-type", expected=Term("mapping"))
        return None
    copies: dict[int, Any] = {}
    # A repair can bring one more level to light; there are not more levels than this.
    for _ in range(8):
        try:
            return form.model_validate(value)
        except ValidationError as error:
            if error.error_count() > MOST_FAULTS:
                findings.add(document, "too-many-faults", limit=MOST_FAULTS)
                return None
            value = _own(value, copies)
            for details in error.errors(include_url=False):
                if details["input"] is not HOLE:  # noted where it was made
                    _note(form, document, findings, details)
                _repair(value, details, copies)
    return None


def _note(form: type[Form], document: Document, findings: Findings, details: ErrorDetails) -> None:
    kind, path = details["type"], details["loc"]
    values: dict[str, Any]
    match kind:
        case "missing":
            findings.add(document, "missing-key", *path, key_name=path[-1])
        case "extra_forbidden":
            known = _keys(form, path) if findings.has_room(document, "unknown-key") else []
            findings.unknown(
                document,
                "unknown-key",
                *path,
                key=True,
                near=lambda: nearest(str(path[-1]), known),
                written=path[-1],
                known=sorted(known),
            )
        case _ if kind in RULES:
            context = dict(details.get("ctx", {}))
            variant = str(context.pop("variant", ""))
            others: tuple[Misread, ...] = context.pop("others", ())
            _note_cell(document, findings, path, kind, variant, context)
            for other in others:
                _note_cell(document, findings, path, other.kind, other.variant, other.parts)
        case _:
            empty = details["input"] == ""
            expected = _EXPECTED.get(kind, "text")
            values = {"expected": Term(expected), "key_name": path[-1]}
            fault = "empty-value" if empty else "wrong-type"
            findings.add(document, fault, *path, variant=expected, **values)


def _note_cell(
    document: Document,
    findings: Findings,
    path: Path,
    kind: str,
    variant: str,
    parts: Mapping[str, Any],
) -> None:
    """Note what is wrong in a cell, or in an item of its list."""
    at_key = path[-1:] == (_KEY,)
    path = path[:-1] if at_key else path
    item = (*path, parts.get("item", ""))
    path = item if document.holds(item) else path
    if kind == "empty-value" and "#" in document.lines[document.mark(path)[0] - 1]:
        variant = "hash"
    # What nobody is shown need not be made.
    shown = made(parts) if findings.has_room(document, kind) else {}
    shown.pop("item", None)
    if not variant and shown.get("near") == "":  # nothing comes near
        variant = "none"
    values = {"key_name": path[-1] if path else "", **shown}
    findings.add(document, kind, *path, key=at_key, variant=variant, **values)


def _own(value: Any, copies: dict[int, Any]) -> Any:
    """Return a value that may be changed: itself if it is a copy, else a copy of it.

    A document's lists and mappings may stand at several places; a repair is for one.
    """
    if id(value) not in copies:
        value = copy.copy(value)
        copies[id(value)] = value
    return value


def _repair(value: Any, details: ErrorDetails, copies: dict[int, Any]) -> None:
    """Blank what is at fault: take it out, or leave a hole where the form needs something."""
    kind, path = details["type"], details["loc"]
    at_key = path[-1:] == (_KEY,)
    path = path[:-1] if at_key else path
    holder: Any = value
    for step in path[:-1]:
        if isinstance(holder, dict) and step not in holder:
            return  # what it was in is taken out already
        holder[step] = _own(holder[step], copies)
        holder = holder[step]
    last = path[-1]
    if isinstance(holder, list):
        holder[int(last)] = {} if kind in _EXPECTED else HOLE
    elif at_key or kind == "extra_forbidden" or kind in _EXPECTED:
        holder.pop(last, None)
    else:
        holder[last] = HOLE


def _keys(form: type[Form], path: Path) -> list[str]:
    """Return the keys that the form knows where `path` ends."""
    current, skip = form, 0
    for step in path[:-1]:
        if skip:
            skip -= 1
            continue
        for name, field in current.model_fields.items():
            if step == (field.alias or name):
                current, skip = _inner(field.annotation) or (current, 0)
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner(annotation: Any) -> tuple[type[Form], int] | None:
    """Return the form within an annotation, and how many mappings or lists are around it."""
    if isinstance(annotation, type) and issubclass(annotation, Form):
        return annotation, 0
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _inner(arguments[0])
    if origin in (UnionType, Union):
        return next((found for part in arguments if (found := _inner(part))), None)
    if origin in (dict, list) and (found := _inner(arguments[-1])):
        return found[0], found[1] + 1
    return None
