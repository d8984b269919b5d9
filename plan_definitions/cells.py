"""Cells: the kinds of value that a plan file holds, each read from text by a plain rule.

Every cell is a pydantic type whose validator is ours, so that each fault has a kind of our
own. `HOLE` stands where a value was at fault: the cell is then blank, and the rest of
the file can still be checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from engine.deadline import Roll, Unit
from engine.plan import AppendixRef, GateAfterDue, GateBy, Role
from engine.plan import Level as Above
from language.catalogue import LANGUAGES
from plan_definitions import shapes
from plan_definitions.appendices import MOST_ITEMS, read_appendix, read_label
from plan_definitions.dates import (
    FIRST_YEAR,
    LAST_YEAR,
    bare,
    fold,
    read_date,
    read_moment,
    read_time,
    tidy,
)
from plan_definitions.diagnostics import Misread, Term, nearest
from plan_definitions.phrases import (
    UNDATED,
    Due,
    examples,
    read_due,
    read_gate_end,
    read_period,
)
from plan_definitions.reading.yaml_source import HOLE

T = TypeVar("T")

MOST_RUNGS = 250
MOST_ROWS = 100_000
MOST_KEPT = 5_000
LONGEST_KEPT = 500
NO_DAY: Final = date.min
"""A day that was at fault."""
NO_MOMENT: Final = datetime.combine(NO_DAY, time.min)
"""A moment that was at fault."""
_BREAK = re.compile("[\r\n\x85\u2028\u2029]")
_NUMBER = re.compile(r"[+-]?\d{1,9}")
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)


def _cell(
    read: Callable[[Any], Any],
    blank: Any,
    schema: dict[str, Any],
    *,
    may_be_empty: bool = False,
    kept: bool = False,
) -> tuple[Any, Any]:
    """Return the validator of a cell, and its JSON schema. An empty list may be allowed.

    What is read from one text may be `kept` for the next that is equal, if nobody can
    change it: thousands of tasks name the same few agencies and days.
    """

    def validate(value: Any) -> Any:
        if value is HOLE:
            return blank
        try:
            if not value and (value == "" or not may_be_empty):
                raise Misread("empty-value")
            return read(value)
        except Misread as misread:
            context = {**misread.parts, "variant": misread.variant, "others": misread.others}
            raise PydanticCustomError(misread.kind, "{variant}", context) from None

    return PlainValidator(_kept(validate) if kept else validate), WithJsonSchema(schema)


def _kept(validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a validator that remembers what it made of texts and of lists of texts."""
    known: dict[Any, Any] = {}

    def remembered(value: Any) -> Any:
        key = tuple(value) if type(value) is list else value
        try:
            return known[key]
        except KeyError:
            keeps = len(known) < MOST_KEPT and len(str(value)) <= LONGEST_KEPT
        except TypeError:  # there is a mapping in it
            keeps = False
        found = validate(value)
        if keeps:
            known[key] = found
        return found

    return remembered


def _as_is(is_fine: Callable[[str], object], cell: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return a cell that takes a text as it stands where it is fine: most of them are."""
    validator, schema = cell
    validate = validator.func

    def read(value: Any) -> Any:
        return value if type(value) is str and is_fine(value) else validate(value)

    return PlainValidator(read), schema


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise Misread("wrong-type", expected=Term("text"))
    return value if _is_tidy(value) else tidy(_line(value))


def _is_tidy(value: str) -> bool:
    """Say whether a text has single spaces only, as most do. Of all blanks only " " is printed."""
    return (
        value.isprintable()
        and "  " not in value
        and value != ""
        and value[0] != " "
        and value[-1] != " "
    )


def _line(value: Any) -> Any:
    """Return a value that is one line. A break within it could end a mail's header early."""
    if isinstance(value, str) and (broken := _BREAK.search(value.rstrip("\n"))):
        raise Misread("line-break", written=tidy(value[: broken.start()]) or "…")
    return value


def read_id(value: Any) -> str:
    """Return an id. Raises Misread `bad-id` with one that would do."""
    word = _word(value)
    if not _ID.fullmatch(word):
        near = re.sub(r"[^a-z0-9.]+", "-", bare(word)).strip("-.")[:80] or "a1"
        raise Misread("bad-id", written=word, near=near)
    return word


def _list_of(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    def read_all(value: Any) -> tuple[T, ...]:
        try:
            return tuple(map(read, value)) if isinstance(value, list) else (read(value),)
        except Misread:
            raise _misread(read, value if isinstance(value, list) else [value]) from None

    return read_all


def _misread(read: Callable[[Any], Any], items: list[Any]) -> Misread:
    """Return the fault of the first item that has one, and with it those of the others."""
    found: list[Misread] = []
    for index, item in enumerate(items):
        try:
            read(item)
        except Misread as misread:
            # One missing pair of quotes parts a text into several items.
            if misread.variant != "comma" or not found or found[-1].variant != "comma":
                misread.parts["item"] = index
                found.append(misread)
    first, *others = found
    first.others = tuple(others)
    return first


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        word = value if isinstance(value, str) and value.isdecimal() else _word(value)
        if not _NUMBER.fullmatch(word):
            raise Misread("not-a-number", written=word)
        number = int(word)
        if not least <= number <= most:
            raise Misread("number-out-of-range", written=word, least=least, most=most)
        return number

    return read


def _one_of(*known: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        word = _word(value)
        if word not in known:
            near = nearest(word, known)
            variant = "near" if near else ""
            raise Misread("not-one-of", variant=variant, written=word, known=known, near=near)
        return word

    return read


def _working_days(value: Any) -> int:
    count, unit = read_period(_word(value))
    if unit is not Unit.WORKING_DAYS:
        raise Misread("period-not-understood", written=_word(value))
    if count > MOST_RUNGS:
        raise Misread("number-out-of-range", written=str(count), least=1, most=MOST_RUNGS)
    return count


def _quorum(value: Any) -> Fraction | int:
    word = _word(value).replace(" ", "").replace(",", ".")
    if re.fullmatch(r"\d{1,9}", word):
        if int(word) < 1:
            raise Misread("quorum-out-of-range", written=word)
        return int(word)
    if not re.fullmatch(r"-?\d{1,9}(?:\.\d{1,4})?%", word):
        raise Misread("quorum-not-understood", written=_word(value))
    share = Fraction(word[:-1]) / 100
    if not 0 < share <= 1:
        raise Misread("quorum-out-of-range", written=word)
    return share


def read_address(value: Any) -> str:
    """Return an e-mail address of plain ASCII (RFC 5321 lengths). Raises Misread `bad-email`."""
    _line(value)
    if not isinstance(value, str):
        raise Misread("wrong-type", expected=Term("text"))
    if not _ADDRESS.fullmatch(value) or len(value) > 254 or len(value.split("@")[0]) > 64:
        raise Misread("bad-email", written=tidy(value))
    return value


def _values(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Misread("wrong-type", expected=Term("mapping"))
    if not all(key and text for key, text in value.items()):
        raise Misread("empty-value")
    return {key: _word(text) for key, text in value.items()}


def _role(value: Any) -> Role:
    """Return a contact's role, which may be written in Vietnamese too."""
    word = _word(value)
    return ROLES.get(fold(word)) or ROLES[_one_of(*ROLES)(word)]


def _flag(value: Any) -> bool:
    known = {"true": True, "có": True, "yes": True, "false": False, "không": False, "no": False}
    word = fold(_word(value))
    if word not in known:
        raise Misread("not-one-of", written=word, known=("true", "false"), near=None)
    return known[word]


@dataclass(frozen=True)
class Holds:
    """A check that a value is a mapping or a list, which may or may not be empty."""

    expected: str
    kind: type
    may_be_empty: bool

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the validator: the check, before what is held is read."""
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema of what is held."""
        least = {} if self.may_be_empty else {"minProperties": 1}
        return {**handler(core), **least}

    def _check(self, value: Any) -> Any:
        if value is HOLE:
            return self.kind()
        if value == "" or (not value and not self.may_be_empty):
            raise PydanticCustomError("empty-value", "{variant}", {"variant": ""})
        if not isinstance(value, self.kind):
            context = {"expected": Term(self.expected), "variant": self.expected}
            raise PydanticCustomError("wrong-type", "{variant}", context)
        return value


@dataclass(frozen=True)
class OrWord:
    """One word that stands for a form in which nothing is filled in."""

    word: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the validator: the word is an empty form."""
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema: the word or the form."""
        return {"anyOf": [{"type": "string", "enum": [self.word]}, handler(core)]}

    def _read(self, value: Any) -> Any:
        return {} if value == self.word else value


MAPPING: Final = Holds("mapping", dict, may_be_empty=True)
FILLED_MAPPING: Final = Holds("mapping", dict, may_be_empty=False)
LIST: Final = Holds("list", list, may_be_empty=True)

ROLES: Final = {
    "focal": Role.FOCAL,
    "head": Role.HEAD,
    "copy": Role.COPY,
    "đầu mối": Role.FOCAL,
    "thủ trưởng": Role.HEAD,
    "bản sao": Role.COPY,
}
"""The words for a contact's role, as they are compared."""

_LEVELS = tuple(level.name.lower() for level in Above)


def _text(kind: str) -> tuple[Any, Any]:
    return _as_is(_is_tidy, _cell(_word, "", {**shapes.TEXT, "x-kind": kind}))


def _texts(kind: str, *, may_be_empty: bool) -> tuple[Any, Any]:
    shape = shapes.words(kind, may_be_empty=may_be_empty)
    return _cell(_list_of(_word), (), shape, may_be_empty=may_be_empty, kept=True)


Text: TypeAlias = Annotated[str, *_text("text")]
Id: TypeAlias = Annotated[str, *_as_is(_ID.fullmatch, _cell(read_id, "", shapes.ID))]
Path: TypeAlias = Annotated[str, *_text("path")]
Paths: TypeAlias = Annotated[tuple[str, ...], *_texts("paths", may_be_empty=False)]
Agency: TypeAlias = Annotated[str, *_text("agency")]
Recipient: TypeAlias = Annotated[str, *_text("recipient")]
Agencies: TypeAlias = Annotated[tuple[str, ...], *_texts("agencies", may_be_empty=False)]
AgenciesOrNone: TypeAlias = Annotated[
    tuple[str, ...], *_texts("agencies-or-none", may_be_empty=True)
]
Stages: TypeAlias = Annotated[tuple[str, ...], *_texts("stages", may_be_empty=True)]
Tasks: TypeAlias = Annotated[tuple[str, ...], *_texts("tasks", may_be_empty=False)]
TaskName: TypeAlias = Annotated[str, *_text("task-name")]
EventName: TypeAlias = Annotated[str, *_text("event-name")]
LadderName: TypeAlias = Annotated[str, *_text("ladder-name")]
Day: TypeAlias = Annotated[date, *_cell(lambda v: read_date(_word(v)), NO_DAY, shapes.DATE)]
Clock: TypeAlias = Annotated[time, *_cell(lambda v: read_time(_word(v)), time(8), shapes.CLOCK)]
Moment: TypeAlias = Annotated[
    datetime, *_cell(lambda v: read_moment(_word(v)), NO_MOMENT, shapes.MOMENT)
]
Deadline: TypeAlias = Annotated[
    Due, *_cell(lambda v: read_due(_line(v)), UNDATED, shapes.deadline(examples()), kept=True)
]
RollWord: TypeAlias = Annotated[
    Roll | None,
    *_cell(lambda v: Roll(_one_of(*Roll)(v)), None, shapes.choice("roll", Roll), kept=True),
]
Language: TypeAlias = Annotated[
    str, *_cell(_one_of(*LANGUAGES), "vi", shapes.choice("language", LANGUAGES))
]
Level: TypeAlias = Annotated[
    str, *_cell(_one_of(*_LEVELS), "coordinator", shapes.choice("level", _LEVELS))
]
Appendices: TypeAlias = Annotated[
    tuple[AppendixRef, ...],
    *_cell(
        _list_of(lambda v: read_appendix(_line(v))),
        (),
        shapes.APPENDICES,
        may_be_empty=True,
        kept=True,
    ),
]
AppendixLabel: TypeAlias = Annotated[
    str, *_cell(lambda v: read_label(_word(v)), "", shapes.APPENDIX_LABEL)
]
Items: TypeAlias = Annotated[
    int | None, *_cell(_whole(1, MOST_ITEMS), None, shapes.whole("items", 1, MOST_ITEMS))
]
Values: TypeAlias = Annotated[dict[str, str], *_cell(_values, {}, shapes.VALUES)]
Concerning: TypeAlias = Annotated[
    str, *_cell(_one_of("communes"), "", shapes.choice("concerning", ["communes"]), kept=True)
]
RoleWord: TypeAlias = Annotated[Role, *_cell(_role, Role.FOCAL, shapes.role(ROLES))]
Address: TypeAlias = Annotated[str | None, *_cell(read_address, "", shapes.ADDRESS)]
Flag: TypeAlias = Annotated[bool, *_cell(_flag, True, shapes.FLAG)]
Quorum: TypeAlias = Annotated[
    Fraction | int, *_cell(_quorum, Fraction(1), shapes.QUORUM, kept=True)
]
GateEnd: TypeAlias = Annotated[
    GateAfterDue | GateBy | None,
    *_cell(lambda v: read_gate_end(_line(v)), None, shapes.GATE_END, kept=True),
]
WorkingDays: TypeAlias = Annotated[int, *_cell(_working_days, 1, shapes.working_days(MOST_RUNGS))]
Count: TypeAlias = Annotated[
    int, *_cell(_whole(1, MOST_RUNGS), 1, shapes.whole("count", 1, MOST_RUNGS))
]
CountOrNone: TypeAlias = Annotated[
    int, *_cell(_whole(0, MOST_RUNGS), 0, shapes.whole("count-or-none", 0, MOST_RUNGS))
]
Counts: TypeAlias = Annotated[
    tuple[int, ...],
    *_cell(
        _list_of(_whole(0, MOST_RUNGS)),
        (),
        shapes.wholes("counts", 0, MOST_RUNGS, may_be_empty=True),
        may_be_empty=True,
    ),
]
Rows: TypeAlias = Annotated[
    tuple[int, ...],
    *_cell(
        _list_of(_whole(1, MOST_ROWS)), (), shapes.wholes("rows", 1, MOST_ROWS, may_be_empty=False)
    ),
]
Year: TypeAlias = Annotated[
    int,
    *_cell(_whole(FIRST_YEAR, LAST_YEAR), LAST_YEAR, shapes.whole("year", FIRST_YEAR, LAST_YEAR)),
]
