"""Recording: what agencies and the coordinator do becomes an entry in the ledger.

Every function takes the obligation as `stage/task/agency`, `dated` as the date on the
document (default: today in the plan's zone), and raises Refused, with nothing changed,
for what is unknown, lies ahead, or does not fit where the obligation stands.
"""

from __future__ import annotations

import difflib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from engine.deadline import start_of
from engine.ledger import Entry, EntryKind, EventState, ObligationState, Pause, Standing
from engine.plan import OutsideEvent, Plan
from services import keeping, naming, runs, turning
from services.errors import Refused
from services.keeping import LiveRun
from services.wiring import Parts
from services.written import line, passage, plain
from storage import events, ledger, plans
from storage.plans import StoredRun

log = logging.getLogger(__name__)

LONGEST_RETURN = 250  # working days: about a year
MOST_VERSIONS = 50  # of plans, whose events are named where one is not known
_IS_WRITTEN_SO = re.compile(r"[A-Za-z0-9._-]+")  # a name that JSON holds as it is
PREFECT_EVENT = "prefect-event"  # who announces an event that does not say

Check: TypeAlias = Callable[[LiveRun, ObligationState], None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was appended to a run's ledger."""

    run: str
    entries: tuple[Entry, ...]
    plan: Plan
    state: ObligationState | None = None
    """What the obligation came to, where the entry is about one."""

    @property
    def turned(self) -> tuple[Entry, ...]:
        """The stages opened or done by it."""
        kinds = (EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)
        return tuple(entry for entry in self.entries if entry.kind in kinds)


@dataclass(frozen=True, slots=True)
class Announced:
    """What an outside event came to: the runs that it is new to, and those that know it.

    `unasked` are the values that it carried and that no plan asks for.
    """

    name: str
    document: str
    plan: Plan
    recorded: tuple[Recorded, ...]
    known: Mapping[str, EventState]
    unasked: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry comes from: who records it, on what document of which date."""

    by: str
    document: str = ""
    dated: date | None = None

    def __post_init__(self) -> None:
        """Keep one line of each, nothing hidden in it. Raises Refused for what is no name."""
        for name in ("by", "document"):
            object.__setattr__(self, name, line(getattr(self, name)))


def submit(
    parts: Parts,
    run: str,
    obligation: str,
    source: Source,
    *,
    part: bool = False,
    nil: bool = False,
    now: datetime,
) -> Recorded:
    """Record a submission: nothing more is sent about it from then on.

    Of a `part` only its date and document are kept: the rest is owed and chased as before.
    A `nil` report (nothing to report) counts as a submission.
    """
    if part and nil:
        raise Refused("refused.part-and-nil")

    def check(live: LiveRun, state: ObligationState) -> None:
        _answers_the_plan(live, source)
        if state.standing is Standing.WAIVED:
            raise Refused("refused.waived", obligation=obligation)
        if state.submitted_on is not None:
            on = state.submitted_on.astimezone(live.plan.zone).date()
            raise Refused("refused.submitted-already", obligation=obligation, day=on)

    kind = EntryKind.SUBMITTED_IN_PART if part else EntryKind.SUBMITTED
    data = {"nil": True} if nil else {}
    return _record(parts, run, obligation, kind, source, check, data, now)


def withdraw(
    parts: Parts, run: str, obligation: str, source: Source, *, why: str, now: datetime
) -> Recorded:
    """Take the last submission or part back that was recorded by mistake.

    The obligation is owed and chased as before; a stage that has closed or opened since
    stays so.
    """
    _say_why(why)

    def check(_live: LiveRun, state: ObligationState) -> None:
        if state.before is None:
            raise Refused("refused.nothing-to-withdraw", obligation=obligation)

    kind = EntryKind.SUBMISSION_WITHDRAWN
    return _record(parts, run, obligation, kind, source, check, {"reason": why}, now)


def send_back(
    parts: Parts,
    run: str,
    obligation: str,
    source: Source,
    *,
    why: str,
    days: int | None,
    now: datetime,
) -> Recorded:
    """Return a report for completion, due `days` working days later (or as it was before)."""
    _say_why(why)
    if days is not None and not 1 <= days <= LONGEST_RETURN:
        raise Refused("refused.days", days=days, longest=LONGEST_RETURN)
    data = {"reason": why} | ({} if days is None else {"days": days})
    return _record(parts, run, obligation, EntryKind.RETURNED, source, _is_submitted, data, now)


def accept(parts: Parts, run: str, obligation: str, source: Source, *, now: datetime) -> Recorded:
    """Accept a submitted report."""
    return _record(parts, run, obligation, EntryKind.ACCEPTED, source, _is_submitted, {}, now)


def extend(
    parts: Parts,
    run: str,
    obligation: str,
    source: Source,
    *,
    until: date,
    why: str = "",
    now: datetime,
) -> Recorded:
    """Give an obligation until the end of `until`."""

    def check(live: LiveRun, state: ObligationState) -> None:
        _is_owed(live, state)
        if state.due is not None and until <= state.due.last_day:
            raise Refused("refused.not-longer", until=until, day=state.due.last_day)
        if not live.plan.can_date(until):
            raise Refused("refused.beyond-calendar", day=until)

    data = {"until": until.isoformat(), "reason": why}
    return _record(parts, run, obligation, EntryKind.EXTENDED, source, check, data, now)


def waive(
    parts: Parts, run: str, obligation: str, source: Source, *, why: str, now: datetime
) -> Recorded:
    """Say that an obligation is owed no more."""
    _say_why(why)
    data = {"reason": why}
    return _record(parts, run, obligation, EntryKind.WAIVED, source, _is_owed, data, now)


def report_difficulty(
    parts: Parts, run: str, obligation: str, source: Source, *, what: str, now: datetime
) -> Recorded:
    """Keep a difficulty that an agency reports; what is due, and when, stays as it is."""
    if not what.strip():
        raise Refused("refused.empty-difficulty")
    kind = EntryKind.DIFFICULTY_REPORTED
    data = {"what": what.strip()}
    return _record(parts, run, obligation, kind, source, _is_owed, data, now)


def answer_difficulty(
    parts: Parts, run: str, obligation: str, source: Source, *, answer: str, now: datetime
) -> Recorded:
    """Keep the answer to an agency's open difficulties: it answers all of them."""
    if not answer.strip():
        raise Refused("refused.empty-answer")

    def check(_live: LiveRun, state: ObligationState) -> None:
        if not state.difficulties:
            raise Refused("refused.no-difficulty", obligation=obligation)

    kind = EntryKind.DIFFICULTY_ANSWERED
    data = {"answer": answer.strip()}
    return _record(parts, run, obligation, kind, source, check, data, now)


def pause(
    parts: Parts,
    run: str,
    source: Source,
    *,
    agency: str | None = None,
    why: str,
    until: date | None = None,
    now: datetime,
) -> Recorded:
    """Issue nothing about one agency, or in the whole run, until it is resumed.

    With `until` it ends by itself, with the end of that day. Stages open and close, and
    deadlines stand, as ever.
    """
    _say_why(why)
    data: dict[str, Any] = {"reason": why}

    def check(live: LiveRun, agency: str | None) -> None:
        plan, state = live.plan, live.folding.state()
        if state.completed_at is not None:
            raise Refused("refused.run-completed", run=run)
        today = now.astimezone(plan.zone).date()
        if until is not None and until < today:
            raise Refused("refused.pause-past", until=until, today=today)
        if until is not None and not plan.can_date(until):
            raise Refused("refused.beyond-calendar", day=until)
        if (held := state.pause_of(agency, now)) is not None:
            raise _paused_already(plan, held)

    if until is not None:
        data["until"] = until.isoformat()
    return _record_of_run(parts, run, EntryKind.CHASING_PAUSED, source, agency, check, data, now)


def resume(
    parts: Parts,
    run: str,
    source: Source,
    *,
    agency: str | None = None,
    why: str = "",
    now: datetime,
) -> Recorded:
    """End a pause: what fell within it is issued as after an outage, the newest rung only."""
    data = {"reason": why} if why.strip() else {}

    def check(live: LiveRun, agency: str | None) -> None:
        state = live.folding.state()
        if state.pause_of(agency, now) is None:
            raise _not_paused(live.plan, agency, state.paused(now))

    return _record_of_run(parts, run, EntryKind.CHASING_RESUMED, source, agency, check, data, now)


def _paused_already(plan: Plan, held: Pause) -> Refused:
    since = held.since.astimezone(plan.zone).date()
    if held.agency is None:
        return Refused("refused.run-paused-already", since=since, why=held.why)
    name = plan.agencies[held.agency].name
    return Refused("refused.agency-paused-already", name=name, since=since, why=held.why)


def _not_paused(plan: Plan, agency: str | None, held: tuple[Pause, ...]) -> Refused:
    """Say that nothing is paused there, and what is instead."""
    if agency is not None:
        name = plan.agencies[agency].name
        whole = any(pause.agency is None for pause in held)
        key = "refused.only-run-paused" if whole else "refused.agency-not-paused"
        return Refused(key, name=name)
    if held:
        names = ", ".join(plan.agencies[one.agency].name for one in held if one.agency)
        return Refused("refused.only-agencies-paused", names=names)
    return Refused("refused.run-not-paused")


def announce(
    parts: Parts,
    name: str,
    source: Source,
    *,
    values: Mapping[str, str] | None = None,
    now: datetime,
) -> Announced:
    """Record an outside event in every active run that it is about; sent twice it counts once.

    A run whose plan correlates the event takes it only with the `values` that it demands.
    One that comes before its stage's needs hold is kept, and the stage opens when they
    do. It is recorded in all of them in one short transaction; what turns by it turns
    afterwards, portion by portion, and is due until then: what a kill leaves, the next chase
    does. Raises Refused where no run knows the event, or it is about none of them.
    """
    carried = {plain(key): plain(value) for key, value in (values or {}).items()}
    # Plans are read before the transaction: thousands would keep all others waiting.
    meant, plans_of = _meant(parts, name, carried)
    happened = {number: _happened(plan, source, now) for number, plan in plans_of.items()}
    names = [one.id for one in sorted(meant, key=lambda one: (one.plan_version, one.id))]
    late = {stored.id for stored in meant if turning.is_late(stored, now)}
    turning.bring_up(parts, [run for run in names if run in late], now)
    place, entries, known = _record_event(parts, name, source, carried, names, happened, now)
    turning.bring_up(parts, [run for run in names if run in entries], now)
    turned = _turned(parts, list(entries), place)
    return Announced(
        name=name,
        document=source.document,
        plan=plans_of[meant[0].plan_version],
        recorded=tuple(
            Recorded(one.id, (entries[one.id], *turned[one.id]), plans_of[one.plan_version])
            for one in meant
            if one.id in entries
        ),
        known={stored.id: known[stored.id] for stored in meant if stored.id in known},
        unasked=_unasked(carried, [plan.events[name] for plan in plans_of.values()]),
    )


def _record_event(
    parts: Parts,
    name: str,
    source: Source,
    carried: Mapping[str, str],
    names: Sequence[str],
    happened: Mapping[int, datetime],
    now: datetime,
) -> tuple[int, dict[str, Entry], dict[str, EventState]]:
    """Record an event in all its runs, or in none; what turns by it is due from then on.

    Return the place in the ledger behind which it stands, the new entries by run, and what
    runs knew already.
    """
    entries: dict[str, Entry] = {}
    known: dict[str, EventState] = {}
    data = {"event": name} | ({"values": dict(carried)} if carried else {})
    with parts.database.writing() as connection:
        held: list[StoredRun] = []
        for some in turning.portions(sorted(names)):  # in the order of all who lock several
            active = [one for one in plans.hold(connection, some) if one.completed_at is None]
            # What had turned before stands before it in the ledger, noticed or not.
            late = [stored for stored in active if turning.is_late(stored, now)]
            turning.turn(parts, connection, late, now)
            for run, entry in ledger.announced(connection, some, name).items():
                known[run] = EventState(entry.happened_at, entry.recorded_at, entry.document)
            held += active
        place = ledger.newest(connection)
        for stored in held:
            if stored.id not in known:
                entries[stored.id] = Entry(
                    kind=EntryKind.EVENT_ANNOUNCED,
                    happened_at=happened[stored.plan_version],
                    recorded_at=now,
                    by=source.by,
                    document=source.document,
                    data=data,
                )
        if held:
            events.save(
                parts.database,
                connection,
                name=name,
                document=source.document,
                happened_at=happened[held[0].plan_version],
                recorded_at=now,
                by=source.by,
            )
        ledger.append_all(connection, entries.items())
        for some in turning.portions(list(entries)):
            plans.mark_turning(connection, some, at=now)
    return place, entries, {one.id: known[one.id] for one in held if one.id in known}


def _turned(parts: Parts, names: Sequence[str], place: int) -> dict[str, list[Entry]]:
    """Return which stages of runs have turned since, whoever saw to it."""
    found: dict[str, list[Entry]] = {}
    with parts.database.reading() as connection:
        for some in turning.portions(names):
            found |= ledger.turned(connection, some, behind=place)
    return found


def _unasked(carried: Mapping[str, str], expected: Iterable[OutsideEvent]) -> dict[str, str]:
    asked = {key for event in expected for key in event.correlate}
    return {key: value for key, value in carried.items() if key not in asked}


def _meant(
    parts: Parts, name: str, carried: Mapping[str, str]
) -> tuple[list[StoredRun], dict[int, Plan]]:
    """Return the active runs that an event is about, and their plans by version.

    Raises Refused where there is none.
    """
    with parts.database.reading() as connection:
        active = plans.all_runs(connection, active_only=True)
        named = plans.versions_naming(connection, name) if _IS_WRITTEN_SO.fullmatch(name) else None
    possible = [run for run in active if named is None or run.plan_version in named]
    read = _plans_of(parts, possible)
    knowing = [
        run
        for run in possible
        if run.plan_version in read and name in read[run.plan_version].events
    ]
    if not knowing:
        latest = list({run.plan_version: run for run in active}.values())[:MOST_VERSIONS]
        awaited = {event for plan in _plans_of(parts, latest).values() for event in plan.events}
        known = ", ".join(sorted(awaited)) or "-"
        raise Refused("refused.unknown-event", event=name, known=known)
    expected = {run.plan_version: read[run.plan_version].events[name] for run in knowing}
    meant = [run for run in knowing if expected[run.plan_version].is_announced_by(carried)]
    if meant:
        return meant, {run.plan_version: read[run.plan_version] for run in meant}
    wanted = sorted({pair for event in expected.values() for pair in event.correlate.items()})
    lacking = [f"{key}={value}" for key, value in wanted if key not in carried]
    wrong = [
        f"{key}={carried[key]}"
        for key in dict.fromkeys(key for key, _ in wanted)
        if key in carried and (key, carried[key]) not in wanted
    ]
    said = [f"{key}={value}" for key, value in wanted]
    key = "event-values-wrong" if wrong else "event-values-missing"
    raise Refused(
        f"refused.{key}",
        event=name,
        wrong=", ".join(wrong),
        missing=", ".join(lacking or said),
        wanted=",".join(said),
        payload=json.dumps(dict(wanted), ensure_ascii=False),
    )


def _plans_of(parts: Parts, stored: Iterable[StoredRun]) -> dict[int, Plan]:
    """Return the plans of runs by their version, but for those that can't be read."""
    found: dict[int, Plan] = {}
    for version, run in {one.plan_version: one.id for one in stored}.items():
        with runs.passed_over(parts, run):
            found[version] = parts.plan(version)
    return found


def _kept(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry carries, with what people wrote in it made plain."""
    texts = ("reason", "what", "answer")
    return {key: passage(value) if key in texts else value for key, value in data.items()}


def _record(
    parts: Parts,
    run: str,
    obligation: str,
    kind: EntryKind,
    source: Source,
    check: Check,
    data: Mapping[str, Any],
    now: datetime,
) -> Recorded:
    with parts.database.writing() as connection:
        live = runs.held(parts, connection, run)
        state = _find(live, obligation)
        happened_at = _happened(live.plan, source, now)
        check(live, state)
        entry = Entry(
            kind=kind,
            happened_at=happened_at,
            recorded_at=now,
            by=source.by,
            obligation=obligation,
            document=source.document,
            data=_kept(data),
        )
        appended = keeping.keep(connection, live, [entry], now=now)
        state = live.folding.obligations[obligation]
    log.info("%s: %s", obligation, kind.value, extra={"action": kind.value})
    return Recorded(run, tuple(appended), live.plan, state)


def _record_of_run(
    parts: Parts,
    run: str,
    kind: EntryKind,
    source: Source,
    agency: str | None,
    check: Callable[[LiveRun, str | None], None],
    data: Mapping[str, Any],
    now: datetime,
) -> Recorded:
    with parts.database.writing() as connection:
        live = runs.held(parts, connection, run)
        found = None if agency is None else naming.agency_of(live.plan, agency)
        happened_at = _happened(live.plan, source, now)
        check(live, found)
        entry = Entry(
            kind=kind,
            happened_at=happened_at,
            recorded_at=now,
            by=source.by,
            document=source.document,
            data={"agency": found, **_kept(data)},
        )
        appended = keeping.keep(connection, live, [entry], now=now)
    log.info("%s %s: %s", run, agency or "", kind.value, extra={"action": kind.value})
    return Recorded(run, tuple(appended), live.plan)


def _find(live: LiveRun, obligation: str) -> ObligationState:
    state = live.folding.obligations.get(obligation)
    if state is None:
        near = difflib.get_close_matches(obligation, live.folding.obligations, n=3, cutoff=0.4)
        if near:
            near_ones = ", ".join(near)
            raise Refused("refused.unknown-obligation", obligation=obligation, near=near_ones)
        example = next(iter(live.folding.obligations))
        raise Refused("refused.no-such-obligation", obligation=obligation, example=example)
    return state


def _happened(plan: Plan, source: Source, now: datetime) -> datetime:
    """Return when it counts from: the start of the document's day, or now without a date."""
    today = now.astimezone(plan.zone).date()
    if source.dated is None:
        return now
    if source.dated > today:
        raise Refused("refused.dated-ahead", day=source.dated, today=today)
    if not plan.can_date(source.dated):
        raise Refused("refused.dated-long-ago", day=source.dated, first=plan.first_year)
    return start_of(source.dated, plan.zone)


def _answers_the_plan(live: LiveRun, source: Source) -> None:
    """A document that is older than the plan cannot answer it."""
    plan, started_at = live.plan, live.folding.started_at
    first = plan.issued
    if started_at is not None:  # a run may have begun before the plan was signed
        first = min(first, started_at.astimezone(plan.zone).date())
    if source.dated is not None and source.dated < first:
        raise Refused(
            "refused.dated-before-plan", day=source.dated, number=plan.number, issued=plan.issued
        )


def _say_why(why: str) -> None:
    if not why.strip():
        raise Refused("refused.empty-why")


def _is_submitted(_live: LiveRun, state: ObligationState) -> None:
    if state.standing is not Standing.SUBMITTED:
        raise Refused("refused.not-submitted", obligation=state.obligation.id)


def _is_owed(_live: LiveRun, state: ObligationState) -> None:
    if state.standing is Standing.WAIVED:
        raise Refused("refused.waived", obligation=state.obligation.id)
    if state.is_closed:
        raise Refused("refused.closed", obligation=state.obligation.id)
