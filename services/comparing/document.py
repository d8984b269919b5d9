"""Document: a comparison as one JSON value, as `docs/json.md` describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.deadline import Deadline
from engine.ledger import ObligationState
from engine.plan import Obligation, Plan, Stage
from engine.rehearsal import Issued
from services.comparing.changes import Change, Differences, Edited
from services.comparing.comparison import Comparison
from services.comparing.duties import Moved, Reworked
from services.comparing.mails import Box, Pair, Single
from services.comparing.outline import Outline, StageMove
from services.comparing.renames import Renames
from services.views.previewing import derivation, gate_text, message_json

T = TypeVar("T")


def to_json(compared: Comparison, language: str) -> dict[str, Any]:
    """Return the comparison as a JSON value; derivations are said in `language`."""
    old, new, outline = compared.old.plan, compared.new.plan, compared.outline
    return {
        "old": {"plan": old.id, "number": old.number},
        "new": {"plan": new.id, "number": new.number},
        "scenario": compared.new.scenario.id if compared.new.scenario.title else None,
        "same": compared.is_same,
        "same_texts": compared.same_texts,
        "counts": {key: dict(counts) for key, counts in compared.counts.items()},
        "renamed": _renamed(compared.renames),
        "head": _fields(outline.head),
        **_outline(compared, language),
        "obligations": _obligations(compared, language),
        "recipients": {"newly": list(compared.newly), "no_longer": list(compared.no_longer)},
        "mails": {box.recipient: _box(box, compared) for box in compared.boxes if not box.is_same},
    }


def _renamed(renames: Renames) -> list[dict[str, str]]:
    kinds: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("stage", renames.stages),
        ("task", renames.tasks),
        ("agency", renames.agencies),
        ("event", renames.events),
        ("ladder", renames.ladders),
    )
    return [
        {"what": what, "from": old, "to": new}
        for what, found in kinds
        for old, new in found.items()
    ]


def _outline(compared: Comparison, language: str) -> dict[str, Any]:
    outline: Outline = compared.outline
    return {
        "stages": {
            **_differences(outline.stages, lambda stage: {"id": stage.id, "title": stage.title}),
            "changed": [_stage(edited, compared, language) for edited in outline.stages.edited],
            "moved": [_stage_move(move, compared) for move in compared.stages],
        },
        "ladders": _differences(outline.ladders, lambda ladder: {"id": ladder.name}),
        "events": _differences(
            outline.events, lambda event: {"id": event.name, "title": event.title}
        ),
        "agencies": _differences(
            outline.agencies, lambda agency: {"id": agency.id, "name": agency.name}
        ),
        "groups": _fields(outline.groups),
        "calendar": {
            "days": [
                {"date": one.day.isoformat(), "working": one.is_working, "name": one.name}
                for one in outline.calendar
            ],
            "fields": _fields(outline.estimates),
        },
        "notes": {
            "added": [_plain(note) for note in outline.notes.added],
            "gone": [_plain(note) for note in outline.notes.gone],
        },
    }


def _differences(
    found: Differences[T], called: Callable[[T], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    return {
        "added": [called(one) for one in found.added],
        "gone": [called(one) for one in found.gone],
        "changed": [
            {**called(edited.new), "fields": _fields(edited.changes)} for edited in found.edited
        ],
    }


def _stage(edited: Edited[Stage], compared: Comparison, language: str) -> dict[str, Any]:
    """Say a gate as the preview does: the same rule counts another number when agencies do."""

    def gate(stage: Stage, plan: Plan) -> dict[str, Any]:
        said = gate_text(stage.gate, len(plan.gated(stage)), language)
        return {"gate": said, "tasks": list(stage.gate.tasks)}

    found = _fields(change for change in edited.changes if change.field != "gate")
    if len(found) < len(edited.changes):
        old, new = compared.old.plan, compared.new.plan
        turned = {"from": gate(edited.old, old), "to": gate(edited.new, new)}
        found.append({"field": "gate", **turned})
    return {"id": edited.new.id, "title": edited.new.title, "fields": found}


def _stage_move(move: StageMove, compared: Comparison) -> dict[str, Any]:
    def turn(moments: tuple[datetime | None, datetime | None]) -> dict[str, Any]:
        old, new = moments
        return {
            "from": _instant(compared.old.plan, old),
            "to": _instant(compared.new.plan, new),
        }

    return {"id": move.stage.id, "opens": turn(move.opens), "done": turn(move.done)}


def _obligations(compared: Comparison, language: str) -> dict[str, Any]:
    duties, old, new = compared.duties, compared.old.state, compared.new.state
    return {
        "added": [_owed(one, new.obligations[one.id]) for one in duties.added],
        "gone": [_owed(one, old.obligations[one.id]) for one in duties.gone],
        "renamed": [{"from": was.id, "to": now.id} for was, now in duties.renamed],
        "changed": [_reworked(one) for one in duties.changed],
        "moved": [_moved(move, language) for move in duties.moved],
        "outcomes": [
            {"id": move.obligation.id, "from": move.old.value, "to": move.new.value}
            for move in duties.outcomes
        ],
    }


def _owed(owed: Obligation, state: ObligationState) -> dict[str, Any]:
    return {**_place(owed), "agency": owed.agency.id, "last_day": _day(state.due)}


def _place(owed: Obligation) -> dict[str, Any]:
    return {"id": owed.id, "stage": owed.stage.id, "task": owed.task.id}


def _reworked(one: Reworked) -> dict[str, Any]:
    return {
        "id": f"{one.stage}/{one.task.new.id}",
        "stage": one.stage,
        "task": one.task.new.id,
        "agencies": list(one.agencies),
        "fields": _fields(one.task.changes),
    }


def _moved(move: Moved, language: str) -> dict[str, Any]:
    owed = move.new.obligation
    return {
        "id": owed.id,
        "stage": owed.stage.id,
        "task": owed.task.id,
        "agency": owed.agency.id,
        "from": _day(move.old.due),
        "to": _day(move.new.due),
        "days": move.days,
        "working_days": move.working_days,
        "cause": move.cause.value,
        "why_old": derivation(move.old.due, language),
        "why_new": derivation(move.new.due, language),
    }


def _box(box: Box, compared: Comparison) -> dict[str, Any]:
    old, new = compared.old.plan, compared.new.plan

    def single(one: Single, plan: Plan, others: Plan, word: str) -> dict[str, Any]:
        moments = [_instant(others, mail.digest.send_at) for mail in one.others]
        return {**_mail(one.mail, plan), word: moments}

    def pair(one: Pair) -> dict[str, Any]:
        before, after = one.subjects
        return {"from": _mail(one.old, old, before), "to": _mail(one.new, new, after)}

    return {
        "vanish": [single(one, old, new, "merged_into") for one in box.vanish],
        "appear": [single(one, new, old, "split_from") for one in box.appear],
        "move": [pair(one) for one in box.move],
        "change": [
            {**pair(one), "lines": {"gone": list(one.gone), "added": list(one.added)}}
            for one in box.change
        ],
    }


def _mail(issued: Issued, plan: Plan, subject: str = "") -> dict[str, Any]:
    """A mail as a preview has it, without whose it is: it stands under its recipient's id."""
    said = message_json(plan, issued, subject)
    return {key: value for key, value in said.items() if key != "to"}


def _fields(found: Iterable[Change]) -> list[dict[str, Any]]:
    return [{"field": one.field, "from": _plain(one.old), "to": _plain(one.new)} for one in found]


def _plain(value: Any) -> Any:
    """Return a value of the plan as JSON has it."""
    match value:
        case None | bool() | int() | str():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case ZoneInfo():
            return value.key
        case Fraction():
            return str(value)
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return str(value)


def _day(deadline: Deadline | None) -> str | None:
    return None if deadline is None else deadline.last_day.isoformat()


def _instant(plan: Plan, moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(plan.zone).isoformat()
