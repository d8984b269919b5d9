"""Shapes: what each cell looks like to an editor, as JSON schema (draft-07).

A shape accepts whatever its cell's reader accepts, read as an editor reads it (YAML 1.2
core types): dates are text, bare numbers are numbers, so most text may be a number too. It
refuses what can be told from one value alone; `dondoc check` knows the rest. `x-kind` names
the kind of value, as the catalogue words it (`cell.<kind>`); it does not reach the editor.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

Shape: TypeAlias = dict[str, Any]


def any_case(words: str) -> str:
    """Return a pattern for words in small or large letters, composed or not (NFC, NFD)."""
    return "".join(" +" if sign == " " else _sign(sign) for sign in words)


def _sign(sign: str) -> str:
    forms = {
        unicodedata.normalize(form, case)
        for form in ("NFC", "NFD")
        for case in (sign, sign.upper())
    }
    ways = sorted(forms)
    if len(ways) == 1:
        return ways[0]
    return f"[{''.join(ways)}]" if all(len(w) == 1 for w in ways) else f"(?:{'|'.join(ways)})"


def _one_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(any_case(word) for word in words)})"


def _whole(pattern: str) -> str:
    return rf"^\s*(?:{pattern})\s*$"


_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:199[0-9]|20[0-9]{2})"
_DATE = (
    rf"(?:{any_case('ngày')} +)?(?:{_DAY}/{_MONTH}/{_YEAR}|{_DAY}\.{_MONTH}\.{_YEAR}"
    rf"|{_YEAR}-{_MONTH}-{_DAY}|{_DAY} +{any_case('tháng')} +{_MONTH} +{any_case('năm')} +{_YEAR})"
)
_HOUR, _MINUTE = "(?:[01]?[0-9]|2[0-3])", "[0-5][0-9]"
_SIGN = rf"(?:[:hH]|{any_case('giờ')})"
_CLOCK = rf"{_HOUR} ?{_SIGN} ?(?:{_MINUTE})?(?::[0-9]{{2}})?(?: {any_case('phút')})?"
_CLOCK_AFTER_DATE = rf"{_HOUR}{_SIGN}(?:{_MINUTE})?(?::[0-9]{{2}})?"
_COUNT = r"[0-9]+(?: ?\([^()]*\))?"
_UNITS = (
    *("ngày làm việc", "working days", "working day", "ngày", "days", "day"),
    *("tuần", "weeks", "week", "tháng", "months", "month"),
)
_LABEL = (
    rf"(?:(?:{_one_of(('phụ lục', 'biểu mẫu', 'biểu', 'mẫu', 'bảng', 'appendix'))})"
    rf"(?: +{any_case('số')})? *)?(?:[ivxIVX]{{1,6}}|[0-9]{{1,3}}[a-zA-ZđĐ]?|[a-zA-ZđĐ])"
)
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST_PART = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LAST_PART = "[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
ONE_LINE = r"^[^\r\n\u0085\u2028\u2029]*\n*$"
"""A break within a line could end a mail's header early; one at the end does no harm."""

_NUMBERS = ["string", "integer"]
_WORDS = ["string", "number"]

WORD: Final[Shape] = {"type": _WORDS, "minLength": 1, "pattern": ONE_LINE}


TEXT: Final[Shape] = {"x-kind": "text", **WORD}


def words(kind: str, *, may_be_empty: bool) -> Shape:
    """Return the shape of a word, or of a list of words."""
    return _or_list(kind, WORD, TEXT, may_be_empty=may_be_empty)


def _or_list(kind: str, one: Shape, item: Shape, *, may_be_empty: bool) -> Shape:
    """Return the shape of one value, or of a list of items.

    One schema with several types, rather than several schemas, so that an editor can say
    what is wrong with the value that is written.
    """
    least = {} if may_be_empty else {"minItems": 1}
    return {**one, "x-kind": kind, "type": [*one["type"], "array"], "items": item, **least}


def whole(kind: str, least: int, most: int) -> Shape:
    """Return the shape of a whole number, which may stand in quotes."""
    return {"x-kind": kind, **_number(least, most)}


def wholes(kind: str, least: int, most: int, *, may_be_empty: bool) -> Shape:
    """Return the shape of a whole number, or of a list of them."""
    number = _number(least, most)
    return _or_list(kind, number, number, may_be_empty=may_be_empty)


def _number(least: int, most: int) -> Shape:
    pattern = _whole("[+-]?[0-9]{1,9}")
    return {"type": _NUMBERS, "minimum": least, "maximum": most, "pattern": pattern}


def choice(kind: str, known: Iterable[str]) -> Shape:
    """Return the shape of one of a few words."""
    return {"x-kind": kind, "type": "string", "enum": [str(word) for word in known]}


def role(known: Iterable[str]) -> Shape:
    """Return the shape of a contact's role, in small or large letters."""
    words = list(known)
    return {
        "x-kind": "role",
        "type": "string",
        "pattern": _whole(_one_of(words)),
        "examples": words,
    }


ID: Final[Shape] = {
    "x-kind": "id",
    "type": _NUMBERS,
    "pattern": _whole("[a-z0-9][a-z0-9.-]{0,79}"),
}
DATE: Final[Shape] = {
    "x-kind": "date",
    "type": "string",
    "pattern": _whole(_DATE),
    "examples": ["06/4/2020"],
}
CLOCK: Final[Shape] = {
    "x-kind": "clock",
    "type": "string",
    "pattern": _whole(_CLOCK),
    "examples": ["08:00"],
}
MOMENT: Final[Shape] = {
    "x-kind": "moment",
    "type": "string",
    "pattern": _whole(f"{_DATE}(?: +|T){_CLOCK_AFTER_DATE}"),
    "examples": ["2020-05-07 15:30"],
}
PERIOD: Final[Shape] = {
    "x-kind": "period",
    "type": _NUMBERS,
    "pattern": _whole(f"{_COUNT} +{_one_of(_UNITS)}|[0-9]+"),
    "minimum": 1,
    "examples": ["10 ngày làm việc"],
}
SPAN: Final[Shape] = {
    "x-kind": "span",
    "type": _WORDS,
    "minLength": 1,
    "examples": ["5/2020", "II/2020", "2020"],
}
_ALONE: Shape = {"maxProperties": 1}


def _phrase_or_twin(examples: Iterable[str], properties: Shape, **more: Any) -> Shape:
    """Return the shape of a phrase, of which there are `examples`, or of its structured twin.

    The twin's keys stand aside, so that an editor proposes the phrase first.
    """
    return {
        "type": ["string", "object"],
        "minLength": 1,
        "pattern": ONE_LINE,
        "examples": list(examples),
        "allOf": [{"properties": properties, "additionalProperties": False, **more}],
    }


def deadline(examples: Iterable[str]) -> Shape:
    """Return the shape of a deadline."""
    dated = {"before": DATE, "by": DATE, "in": SPAN}
    alone = dict.fromkeys((*dated, "after"), _ALONE)
    shape = _phrase_or_twin(
        examples,
        {**dated, "within": PERIOD, "of": TEXT, "after": TEXT},
        minProperties=1,
        dependencies={**alone, "within": ["of"], "of": ["within"]},
    )
    return {"x-kind": "deadline", **shape}


GATE_END: Final[Shape] = {
    "x-kind": "gate-end",
    **_phrase_or_twin(
        ("5 ngày làm việc sau hạn", "đến hết ngày 29/5/2020"),
        {"before": DATE, "by": DATE, "in": SPAN},
        minProperties=1,
        maxProperties=1,
    ),
}
QUORUM: Final[Shape] = {
    "x-kind": "quorum",
    "type": _NUMBERS,
    "minimum": 1,
    "pattern": _whole(
        r"0*[1-9][0-9]*|(?!0+(?:[.,]0+)?\s*%)(?:100|[0-9]{1,2})(?:[.,][0-9]{1,4})?\s*%"
    ),
    "examples": ["90%"],
}
NUMBERS: Final[Shape] = _or_list("numbers", WORD, TEXT, may_be_empty=False)
_APPENDIX: Shape = _phrase_or_twin(
    ("Phụ lục I (trừ Mục 3)", "Mục 3, 4 Phụ lục VIII"),
    {"appendix": TEXT, **dict.fromkeys(("items", "item", "points", "less"), NUMBERS)},
    required=["appendix"],
    dependencies={
        "points": {"anyOf": [{"required": ["items"]}, {"required": ["item"]}]},
        "less": {"maxProperties": 2},
        "item": {"not": {"required": ["items"]}},
    },
)
APPENDICES: Final[Shape] = _or_list("appendices", _APPENDIX, _APPENDIX, may_be_empty=True)
APPENDIX_LABEL: Final[Shape] = {
    "x-kind": "appendix-label",
    "type": "string",
    "pattern": _whole(_LABEL),
}
ADDRESS: Final[Shape] = {
    "x-kind": "email",
    "type": "string",
    "maxLength": 254,
    "pattern": rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_HOST_PART}\.)+{_LAST_PART}$",
}
FLAG: Final[Shape] = {
    "x-kind": "flag",
    "type": ["boolean", "string"],
    "pattern": _whole(_one_of(("true", "có", "yes", "false", "không", "no"))),
}
VALUES: Final[Shape] = {
    "x-kind": "values",
    "type": "object",
    "minProperties": 1,
    "additionalProperties": TEXT,
}


def working_days(most: int) -> Shape:
    """Return the shape of a number of working days, in words or bare."""
    days = _one_of(("ngày làm việc", "working days", "working day"))
    return {
        "x-kind": "working-days",
        "type": _NUMBERS,
        "minimum": 1,
        "maximum": most,
        "pattern": _whole(f"{_COUNT} +{days}|[0-9]+"),
        "examples": ["5 ngày làm việc"],
    }
