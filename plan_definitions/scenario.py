"""Scenario: who submits when, what is returned, when the outside event comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from engine.ledger import EntryKind
from engine.plan import Plan
from engine.rehearsal import Act, Scenario
from plan_definitions.cells import NO_DAY, NO_MOMENT
from plan_definitions.diagnostics import Diagnostic, PlanFaults, nearest
from plan_definitions.reading.source import read_text, unread_kind
from plan_definitions.reading.validation import Findings, fill
from plan_definitions.reading.yaml_source import Document, parse
from plan_definitions.register import Register, nearest_agency
from plan_definitions.schema import EntryForm, ScenarioForm

_ACTS: Mapping[str, EntryKind | None] = {
    "submit": EntryKind.SUBMITTED,
    "return": EntryKind.RETURNED,
    "accept": EntryKind.ACCEPTED,
    "extend": EntryKind.EXTENDED,
    "waive": EntryKind.WAIVED,
    "event": EntryKind.EVENT_ANNOUNCED,
    "outage_until": None,
}
_DOCUMENT = frozenset({"dated", "document"})
NEEDED: Mapping[str, frozenset[str]] = {
    "submit": frozenset({"by"}),
    "return": frozenset({"agency"}),
    "accept": frozenset({"agency"}),
    "extend": frozenset({"agency", "until"}),
    "waive": frozenset({"agency"}),
    "event": frozenset(),
    "outage_until": frozenset(),
}
ALLOWED: Mapping[str, frozenset[str]] = {
    "submit": _DOCUMENT,
    "return": _DOCUMENT | {"days", "reason"},
    "accept": _DOCUMENT,
    "extend": _DOCUMENT | {"reason"},
    "waive": _DOCUMENT | {"reason"},
    "event": _DOCUMENT | {"values"},
    "outage_until": frozenset({"reason"}),
}


def load_scenario(source: Path | str, plan: Plan) -> Scenario:
    """Return the scenario of a file, or of a text (which has line breaks), for `plan`.

    An entry for several agencies becomes one act each. Times are the plan's own. Raises
    PlanFaults with every fault.
    """
    findings = Findings()
    document, form = _form(source, findings)
    if document is None or form is None:
        raise PlanFaults(findings.items)
    reading = _Reading(document, plan, findings)
    reading.check_day(form.start, "start")
    reading.check_day(form.until, "until")
    acts = [act for index, entry in enumerate(form.entries) for act in reading.acts(index, entry)]
    outages = [
        (reading.moment(entry.at), reading.moment(entry.outage_until))
        for entry in form.entries
        if entry.outage_until is not None
    ]
    if findings.items:
        raise PlanFaults(sorted(findings.items, key=lambda d: (d.line, d.column)))
    return Scenario(
        id=form.scenario,
        title=form.title,
        start=None if form.start is None else reading.moment(form.start),
        until=None if form.until is None else reading.moment(form.until),
        acts=tuple(sorted(acts, key=lambda act: act.at)),
        outages=tuple(sorted(outages)),
    )


def _form(source: Path | str, findings: Findings) -> tuple[Document | None, ScenarioForm | None]:
    if isinstance(source, str) and "\n" in source:
        name, text = "scenario", source
    else:
        name = str(source)
        try:
            text = read_text(Path(source))
        except (OSError, ValueError) as error:
            findings.items.append(Diagnostic(unread_kind(error), name, 1, 1, {"name": name}))
            return None, None
    document, found = parse(name, text)
    findings.items.extend(found)
    return document, None if document is None else fill(ScenarioForm, document, findings)


@dataclass(frozen=True)
class _Reading:
    """Turns entries into acts, and notes what does not fit the plan."""

    document: Document
    plan: Plan
    findings: Findings

    @cached_property
    def _register(self) -> Register:
        return Register(self.plan.agencies, self.plan.groups, frozenset(), {})

    def moment(self, local: datetime) -> datetime:
        """Return a time of the plan's own clock as an instant."""
        return local.replace(tzinfo=self.plan.zone)

    def acts(self, index: int, entry: EntryForm) -> Iterator[Act]:
        """Yield the acts of one entry."""
        name = self._act_name(index)
        if name is None or not self._keys_fit(index, name):
            return
        kind = _ACTS[name]
        self._check_times(index, entry)
        if kind is None:
            return
        happened = self.moment(
            entry.at if entry.dated is None else datetime.combine(entry.dated, time(0))
        )
        common: dict[str, Any] = {
            "at": self.moment(entry.at),
            "kind": kind,
            "happened_at": happened,
            "document": entry.document,
            "data": _data(name, entry),
        }
        if kind is EntryKind.EVENT_ANNOUNCED:
            if self._knows_event(index, entry.event) and self._is_meant(index, entry):
                yield Act(event=entry.event, **common)
            return
        for obligation in self._obligations(index, name, entry):
            yield Act(obligation=obligation, **common)

    def _act_name(self, index: int) -> str | None:
        written = self._written(index)
        found = [key for key in written if key in _ACTS]
        if not found:
            kind, at = "entry-without-act", ("entries", index)
            self.findings.add(self.document, kind, *at, known=list(_ACTS))
        for extra in found[1:]:
            self.findings.add(
                self.document,
                "entry-with-two-acts",
                "entries",
                index,
                extra,
                key=True,
                first=found[0],
                second=extra,
            )
        return found[0] if len(found) == 1 else None

    def _written(self, index: int) -> list[str]:
        entry = self.document.value["entries"][index]
        return list(entry) if isinstance(entry, dict) else []

    def _keys_fit(self, index: int, name: str) -> bool:
        written = self._written(index)
        missing = [key for key in sorted(NEEDED[name]) if key not in written]
        for key in missing:
            self.findings.add(self.document, "missing-key", "entries", index, key, key_name=key)
        allowed = {"at", "note", name} | NEEDED[name] | ALLOWED[name]
        for key in written:
            if key in EntryForm.model_fields and key not in allowed:
                self.findings.add(
                    self.document,
                    "misplaced-key",
                    "entries",
                    index,
                    key,
                    key=True,
                    key_name=key,
                    act=name,
                )
        return not missing

    def _check_times(self, index: int, entry: EntryForm) -> None:
        self.check_day(entry.at, "entries", index, "at")
        for key in ("dated", "until", "outage_until"):
            self.check_day(getattr(entry, key), "entries", index, key)
        if entry.at == NO_MOMENT:
            return
        if entry.dated is not None and entry.dated > entry.at.date():
            self.findings.add(
                self.document,
                "dated-after-recorded",
                "entries",
                index,
                "dated",
                day=entry.dated,
                at=entry.at,
            )
        if entry.outage_until is not None and entry.outage_until <= entry.at:
            self.findings.add(self.document, "outage-ends-first", "entries", index, "outage_until")

    def check_day(self, day: date | None, *at: str | int) -> None:
        """Note a day, or a moment, that lies outside of the years of the plan's calendar."""
        if day is None or day in (NO_DAY, NO_MOMENT):
            return
        if not self.plan.can_date(day):
            first, last = self.plan.first_year, self.plan.last_year
            self.findings.add(
                self.document,
                "date-out-of-range",
                *at,
                written=str(day.year),
                first=first,
                last=last,
            )

    def _knows_event(self, index: int, event: str) -> bool:
        if event in self.plan.events:
            return True
        if event:
            known = list(self.plan.events)
            self.findings.unknown(
                self.document,
                "unknown-event",
                "entries",
                index,
                "event",
                near=partial(nearest, event, known),
                name=event,
                known=known or ["-"],
            )
        return False

    def _is_meant(self, index: int, entry: EntryForm) -> bool:
        """Say whether an announcement carries the values that the plan's event asks for."""
        event = self.plan.events[entry.event]
        meant = event.is_announced_by(entry.values)
        if not meant:
            wanted = ", ".join(f"{key}: {value}" for key, value in event.correlate.items())
            at = ("entries", index, "values")
            self.findings.add(
                self.document, "event-not-matched", *at, name=entry.event, wanted=wanted
            )
        return meant

    def _obligations(self, index: int, name: str, entry: EntryForm) -> Iterator[str]:
        """Yield the ids of the obligations that an entry is about."""
        task = getattr(entry, "returned" if name == "return" else name)
        key = "by" if name == "submit" else "agency"
        if not task or not self._knows_task(index, name, task):
            return
        for place, agency in enumerate(getattr(entry, key)):
            owed = [f"{task}/{one}" for one in self._expanded(agency)]
            known = [obligation for obligation in owed if obligation in self.plan.obligations]
            yield from known
            if not known:
                at: tuple[str | int, ...] = ("entries", index, key, place)
                at = at if self.document.holds(at) else at[:-1]
                near = partial(self._nearest, agency, task)
                self.findings.unknown(
                    self.document, "unknown-obligation", *at, near=near, name=agency, task=task
                )

    def _knows_task(self, index: int, name: str, task: str) -> bool:
        tasks = [f"{stage.id}/{one.id}" for stage in self.plan.stages for one in stage.tasks]
        if task not in tasks:
            self.findings.unknown(
                self.document,
                "unknown-task",
                "entries",
                index,
                name,
                near=partial(nearest, task, tasks),
                name=task,
                known=tasks,
            )
        return task in tasks

    def _expanded(self, name: str) -> Iterable[str]:
        return self._register.expand([name]) or (name,)

    def _nearest(self, written: str, task: str) -> str | None:
        owing = [
            obligation.agency
            for key, obligation in self.plan.obligations.items()
            if key.startswith(f"{task}/")
        ]
        return nearest_agency(written, owing)


def _data(name: str, entry: EntryForm) -> dict[str, Any]:
    """Return what the ledger keeps of an act besides its document: JSON values only."""
    match name:
        case "return":
            days = {} if entry.days is None else {"days": entry.days}
            return {**days, "reason": entry.reason}
        case "extend":
            assert entry.until is not None
            return {"until": entry.until.isoformat(), "reason": entry.reason}
        case "waive":
            return {"reason": entry.reason}
        case "event":
            return {"event": entry.event} | ({"values": entry.values} if entry.values else {})
        case _:
            return {}
