"""Conformance: which functions of storage and services have run on which kind of database.

Every public function of a repository (it takes a connection or a database) must be called on every
kind, by tests/storage or through a service; every public use case (it takes the parts) by
tests/services. While their tests run, those functions are wrapped and each call noted beside the
kind that is in use. At the end of a run of both whole folders, whatever was never called on
one of the kinds is listed, and the run fails. Under xdist each worker hands over its list.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
TAKEN = {"storage": {"Connection", "Database"}, "services": {"Parts"}}
"""The rooms, and what a public function takes there to count: annotations as they are written."""
OURS = ("cli.", "flows.", "services.", "storage.", "tests.")
ALL = ("tests/storage", "tests/services")


@dataclass
class Recorder:
    """Notes each call as `kind room.folders.module.function`, where it counts."""

    called: set[str] = field(default_factory=set)
    _now: tuple[str, str] | None = None
    _wrapped: bool = False

    @contextmanager
    def on(self, kind: str, room: str) -> Iterator[None]:
        """Note what is called in a room until the end, as called on a kind of database."""
        if self is recorder and not self._wrapped:
            self._wrap()
        before, self._now = self._now, (kind, room)
        try:
            yield
        finally:
            self._now = before

    def _wrap(self) -> None:
        """Put every function's wrapper where the function stands, and where it was imported to."""
        self._wrapped = True
        wrappers = {one: self._noting(name, one) for name, one in public().items()}
        for name, module in list(sys.modules.items()):
            if name.startswith(OURS):
                for key, value in list(vars(module).items()):
                    if isinstance(value, FunctionType) and value in wrappers:
                        setattr(module, key, wrappers[value])

    def _noting(self, name: str, function: FunctionType) -> Callable[..., Any]:
        room = name.partition(".")[0]

        @functools.wraps(function)
        def noted(*args: Any, **kwargs: Any) -> Any:
            if self._now is not None and room in ("storage", self._now[1]):
                self.called.add(f"{self._now[0]} {name}")
            return function(*args, **kwargs)

        return noted


recorder = Recorder()
"""The one of this process."""


def public() -> dict[str, FunctionType]:
    """Return the functions that the suite must call, by `room.module.function`."""
    return {
        f"{module.__name__}.{name}": value
        for room, taken in TAKEN.items()
        for module in _modules(room)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, FunctionType)
        and inspect.unwrap(value).__module__ == module.__name__
        and taken & set(inspect.unwrap(value).__annotations__.values())
    }


def _modules(room: str) -> list[ModuleType]:
    files = sorted(one for one in (ROOT / room).rglob("*.py") if "migrations" not in one.parts)
    inside = [one.relative_to(ROOT).with_suffix("") for one in files if one.stem[0] != "_"]
    return [importlib.import_module(".".join(one.parts)) for one in inside]


def missing(
    called: Collection[str], functions: Collection[str], kinds: Collection[str]
) -> list[str]:
    """Return what was never called, as `kind function`, in the order of the alphabet."""
    return sorted({f"{kind} {name}" for kind in kinds for name in functions} - set(called))


def is_whole(arguments: Collection[str], *, narrowed: bool) -> bool:
    """Say whether a run of pytest with these arguments runs both folders from end to end."""
    asked = {one.rstrip("/") for one in arguments}
    return not narrowed and ("tests" in asked or asked.issuperset(ALL))
