"""Rehearsal: a whole plan under a virtual clock, purely; what `preview` shows.

The loop is the one that the real flows run: apply what is recorded, open and close
stages, issue what is due, go to the next moment at which anything can happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine import news
from engine.chasing import (
    Digest,
    Heard,
    History,
    Kind,
    NoticeKey,
    decide,
    digests,
    is_held_back,
    next_wake,
    send_time,
)
from engine.graph import SYSTEM, advance, is_finished, next_turn
from engine.ledger import Entry, EntryKind, Folding, RunState
from engine.plan import Plan


@dataclass(frozen=True, slots=True)
class Act:
    """Something that someone does in a scenario, recorded `at`, dated `happened_at`."""

    at: datetime
    kind: EntryKind
    happened_at: datetime
    obligation: str | None = None
    event: str | None = None
    document: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to a plan: who submits when, what is returned, when the event comes.

    In an outage nothing is issued; `until` ends the virtual clock.
    """

    id: str
    title: str
    start: datetime | None = None
    until: datetime | None = None
    acts: tuple[Act, ...] = ()
    outages: tuple[tuple[datetime, datetime], ...] = ()

    def awake(self, moment: datetime) -> datetime:
        """Return `moment`, or the end of the outage that it lies in."""
        for begins, ends in self.outages:
            if begins <= moment < ends:
                return ends
        return moment


FAR = datetime.max.replace(tzinfo=UTC)
WORST_CASE = Scenario(id="worst-case", title="")


@dataclass(frozen=True, slots=True)
class Issued:
    """A digest, the state of the run when it was issued, and what was heard before it."""

    digest: Digest
    state: RunState
    history: History


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal came to: every message, every entry, and the state at its end."""

    issued: tuple[Issued, ...]
    entries: tuple[Entry, ...]
    state: RunState
    ended_at: datetime


def start_of_run(plan: Plan, scenario: Scenario = WORST_CASE) -> datetime:
    """Return when the run starts: as the scenario says, else the day of issue at the send hour."""
    if scenario.start is not None:
        return scenario.start
    return send_time(plan, plan.first_ladder, plan.issued)


def rehearse(plan: Plan, scenario: Scenario = WORST_CASE) -> Rehearsal:
    """Run `plan` through `scenario`. Without one nobody answers and no event comes."""
    run = _Run(plan, scenario)
    for moment in run.moments():
        run.live(moment)
    return Rehearsal(tuple(run.sent), tuple(run.entries), run.folding.state(), run.now)


class _Run:
    """The loop's working state."""

    def __init__(self, plan: Plan, scenario: Scenario) -> None:
        self.plan, self.scenario = plan, scenario
        self.folding = Folding(plan)
        self.entries: list[Entry] = []
        self.sent: list[Issued] = []
        self.issued: dict[str, set[NoticeKey]] = {key: set() for key in plan.obligations}
        self.heard: dict[str, tuple[Heard, ...]] = {}
        self.wakes: dict[str, datetime] = {}
        self.news: list[Entry] = []
        self.news_at: datetime | None = None
        self.acts = sorted(scenario.acts, key=lambda act: act.at)
        self.now = start_of_run(plan, scenario)

    def moments(self) -> Iterator[datetime]:
        """Yield every moment at which something can happen, until nothing more can."""
        self._take(Entry(EntryKind.RUN_STARTED, self.now, self.now, SYSTEM))
        while True:
            yield self.now
            following = self._following()
            if following is None:
                return
            self.now = following

    def _following(self) -> datetime | None:
        waking = [*self.wakes.values()]
        turn = next_turn(self.folding.state(), self.now)
        waking += [at for at in (turn, self.news_at) if at is not None]
        moments = [self.scenario.awake(max(at, self.now)) for at in waking]
        moments += [act.at for act in self.acts[:1]]
        following = min(moments, default=None)
        until = self.scenario.until
        return None if following is None or (until and following > until) else following

    def live(self, now: datetime) -> None:
        """Apply what is recorded at `now`, then issue what is due."""
        while self.acts and self.acts[0].at <= now:
            self._apply(self.acts.pop(0))
        self._keep(advance(self.folding, now), now)
        if self.scenario.awake(now) == now:
            self._issue(now)
        state = self.folding.state()
        if (
            state.completed_at is None
            and is_finished(self.plan, state)
            and not self.wakes
            and not self._is_held_back(now)
        ):
            self._take(Entry(EntryKind.RUN_COMPLETED, now, now, SYSTEM))

    def _is_held_back(self, now: datetime) -> bool:
        return any(
            is_held_back(self.plan, state, issued=self.issued[key], now=now)
            for key, state in self.folding.obligations.items()
            if state.is_paused(now)
        )

    def _apply(self, act: Act) -> None:
        data = {"event": act.event, **act.data} if act.event else act.data
        entry = Entry(
            kind=act.kind,
            happened_at=act.happened_at,
            recorded_at=act.at,
            by="",
            obligation=act.obligation,
            document=act.document,
            data=data,
        )
        self._keep(advance(self.folding, act.at), act.at)  # what turned before, noticed or not
        self._take(entry)
        self._keep([entry, *advance(self.folding, act.at)], act.at, kept=1)

    def _keep(self, entries: list[Entry], now: datetime, *, kept: int = 0) -> None:
        """Note entries that are folded already, and when what they touch wakes next."""
        self.entries.extend(entries[kept:])
        opened = {entry.stage for entry in entries if entry.kind is EntryKind.STAGE_OPENED}
        touched = {entry.obligation for entry in entries}
        rewaking = (
            EntryKind.EVENT_ANNOUNCED,
            EntryKind.STAGE_DONE,
            EntryKind.CHASING_PAUSED,
            EntryKind.CHASING_RESUMED,
        )
        redated = any(entry.kind in rewaking for entry in entries)
        for key, obligation in self.plan.obligations.items():
            if redated or key in touched or obligation.stage.id in opened:
                self._set_wake(key, now)
        self.news += news.of(entries)
        self._set_news(now)

    def _set_news(self, now: datetime) -> None:
        self.news_at = news.next_at(self.folding.state(), now) if self.news else None

    def _take(self, entry: Entry) -> None:
        self.folding.take(entry)
        self.entries.append(entry)

    def _set_wake(self, key: str, now: datetime) -> None:
        state = self.folding.obligations[key]
        wake = next_wake(self.plan, state, issued=self.issued[key], now=now)
        if wake is None:
            self.wakes.pop(key, None)
        else:
            self.wakes[key] = wake

    def _issue(self, now: datetime) -> None:
        due = [key for key in self.plan.obligations if self.wakes.get(key, FAR) <= now]
        decisions = []
        for key in due:
            decision = decide(
                self.plan, self.folding.obligations[key], issued=self.issued[key], now=now
            )
            decisions.append(decision)
            self.issued[key].update(n.key for n in (*decision.due, *decision.superseded))
            self._set_wake(key, now)
        found = digests(self.plan, decisions, now=now)
        found = news.gathered(self.folding.state(), found, self.news, now)
        if any(digest.news for digest in found):
            self.news = []
        self._set_news(now)
        if found:
            state = self.folding.snapshot()
            together = _heard(found, now, kinds=(Kind.OVERDUE,), together=True)
            for digest in found:
                history = {
                    key: (*self.heard.get(key, ()), *together.get(key, ()))
                    for key in digest.obligations
                }
                self.sent.append(Issued(digest, state, history))
            for key, heard in _heard(found, now, kinds=Kind).items():
                self.heard[key] = (*self.heard.get(key, ()), *heard)


def _heard(
    found: Iterable[Digest], now: datetime, *, kinds: Iterable[Kind], together: bool = False
) -> dict[str, list[Heard]]:
    """Return what `found` tells at `now`, by obligation, of these kinds."""
    told: dict[str, list[Heard]] = {}
    for notice in (notice for digest in found for notice in digest.notices):
        if notice.kind in kinds:
            one = Heard(notice.kind, notice.round, notice.recipient, now, together)
            told.setdefault(notice.obligation, []).append(one)
    return told
