"""Diagnostics: what is wrong or doubtful in a file, where, and the way out.

A diagnostic keeps a kind and its values; the sentences stand in the catalogue
(`language/*/diagnostics.toml`, `diagnostic.<kind>.message` and `.help`). Codes are stable
and grouped by tens: 10x files, 11x how YAML is written, 12x keys and kinds of value,
13x dates and deadlines, 14x names of things, 15x the graph and the gates, 16x addresses,
places and calendars, 17x ladders, 18x scenarios, 19x contacts and quiet days, 20x–22x warnings
and advice, 23x advice on calendars. `RULES` is the table.

The error tree:

    PlanDefinitionError
    ├── PlanFaults     the files hold no plan; carries every diagnostic
    └── Misread        one text is not understood; the readers turn it into a diagnostic
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from language.catalogue import has, text


class Severity(StrEnum):
    """An error stops the plan; a warning is probably wrong; advice is worth a look."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


RULES: Mapping[str, str] = {
    "missing-file": "DD101",
    "file-too-large": "DD102",
    "not-utf8": "DD103",
    "control-character": "DD104",
    "bad-path": "DD105",
    "too-many-files": "DD106",
    "line-too-long": "DD107",
    "too-many-faults": "DD108",
    "empty-file": "DD110",
    "tab": "DD111",
    "yaml-syntax": "DD112",
    "duplicate-key": "DD113",
    "anchor": "DD114",
    "tag": "DD115",
    "too-deep": "DD116",
    "too-many-values": "DD117",
    "several-documents": "DD118",
    "key-not-text": "DD119",
    "line-break": "DD120",
    "missing-key": "DD121",
    "unknown-key": "DD122",
    "wrong-type": "DD123",
    "empty-value": "DD124",
    "bad-id": "DD125",
    "not-one-of": "DD126",
    "not-a-number": "DD127",
    "number-out-of-range": "DD128",
    "id-used-twice": "DD129",
    "wrong-weekday": "DD130",
    "phrase-not-understood": "DD131",
    "not-a-date": "DD132",
    "impossible-date": "DD133",
    "not-a-time": "DD134",
    "date-out-of-range": "DD135",
    "unknown-origin": "DD136",
    "not-a-moment": "DD137",
    "period-not-understood": "DD138",
    "appendix-not-understood": "DD139",
    "no-parent": "DD140",
    "unknown-agency": "DD141",
    "unknown-stage": "DD142",
    "unknown-event": "DD143",
    "unknown-task": "DD144",
    "unknown-ladder": "DD145",
    "group-cycle": "DD146",
    "group-not-agency": "DD147",
    "ladder-cycle": "DD148",
    "unknown-appendix": "DD149",
    "stage-cycle": "DD151",
    "stage-needs-itself": "DD152",
    "unreachable-stage": "DD153",
    "empty-stage": "DD154",
    "quorum-out-of-range": "DD155",
    "gate-without-deadline": "DD156",
    "quorum-not-understood": "DD157",
    "gate-not-understood": "DD158",
    "bad-email": "DD161",
    "no-email": "DD162",
    "unknown-zone": "DD163",
    "unknown-country": "DD164",
    "communes-without-email": "DD165",
    "calendar-cycle": "DD166",
    "base-or-extends": "DD167",
    "day-contradicted": "DD168",
    "day-twice": "DD169",
    "office-ends-before-sending": "DD171",
    "no-superior": "DD172",
    "rung-never-reached": "DD173",
    "unknown-obligation": "DD181",
    "dated-after-recorded": "DD182",
    "entry-without-act": "DD183",
    "entry-with-two-acts": "DD184",
    "misplaced-key": "DD185",
    "outage-ends-first": "DD186",
    "event-not-matched": "DD187",
    "address-twice": "DD191",
    "own-substitute": "DD192",
    "span-reversed": "DD193",
    "quiet-too-long": "DD194",
    "last-day-off": "DD201",
    "undated-task-awaited": "DD202",
    "no-recipient": "DD203",
    "sender-is-recipient": "DD204",
    "unused-agency": "DD205",
    "unused-communes": "DD206",
    "estimated-year": "DD207",
    "uncertain-day": "DD208",
    "due-before-issue": "DD209",
    "event-not-awaited": "DD210",
    "no-communes": "DD211",
    "due-after-reader": "DD212",
    "input-due-same-day": "DD213",
    "appendix-covered-twice": "DD214",
    "appendix-not-covered": "DD215",
    "no-lead": "DD216",
    "reminders-before-opening": "DD217",
    "communes-undated": "DD218",
    "document-doubt": "DD219",
    "gate-before-opening": "DD220",
    "undated-tasks-awaited": "DD221",
    "unused-event": "DD222",
    "unused-ladder": "DD223",
    "no-focal-point": "DD224",
    "reminders-in-quiet-days": "DD225",
    "date-before-event": "DD226",
    "unsigned-letter": "DD227",
    "worked-anyway": "DD230",
    "off-anyway": "DD231",
    "notices-behind": "DD232",
}

MOST_OF_A_KIND = 50
"""Diagnostics of one kind that are shown of a file; the last says how many more there are."""

_LONGEST_QUOTE = 120
_WHOLE = frozenset({"doubt"})  # what is never cut
_LONGEST_NAME = 100  # comparing names takes the square of their length
_MOST_NAMES = 500  # that are compared, and
_MOST_SAID = 30  # that one sentence lists
_WARNINGS = frozenset(
    {
        "undated-task-awaited",
        "due-before-issue",
        "event-not-awaited",
        "due-after-reader",
        "gate-before-opening",
    }
)


class PlanDefinitionError(Exception):
    """What was written is not understood."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word within a sentence that the catalogue says in the reader's language."""

    key: str


class Misread(PlanDefinitionError, ValueError):
    """One text is not understood: the kind of fault and its values.

    A part may be a function that makes the value: what was probably meant takes a while to
    find, and of ten thousand faults of a kind only a few are said. In a list, `others` are
    the faults of the items that follow.
    """

    def __init__(self, kind: str, *, variant: str = "", **parts: Any) -> None:
        super().__init__(kind)
        self.kind, self.variant, self.parts = kind, variant, parts
        self.others: tuple[Misread, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """The values of the sentence."""
        return made(self.parts)


def made(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a sentence, those that are still to be made among them."""
    return {key: part() if callable(part) else part for key, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault or piece of advice. `line` and `column` count from 1, in characters.

    `variant` picks among several sentences (`message-<variant>`) and ways out
    (`help-<variant>`); `excerpt` is the line; `more` is how many of the kind in the file
    are not shown.
    """

    kind: str
    file: str
    line: int
    column: int
    values: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    excerpt: str = ""
    more: int = 0

    @property
    def code(self) -> str:
        """The stable code, such as DD131."""
        return RULES[self.kind]

    @property
    def severity(self) -> Severity:
        """How grave it is; the 2xx codes stop nobody."""
        return severity_of(self.kind)

    @property
    def is_fault(self) -> bool:
        """Whether there is no plan because of it."""
        return self.severity is Severity.ERROR

    def message(self, language: str = "vi") -> str:
        """Say in one plain sentence what is the matter, and in another of how many more."""
        said = self._say(language, "message")
        if self.more:
            said = f"{said} {text(language, 'diagnostic-severity.more', count=self.more)}"
        return said

    def help(self, language: str = "vi") -> str:
        """Say the way out."""
        return self._say(language, "help")

    def _say(self, language: str, part: str) -> str:
        varied = f"{part}-{self.variant}"
        if self.variant and has(language, f"diagnostic.{self.kind}.{varied}"):
            part = varied
        values = {
            key: value if key in _WHOLE else _worded(language, value)
            for key, value in self.values.items()
        }
        return text(language, f"diagnostic.{self.kind}.{part}", **values)

    def to_json(self, language: str = "vi") -> dict[str, Any]:
        """Return the JSON value that `check --format json` lists."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message(language),
            "help": self.help(language),
        }


class PlanFaults(PlanDefinitionError):
    """The files hold no plan; `diagnostics` are all of its faults."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(limited(diagnostics))
        super().__init__(self.diagnostics)

    def say(self, language: str = "vi") -> str:
        """Return every fault on a line of its own: place and sentence."""
        return "\n".join(
            f"{d.file}:{d.line}:{d.column}: {d.code} {d.message(language)}"
            for d in self.diagnostics
        )

    def __str__(self) -> str:
        return self.say()


def limited(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the first diagnostics of each kind in each file; the last tells of the rest."""
    kept: list[Diagnostic] = []
    places: dict[tuple[str, str], list[int]] = {}
    more: Counter[tuple[str, str]] = Counter()
    for diagnostic in found:
        group = (diagnostic.file, diagnostic.kind)
        shown = places.setdefault(group, [])
        more[group] += diagnostic.more
        if len(shown) < MOST_OF_A_KIND:
            shown.append(len(kept))
            kept.append(diagnostic)
        else:
            more[group] += 1
    for group, count in more.items():
        if count:
            for place in places[group]:
                kept[place] = replace(kept[place], more=0)
            last = places[group][-1]
            kept[last] = replace(kept[last], more=count)
    return kept


def has_faults(diagnostics: Iterable[Diagnostic]) -> bool:
    """Say whether any of them is a fault, not mere advice."""
    return any(diagnostic.is_fault for diagnostic in diagnostics)


def severity_of(kind: str) -> Severity:
    """Say how grave a kind is."""
    if kind in _WARNINGS:
        return Severity.WARNING
    return Severity.ADVICE if RULES[kind].startswith("DD2") else Severity.ERROR


def _worded(language: str, value: Any) -> Any:
    if isinstance(value, Term):
        return text(language, f"diagnostic-term.{value.key}")
    if isinstance(value, str) and len(value) > _LONGEST_QUOTE:
        return value[:_LONGEST_QUOTE].rstrip() + "…"
    if isinstance(value, list | tuple) and len(value) > _MOST_SAID:
        return [*value[:_MOST_SAID], "…"]
    return value


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word that `word` was probably meant to be, if there is one."""
    if len(word) > _LONGEST_NAME:
        return None
    candidates: Sequence[str] = [name for name in known if name != word]
    if len(candidates) > _MOST_NAMES:
        candidates = sorted(candidates, key=lambda name: name[:3] != word[:3])[:_MOST_NAMES]
    return next(iter(get_close_matches(word, candidates, n=1, cutoff=cutoff)), None)
