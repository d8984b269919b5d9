"""Skeleton: a plan and a register to start from, each key with its meaning beside it.

What is written passes `check` as it stands, and goes on passing it when proposals are taken
up: a line whose `#` stands right before a word. Prose has a blank after its `#`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from language.catalogue import text
from language.dates import day as written_day
from plan_definitions.dates import bare, tidy
from plan_definitions.handbook import forms
from plan_definitions.reading.yaml_source import HIDDEN, parse
from plan_definitions.register import Register
from plan_definitions.schema import (
    AbsenceForm,
    AgencyForm,
    AppendixForm,
    CommuneForm,
    ContactForm,
    EscalationForm,
    EventForm,
    Form,
    GateForm,
    LadderForm,
    NoteForm,
    OverdueForm,
    PlanForm,
    QuietForm,
    RegisterForm,
    StageForm,
    SubstituteForm,
    TaskForm,
    WhenForm,
)

WIDTH = 99
_HELD = "\0"  # a blank at which no line may end
ISSUER_KIND = "issuer"
COORDINATOR = "so-noi-vu"
"""The department that follows plans up, where a register has it."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which part in a new plan: agency ids, and a group or ids for those who report."""

    issuer: str
    coordinator: str
    reporting: tuple[str, ...]

    @classmethod
    def of(cls, register: Register) -> Cast:
        """Choose from a register, among those who can be written to."""
        known = register.agencies.values()
        reachable = [agency for agency in known if agency.email] or list(known)
        ids = [agency.id for agency in reachable]
        issuer = next((one.id for one in reachable if one.kind == ISSUER_KIND), ids[0])
        others = [one for one in ids if one != issuer] or [issuer]
        coordinator = COORDINATOR if COORDINATOR in others else others[0]
        return cls(issuer, coordinator, _reporting(register, ids, {issuer, coordinator}))


def _reporting(register: Register, reachable: Sequence[str], above: set[str]) -> tuple[str, ...]:
    """Return a group of those who report, or a few of them."""
    for group, members in register.groups.items():
        if members and above.isdisjoint(members) and set(members) <= set(reachable):
            return (group,)
    return tuple(one for one in reachable if one not in above)[:3] or (reachable[-1],)


NEWCOMERS = Cast("ubnd-tinh", COORDINATOR, ("departments",))
"""The parts in a register that is new itself."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a plan before it is written: paths as the plan file names them.

    `first_due` and `last_due` are working days after the issue.
    """

    language: str
    id: str
    number: str
    title: str
    issued: date
    first_due: date
    last_due: date
    agencies: str
    calendar: str
    schema: str
    cast: Cast = NEWCOMERS


def slug(written: str) -> str:
    """Return a text as an id or a file's name: `37/KH-UBND` is `37-kh-ubnd`."""
    return re.sub(r"[^a-z0-9]+", "-", bare(written)).strip("-")[:80].strip("-")


def register_text(language: str, *, name: str, as_of: date, schema: str) -> str:
    """Return a small register, to be filled with the agencies of a province."""
    page = _Page(language)
    page.schema(schema)
    page.prose(page.say("head-register"))
    page.blank()
    page.keys(RegisterForm, "register", name)
    page.keys(RegisterForm, "as_of", _day(language, as_of))
    page.blank()
    page.keys(RegisterForm, "agencies")
    page.list_keys(AgencyForm, indent=2)
    people = (
        (NEWCOMERS.issuer, "agency-issuer", ISSUER_KIND, "ubnd"),
        (NEWCOMERS.coordinator, "agency-coordinator", "department", "sonoivu"),
        ("so-tu-phap", "agency-first", "department", "sotuphap"),
        ("so-tai-chinh", "agency-second", "department", "sotaichinh"),
    )
    for key, named, kind, host in people:
        said = f"{{name: {page.say(named)}, kind: {kind}, email: vanthu@{host}.example}}"
        page.line(f"{key}: {said}", indent=2)
    page.blank()
    _contacts(page, as_of)
    page.blank()
    page.keys(RegisterForm, "groups")
    page.line("departments: [so-tu-phap, so-tai-chinh]", indent=2)
    page.blank()
    page.meaning(RegisterForm, "communes")
    page.list_keys(CommuneForm)
    page.proposal(
        "communes:",
        f"  {NEWCOMERS.issuer}:",
        f'    xa-a: {{name: {page.say("commune")}, code: "00001", email: vanthu@xaa.example}}',
    )
    return page.text()


def _contacts(page: _Page, as_of: date) -> None:
    """Write an agency with contacts, and each key of theirs."""
    page.prose(page.say("contacts"), indent=2)
    page.list_keys(ContactForm, indent=2)
    for key, form in (("away", AbsenceForm), ("substitute", SubstituteForm)):
        page.prose(page.say("keys-of", name=key), indent=2)
        page.list_keys(form, indent=2)
    day = _day(page.language, as_of)
    page.proposal(
        "so-y-te:",
        f"  name: {page.say('agency-third')}",
        "  kind: department",
        "  email: vanthu@soyte.example",
        "  contacts:",
        f"    - name: {page.say('person')}",
        "      role: focal",
        "      email: a@soyte.example",
        f"      away: [{{from: {day}, until: {day}, why: {page.say('absence')}}}]",
        f"      substitute: {{name: {page.say('other-person')}, email: b@soyte.example}}",
        f"    - {{name: {page.say('head')}, role: head, email: c@soyte.example}}",
        indent=2,
    )


def plan_text(draft: Draft, *, file: str) -> str:
    """Return a plan of two stages, to be filled with what the document says."""
    page = _Page(draft.language)
    page.schema(draft.schema)
    page.prose(page.say("head-plan"))
    page.prose(page.say("commands", file=file))
    page.prose(page.say("lookup"))
    page.blank()
    _head(page, draft)
    _shared(page, draft)
    page.keys(PlanForm, "stages")
    page.blank()
    _reports(page, draft)
    page.blank()
    _summary(page, draft)
    page.blank()
    _ladders(page)
    page.blank()
    _quiet(page, draft.first_due)
    page.blank()
    _notes(page)
    return page.text()


def _head(page: _Page, draft: Draft) -> None:
    values = {
        "plan": draft.id,
        "number": _scalar(draft.number),
        "title": _scalar(draft.title),
        "issued": _day(draft.language, draft.issued),
        "issuer": draft.cast.issuer,
        "coordinator": draft.cast.coordinator,
        "superior": draft.cast.issuer,
        "language": draft.language,
        "agencies": _scalar(draft.agencies),
        "calendar": _scalar(draft.calendar),
    }
    for key, value in values.items():
        page.keys(PlanForm, key, value)
    for key in ("time_zone", "ladder"):
        page.meaning(PlanForm, key)
        page.proposal(f"{key}: {_default(PlanForm, key)}")
    page.blank()


def _shared(page: _Page, draft: Draft) -> None:
    """Write what a plan says once for all its tasks."""
    coordinator, issuer = draft.cast.coordinator, draft.cast.issuer
    page.keys(PlanForm, "defaults")
    page.line(f"to: {coordinator}", indent=2)
    page.blank()
    page.meaning(PlanForm, "groups")
    page.proposal("groups:", f"  {page.say('group')}: [{coordinator}, {issuer}]")
    page.blank()
    page.meaning(PlanForm, "appendices")
    page.list_keys(AppendixForm)
    page.proposal("appendices:", f"  I: {{title: {page.say('appendix-title')}, items: 5}}")
    page.blank()
    page.meaning(PlanForm, "events")
    page.list_keys(EventForm)
    page.proposal(
        "events:",
        f"  {page.say('event')}:",
        f"    title: {page.say('event-title')}",
        f"    document: {page.say('event-document')}",
        "    correlate: {period: 2021-2030}",
    )
    page.blank()


def _reports(page: _Page, draft: Draft) -> None:
    """Write the first stage, with each key of a stage and of a task."""
    cast = draft.cast
    page.prose(page.say("rename"), indent=2)
    page.line("reports:", indent=2)
    page.keys(StageForm, "title", page.say("stage-reports"), indent=4)
    page.meaning(StageForm, "ref", indent=4)
    page.proposal(f"ref: {page.say('ref-report')}", indent=4)
    page.meaning(StageForm, "defaults", indent=4)
    page.proposal("defaults: {roll: forward}", indent=4)
    page.keys(StageForm, "tasks", indent=4)
    page.line("report:", indent=6)
    page.keys(TaskForm, "title", page.say("task-report"), indent=8)
    page.keys(TaskForm, "by", _listed(cast.reporting), indent=8)
    page.keys(TaskForm, "due", _deadline(page, draft.first_due), indent=8)
    proposals = {
        "to": cast.issuer,
        "copy": f"[{cast.issuer}]",
        "with": f"[{cast.coordinator}]",
        "concerning": "communes",
        "roll": "forward",
        "ladder": _default(PlanForm, "ladder"),
        "appendix": "[Phụ lục I]",
        "ref": page.say("ref-report"),
        "row": "1",
        "note": page.say("note"),
    }
    for key, value in proposals.items():
        page.meaning(TaskForm, key, indent=8)
        page.proposal(f"{key}: {value}", indent=8)
    page.meaning(StageForm, "gate", indent=4)
    page.list_keys(GateForm, indent=4)
    page.line(f"gate: {{quorum: 90%, or: {page.say('gate-end')}}}", indent=4)


def _summary(page: _Page, draft: Draft) -> None:
    """Write the second stage, which waits for the first."""
    page.line("summary:", indent=2)
    page.line(f"title: {page.say('stage-summary')}", indent=4)
    page.keys(StageForm, "needs", "[reports]", indent=4)
    page.meaning(StageForm, "when", indent=4)
    page.list_keys(WhenForm, indent=4)
    page.proposal(f"when: {{event: {page.say('event')}}}", indent=4)
    page.line("tasks:", indent=4)
    page.line("summary-report:", indent=6)
    page.line(f"title: {page.say('task-summary')}", indent=8)
    page.line(f"by: {draft.cast.coordinator}", indent=8)
    page.line(f"to: {draft.cast.issuer}", indent=8)
    page.line(f"due: {_deadline(page, draft.last_due)}", indent=8)
    page.meaning(TaskForm, "collects", indent=8)
    page.proposal("collects: reports/report", indent=8)


def _ladders(page: _Page) -> None:
    page.keys(PlanForm, "ladders")
    page.line(f"{_default(PlanForm, 'ladder')}:", indent=2)
    for key in ("send_at", "office_ends"):
        page.keys(LadderForm, key, f'"{_default(LadderForm, key)}"', indent=4)
    page.meaning(LadderForm, "tell_partners", indent=4)
    page.proposal("tell_partners: true", indent=4)
    page.keys(LadderForm, "remind", "[10, 5, 2, 1, 0]", indent=4)
    page.meaning(LadderForm, "overdue", indent=4)
    page.list_keys(OverdueForm, indent=4)
    page.line("overdue: {first: 1, every: 1, at_most: 10}", indent=4)
    page.meaning(LadderForm, "escalate", indent=4)
    page.list_keys(EscalationForm, indent=4)
    page.line("escalate:", indent=4)
    for count, level in ((1, "coordinator"), (5, "superior")):
        days = page.say("working-days", count=count)
        page.line(f"- {{after: {days}, to: {level}}}", indent=6)
    page.meaning(LadderForm, "extends", indent=2)
    name = page.say("ladder")
    page.proposal(
        f"{name}:", f"  extends: {_default(PlanForm, 'ladder')}", "  remind: [3, 0]", indent=2
    )


def _quiet(page: _Page, day: date) -> None:
    page.meaning(PlanForm, "quiet")
    page.list_keys(QuietForm)
    said = _day(page.language, day)
    page.proposal("quiet:", f"  - {{from: {said}, until: {said}, why: {page.say('quiet')}}}")


def _notes(page: _Page) -> None:
    page.meaning(PlanForm, "notes")
    page.list_keys(NoteForm)
    page.proposal(
        "notes:",
        f"  - ref: {page.say('ref-note')}",
        f"    text: {page.say('note-text')}",
        f"    why: {page.say('note-why')}",
    )


class _Page:
    """Gathers the lines of a skeleton, in a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.lines: list[str] = []

    def say(self, key: str, **values: Any) -> str:
        return text(self.language, f"skeleton.{key}", **values)

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def schema(self, path: str) -> None:
        self.lines.append(f"# yaml-language-server: $schema={path}")

    def blank(self) -> None:
        self.lines.append("")

    def line(self, said: str, indent: int = 0) -> None:
        self.lines.append(" " * indent + said)

    def prose(self, said: str, indent: int = 0) -> None:
        """Write a comment, over as many lines as it needs."""
        lead = " " * indent + "# "
        whole = re.sub("`[^`]*`", lambda typed: typed[0].replace(" ", _HELD), said)
        wrapped = textwrap.wrap(
            whole,
            WIDTH,
            initial_indent=lead,
            subsequent_indent=lead,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.lines += [line.replace(_HELD, " ") for line in wrapped]

    def proposal(self, *lines: str, indent: int = 0) -> None:
        """Write lines that are not in use until their # is taken out."""
        self.lines += [f"{' ' * indent}#{line}" for line in lines]

    def meaning(self, form: type[Form], name: str, indent: int = 0) -> None:
        """Write what a key of a form means."""
        self.prose(_key(form, name).meaning(self.language), indent)

    def keys(self, form: type[Form], name: str, value: str = "", indent: int = 0) -> None:
        """Write a key, what it means above it."""
        self.meaning(form, name, indent)
        self.line(f"{name}: {value}" if value else f"{name}:", indent)

    def list_keys(self, form: type[Form], indent: int = 0) -> None:
        """Write what each key of a form means that stands on one line."""
        for key in forms.keys(form):
            meaning = key.meaning(self.language)
            self.prose(self.say("key", name=key.name, meaning=meaning), indent)


def _key(form: type[Form], name: str) -> forms.Key:
    (found,) = (key for key in forms.keys(form) if key.name == name)
    return found


def _default(form: type[Form], name: str) -> str:
    return str(_key(form, name).default)


def _listed(names: Iterable[str]) -> str:
    known = tuple(names)
    return known[0] if len(known) == 1 else f"[{', '.join(known)}]"


def _day(language: str, value: date) -> str:
    return written_day("vi", value) if language == "vi" else value.isoformat()


def _deadline(page: _Page, day: date) -> str:
    return page.say("by-day", written=_day(page.language, day))


def _scalar(written: str) -> str:
    """Return a line of text as YAML reads it back: in quotes only where it must be."""
    line = HIDDEN.sub("", "".join(sign for sign in tidy(written) if sign.isprintable()))
    document, found = parse("", f"value: {line}\n")
    if document is not None and not found and document.value == {"value": line}:
        return line
    return json.dumps(line, ensure_ascii=False)
