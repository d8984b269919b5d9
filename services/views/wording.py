"""Wording: how rungs and entries are called where people read them, in one place."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from engine.ledger import Entry, EntryKind, ObligationState, RunState
from engine.plan import Plan
from language.catalogue import has, text
from services.recording import Announced, Recorded
from services.runs import some

_NUMBERED = re.compile(r"([a-z]+)-(\d+)")


def rung_name(language: str, rung: str) -> str:
    """Call a rung as people do: `overdue-2` is “đôn đốc lần 2”."""
    numbered = _NUMBERED.fullmatch(rung)
    if numbered is None:
        return text(language, f"rung.{rung}") if has(language, f"rung.{rung}") else rung
    kind, count = numbered[1], int(numbered[2])
    key = f"rung.{kind}-0" if count == 0 and has(language, f"rung.{kind}-0") else f"rung.{kind}"
    return text(language, key, count=count) if has(language, key) else rung


def recorded(language: str, recorded: Recorded) -> str:
    """Say what was recorded, about whom, and which stages it closed or opened."""
    first = recorded.entries[0]
    said = [_said(language, recorded, first)]
    said += [
        text(language, f"record.{entry.kind.value}", what=_stage(recorded.plan, entry.stage))
        for entry in recorded.turned
    ]
    return " ".join(said)


def announced(language: str, announced: Announced) -> str:
    """Say what an outside event came to: where it is new, what stood already, what it opened."""
    name, plan = announced.name, announced.plan
    title = plan.events[name].title
    said: list[str] = []
    values: dict[str, Any]
    if announced.recorded:
        document = announced.document
        dated = announced.recorded[0].entries[0].happened_at.astimezone(plan.zone).date()
        values = {"event": name, "title": title, "document": document, "dated": dated}
        said.append(text(language, "record.event", **values))
    turned: list[str] = []
    for one in announced.recorded:
        opened = {entry.stage for entry in one.turned}
        turned += [
            text(language, "record.event-waits", what=_stage(one.plan, stage.id))
            for stage in one.plan.stages
            if stage.event == name and stage.id not in opened
        ]
        turned += [
            text(language, f"record.{entry.kind.value}", what=_stage(one.plan, entry.stage))
            for entry in one.turned
        ]
    for sentence, count in Counter(turned).items():  # said once, however many runs it is so in
        said.append(sentence)
        if count > 1:
            said.append(text(language, "record.event-in", count=count))
    standing = defaultdict[tuple[str, datetime, datetime], list[str]](list)
    for run, event in announced.known.items():
        standing[event.document, event.happened_at, event.recorded_at].append(run)
    for (stands, happened_at, since), runs in standing.items():
        values = {
            "run": some(runs),
            "event": name,
            "title": title,
            "document": announced.document,
            "stands": stands,
            "dated": happened_at.astimezone(plan.zone).date(),
            "since": since.astimezone(plan.zone),
        }
        same = stands.strip() == announced.document.strip()
        said.append(text(language, f"record.event-{'known' if same else 'stands'}", **values))
    if announced.unasked:
        written = ", ".join(f"{key}={value}" for key, value in announced.unasked.items())
        said.append(text(language, "record.event-unasked", values=written))
    return " ".join(said)


def remarks(language: str, plan: Plan, state: ObligationState, now: datetime) -> list[str]:
    """Say what is to be known of an obligation besides its outcome, each in a few words."""
    said = []
    if state.is_closed and state.is_nil:
        said.append(text(language, "record.nil"))
    if state.in_part is not None and not state.is_closed:
        on = state.in_part.on.astimezone(plan.zone).date()
        said.append(text(language, "remark.in-part", count=state.in_part.count, day=on))
    if state.difficulties:
        since = state.difficulties[0].since.astimezone(plan.zone).date()
        said.append(text(language, "remark.difficulty", day=since))
    if state.is_open and state.is_paused(now):
        said.append(text(language, "remark.paused"))
    return said


def pauses(language: str, state: RunState, now: datetime) -> list[str]:
    """Say which pauses hold in a run: of whom, since when, until when, and why."""
    said = []
    for pause in state.paused(now):
        name = state.plan.agencies[pause.agency].name if pause.agency else ""
        scope = "agency" if pause.agency else "run"
        ends = "" if pause.until is None else text(language, "record.until", until=pause.until)
        values = {
            "name": name,
            "since": pause.since.astimezone(state.plan.zone).date(),
            "until": f", {ends}" if ends else "",
            "why": pause.why.strip().rstrip("."),
        }
        said.append(text(language, f"remark.paused-{scope}", **values))
    return said


def entry_detail(language: str, entry: Entry, plan: Plan) -> str:
    """Say what an entry carries besides its kind, in one line; empty where there is nothing."""
    data = entry.data
    match data:
        case {"rung": rung, "recipient": recipient}:
            return f"{rung_name(language, rung)} → {plan.agencies[recipient].name}"
        case {"address": address, "verdict": _, "recipient": recipient}:
            return f"→ {plan.agencies[recipient].name} <{address}>: {data['detail']}"
        case {"subject": subject, "recipient": recipient}:
            copies = _only_copies(language, data) if data.get("only_copies") else ""
            return f"→ {plan.agencies[recipient].name}: {subject}{copies}"
        case {"event": event}:
            values = ", ".join(f"{k}={v}" for k, v in data.get("values", {}).items())
            return f"{event} ({values})" if values else str(event)
    told = [
        *([plan.agencies[data["agency"]].name] if data.get("agency") else []),
        *([text(language, "record.nil")] if data.get("nil") else []),
        *([text(language, "record.until", until=_day(data["until"]))] if "until" in data else []),
        *([text(language, "record.days", count=data["days"])] if data.get("days") else []),
        *(str(data[key]) for key in ("reason", "what", "answer") if data.get(key)),
    ]
    if isinstance(data.get("missing"), list) and data["missing"]:
        names = [_agency(plan, key) for key in data["missing"]]
        told.append(text(language, "record.missing", names=", ".join(dict.fromkeys(names))))
    return "; ".join(told)


def _only_copies(language: str, data: Mapping[str, Any]) -> str:
    """Say of what was taken back, or not sent any more, that it were only copies, whose and why."""
    said = text(language, "outbox.only-copies")
    to = ", ".join(data.get("addresses", ()))
    why = data.get("detail", "")
    return f" ({said}{f': {to}' if to else ''}{f'; {why}' if why else ''})"


def _said(language: str, recorded: Recorded, entry: Entry) -> str:
    plan, state = recorded.plan, recorded.state
    values: dict[str, Any] = {"document": "", "outcome": "", "until": "", "based": "", "why": ""}
    # People end what they write with a full stop, and so does the sentence that it stands in.
    told = {key: entry.data[key] for key in ("reason", "what", "answer") if key in entry.data}
    values |= {key: str(value).strip().rstrip(".") for key, value in told.items()}
    if "until" in entry.data:
        values["until"] = _day(entry.data["until"])
    dated = entry.happened_at.astimezone(plan.zone).date()
    values["on"] = text(language, "record.on", day=dated)
    if values.get("reason"):
        values["why"] = text(language, "record.why", reason=values["reason"])
    if entry.document:
        values["based"] = text(language, "record.based", document=entry.document)
        values["on"] += text(language, "record.on-document", document=entry.document)
    kind = entry.kind.value
    if state is None:
        agency = entry.data.get("agency")
        values["run"] = recorded.run
        values["agency"] = plan.agencies[agency].name if agency else ""
        scope = "agency" if agency else "run"
        said = text(language, f"record.{kind}-{scope}", **values)
        if entry.kind is EntryKind.CHASING_PAUSED:
            key = "record.paused-until" if "until" in entry.data else "record.paused-open"
            said += " " + text(language, key, **values)
        return said
    values["agency"] = state.obligation.agency.name
    values["task"] = state.obligation.task.title
    values["obligation"] = state.obligation.id
    match entry.kind:
        case EntryKind.SUBMITTED:
            values["outcome"] = _outcome(language, recorded, dated)
            kind = "submitted-nil" if state.is_nil else kind
        case EntryKind.SUBMITTED_IN_PART:
            assert state.in_part is not None
            values["count"] = state.in_part.count
    if state.due is not None and entry.kind in (
        EntryKind.RETURNED,
        EntryKind.EXTENDED,
        EntryKind.SUBMISSION_WITHDRAWN,
        EntryKind.SUBMITTED_IN_PART,
    ):
        values["due"] = text(language, "record.due", day=state.due.last_day)
    else:
        values["due"] = ""
    return text(language, f"record.{kind}", **values)


def _outcome(language: str, recorded: Recorded, dated: date) -> str:
    """Say whether a submission came in time, or by how many days it did not."""
    state = recorded.state
    assert state is not None
    if state.due is None:
        return text(language, "record.undated")
    over = (dated - state.due.last_day).days
    return (
        text(language, "record.late", count=over) if over > 0 else text(language, "record.in-time")
    )


def _stage(plan: Plan, stage: str | None) -> str:
    title = next((one.title for one in plan.stages if one.id == stage), "")
    return f"{title} ({stage})" if title and title != stage else str(stage)


def _agency(plan: Plan, obligation: str) -> str:
    return plan.obligations[obligation].agency.name


def _day(written: str) -> date:
    return date.fromisoformat(written)
