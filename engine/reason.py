"""Reason: why something was decided, as a value that any language can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias

ReasonValue: TypeAlias = str | int | date | datetime | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A key of the language catalogue with the values that its sentence needs.

    The rules never write prose: they return reasons, and the catalogue says them in
    Vietnamese or English when a mail, a screen or the ledger needs the sentence.
    """

    key: str
    values: Mapping[str, ReasonValue] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which `from_json` rebuilds an equal reason."""
        return {"key": self.key, "values": {k: _encode(v) for k, v in self.values.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reason:
        """Rebuild what `to_json` wrote."""
        return cls(data["key"], {k: _decode(v) for k, v in data["values"].items()})


def reason(key: str, **values: ReasonValue) -> Reason:
    """Return the reason `key` with its values."""
    return Reason(key, values)


def _encode(value: ReasonValue) -> Any:
    match value:
        case datetime():
            return {"instant": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case tuple():
            return list(value)
        case _:
            return value


def _decode(value: Any) -> ReasonValue:
    match value:
        case {"instant": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case list():
            return tuple(value)
        case str() | int():
            return value
        case _:
            raise TypeError(f"not a reason's value: {value!r}")
