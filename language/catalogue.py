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
from string import Formatter
from typing import Any

from language import dates

LANGUAGES = ("vi", "en")
_FORMAT = Formatter()


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


_PLAIN = frozenset({str, int, date})  # of one such type equal values are written alike
_MOST_KEPT = 4_096  # sentences
_kept: dict[tuple[object, ...], str] = {}


def text(language: str, key: str, /, **values: Any) -> str:
    """Return the sentence `key` in `language` with its values. Raises UnknownText.

    Those said last are kept: the mails of a morning have most of their sentences in common.
    """
    if not _PLAIN.issuperset(map(type, values.values())):
        return _said(language, key, values)
    asked = (language, key, *values.items())
    said = _kept.get(asked)
    if said is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        said = _kept[asked] = _said(language, key, values)
    return said


def _said(language: str, key: str, values: Mapping[str, Any]) -> str:
    if values.get("count") == 1 and f"{key}_one" in sentences(language):
        key = f"{key}_one"
    return "".join(
        [
            literal if name is None else literal + _written(language, values[name], how)
            for literal, name, how in _parts(language, key)
        ]
    )


@cache
def _parts(language: str, key: str) -> tuple[tuple[str, str | None, str], ...]:
    """Return a sentence as its literal parts, each with the value that follows it and its form.

    Parsed once: mail says some thirty sentences, and a thousand of them in a second.
    """
    said = sentences(language)
    if key not in said:
        raise UnknownText(f"{key} ({language})")
    return tuple((literal, name, how or "") for literal, name, how, _ in _FORMAT.parse(said[key]))


def passage(language: str, key: str) -> str:
    """Return the text `key` as it stands: no values, a brace is a brace. Raises UnknownText."""
    said = sentences(language)
    if key not in said:
        raise UnknownText(f"{key} ({language})")
    return said[key].strip("\n")


def has(language: str, key: str) -> bool:
    """Say whether the catalogue has a sentence of that key."""
    return key in sentences(language)


def _written(language: str, value: Any, how: str) -> str:
    """Write a value as the language does; `how` is a date's form or a format specification."""
    if type(value) is str:
        return format(value, how) if how else value
    if isinstance(value, datetime):
        return dates.instant(language, value, how)
    if isinstance(value, date):
        return dates.day(language, value, how)
    if isinstance(value, tuple | list):
        return ", ".join(str(part) for part in value)
    return format(value, how)
