"""Catalogue: every sentence for people, by key, in Vietnamese and English.

The sentences stand in `language/<language>/*.toml`; a table's name and a key make the
catalogue's key (`notice.remind`). Values are put in with `{name}`; a date is written as
an office of that language writes it, `{day:weekday}` adds the day of the week. Where a
sentence has a twin `<key>_one`, that one is said when `count` is 1.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from language import dates

LANGUAGES = ("vi", "en")


class UnknownText(KeyError):
    """The catalogue has no sentence of that key."""


@cache
def sentences(language: str) -> Mapping[str, str]:
    """Return every sentence of `language` by its full key."""
    if language not in LANGUAGES:
        raise UnknownText(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
    found: dict[str, str] = {}
    folder = files("language") / language
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            _flatten("", tomllib.loads(file.read_text(encoding="utf-8")), found)
    return found


def _flatten(prefix: str, table: Mapping[str, Any], into: dict[str, str]) -> None:
    for key, value in table.items():
        full = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            _flatten(full, value, into)
        elif full in into:
            raise UnknownText(f"{full} is said twice")
        else:
            into[full] = value


def text(language: str, key: str, /, **values: Any) -> str:
    """Return the sentence `key` in `language` with its values. Raises UnknownText."""
    said = sentences(language)
    if values.get("count") == 1 and f"{key}_one" in said:
        key = f"{key}_one"
    if key not in said:
        raise UnknownText(f"{key} ({language})")
    return said[key].format_map({k: _written(language, v) for k, v in values.items()})


def passage(language: str, key: str) -> str:
    """Return the text `key` as it stands: no values, a brace is a brace. Raises UnknownText."""
    said = sentences(language)
    if key not in said:
        raise UnknownText(f"{key} ({language})")
    return said[key].strip("\n")


def has(language: str, key: str) -> bool:
    """Say whether the catalogue has a sentence of that key."""
    return key in sentences(language)


class _Day:
    """A date or an instant that formats itself as the language writes it."""

    def __init__(self, language: str, value: date) -> None:
        self.language, self.value = language, value

    def __format__(self, how: str) -> str:
        if isinstance(self.value, datetime):
            return dates.instant(self.language, self.value, how)
        return dates.day(self.language, self.value, how)


def _written(language: str, value: Any) -> Any:
    if isinstance(value, date):
        return _Day(language, value)
    if isinstance(value, tuple | list):
        return ", ".join(str(part) for part in value)
    return value
