"""Roster: where every body stands whose report another gathers: a district sees its communes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from engine.ledger import ObligationState, Outcome, RunState, Standing
from notifiers.digest import Line
from notifiers.words.page import Roster, RosterRow
from notifiers.words.room import kept
from notifiers.words.saying import Saying

_ORDER = ("late", "part", "owed", "closed", "in", "waived")
_TONES = {"late": "overdue", "part": "remind", "owed": "plain", "closed": "plain"}


def roster(saying: Saying, line: Line) -> Roster | None:
    """Return where they stand whose reports a line's task gathers; None if it gathers none.

    None too where the mail has a table of those that are late with it: that one has them all.
    """
    task, agency = line.state.obligation.task, line.state.obligation.agency
    if task.collects is None or is_listed(saying, line):
        return None
    return of(saying, task.collects, agency.id, but=frozenset())


def is_listed(saying: Saying, line: Line) -> bool:
    """Say whether the mail's table of late bodies is of the very reports that a line gathers."""
    collects = line.state.obligation.task.collects
    return saying.to_parent and any(_task(late) == collects for late in saying.digest.late)


def rest(saying: Saying, late: Iterable[Line]) -> Roster | None:
    """Return where the others stand, in a mail to the body that gathers what some are late with."""
    lines = list(late)
    task = _task(lines[0])
    if not saying.to_parent or not _is_gatherer(saying, task):
        return None
    shown = frozenset(line.state.obligation.id for line in lines)
    return of(saying, task, saying.digest.recipient.id, but=shown)


def of(saying: Saying, task: str, gatherer: str, *, but: frozenset[str]) -> Roster | None:
    """Return where the bodies stand that owe `task` to `gatherer`, those in `but` left out."""
    found = [
        one
        for one in _owed(saying.digest.state, task)
        if _is_gathered(one, gatherer) and one.obligation.id not in but
    ]
    if not found:
        return None
    stands = sorted(((_stands(saying, one), one) for one in found), key=lambda s: _rank(s[0]))
    rows = [_row(saying, how, one) for how, one in stands]
    shown, cut = kept(rows, lambda row: row.name + row.said)
    return Roster(
        title=_title(saying, Counter(how for how, _ in stands), others=bool(but)),
        columns=(saying.say("roster.body"), saying.say("roster.stands")),
        rows=shown,
        more=saying.say("late.more", count=cut, name=saying.coordinator) if cut else "",
    )


def _owed(state: RunState, task: str) -> Iterator[ObligationState]:
    stage, _, wanted = task.partition("/")
    for one in state.plan.stage(stage).tasks:
        if one.id == wanted:
            yield from (state.obligations[f"{task}/{agency}"] for agency in one.by)


def _is_gatherer(saying: Saying, task: str) -> bool:
    recipient = saying.digest.recipient.id
    tasks = (one for stage in saying.digest.plan.stages for one in stage.tasks)
    return any(one.collects == task and recipient in one.by for one in tasks)


def _is_gathered(state: ObligationState, gatherer: str) -> bool:
    agency = state.obligation.agency
    return agency.id != gatherer and gatherer in (agency.parent, state.obligation.to)


def _title(saying: Saying, counts: Counter[str], *, others: bool) -> str:
    total = counts.total()
    if others:
        return saying.say("roster.others", count=total)
    done = counts["in"] + counts["waived"]
    said = saying.say("roster.title", done=done, total=total)
    return said + (saying.say("roster.late", count=counts["late"]) if counts["late"] else "")


def _rank(how: str) -> int:
    return _ORDER.index(how)


def _stands(saying: Saying, state: ObligationState) -> str:
    if state.standing is Standing.WAIVED:
        return "waived"
    if state.is_closed:
        return "in"
    if state.outcome(saying.digest.as_of) is Outcome.OVERDUE:
        return "late"
    if state.in_part is not None:
        return "part"
    return "owed" if state.is_open else "closed"


def _row(saying: Saying, how: str, state: ObligationState) -> RosterRow:
    said = "; ".join(_said(saying, how, state))
    return RosterRow(saying.placed(state.obligation.agency), said, _TONES.get(how, "plain"))


def _said(saying: Saying, how: str, state: ObligationState) -> Iterator[str]:
    due = state.due
    match how:
        case "in":
            document = saying.document(state.document, state.submitted_on)
            yield saying.say("roster.nil" if state.is_nil else "roster.in", document=document)
        case "waived":
            yield saying.say("roster.waived")
        case "late":
            assert due is not None
            yield saying.say("roster.since", day=due.last_day + timedelta(days=1))
        case _ if due is None:
            yield saying.say("roster.undated")
        case _:
            yield saying.say("roster.owed", day=due.last_day)
    if state.in_part is not None and not state.is_closed:
        document = saying.document(state.in_part.document, state.in_part.on)
        yield saying.say("roster.part", document=document)


def _task(line: Line) -> str:
    obligation = line.state.obligation
    return f"{obligation.stage.id}/{obligation.task.id}"
