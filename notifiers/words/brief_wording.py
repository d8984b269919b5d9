"""Brief wording: a brief said in its language, the gravest first, cut to what a morning reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.chasing import Kind
from engine.graph import gives_way_at
from engine.ledger import Difficulty, Entry, EntryKind, ObligationState, Pause, Standing, done_on
from engine.plan import Plan, Stage
from language.catalogue import has, text
from notifiers.brief import AHEAD, Brief, Overdue, Sending, Unreached
from notifiers.words.page import BriefPage, BriefSection, Group, Point
from notifiers.words.saying import Voice
from notifiers.words.shortening import shortened
from notifiers.words.subject import LONGEST

LINES = 15
"""How many lines a section has; the rest is counted."""
NAMES = 30
"""How many agencies a line names; the rest is counted."""
SENDINGS = 5
"""How many of the next send times are told."""
_TITLE = 110  # characters of a task's or stage's title
_WHY = 160  # characters of a reason that somebody wrote

_BEGINNINGS = (EntryKind.RUN_STARTED, EntryKind.RUN_COMPLETED)
_TURNS = (EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)


def brief_page(brief: Brief) -> BriefPage:
    """Return everything that the mail says, in order."""
    telling = _Telling(brief)
    return BriefPage(
        language=brief.language,
        subject=brief_subject(brief),
        preview=telling.preview(),
        sender=telling.sender,
        heading=telling.tell("heading", day=brief.today),
        greeting=telling.say("greeting", name=brief.recipient.name),
        basis=telling.basis(),
        opening=" ".join(telling.opening()),
        sections=tuple(telling.sections()),
        closing=telling.say("closing"),
        signature=telling.sender,
        automatic=telling.automatic(),
        tone="overdue" if brief.overdue else "assign",
    )


def brief_subject(brief: Brief) -> str:
    """Return the subject: the document, the day, how many are late, what about."""
    telling = _Telling(brief)
    late = {one.state.obligation.agency.id for one in brief.overdue}
    key = "subject" if late else "subject-in-time"
    start = f"[{brief.plan.number}] "
    bare = telling.tell(key, title="", day=brief.today, count=len(late))
    title = " ".join(brief.plan.title.split())
    room = max(LONGEST - len(start) - len(bare), 24)
    said = telling.tell(key, title=shortened(title, room), day=brief.today, count=len(late))
    return shortened(" ".join(f"{start}{said}".split()), LONGEST)


@dataclass(frozen=True)
class _Telling(Voice):
    """Says things about one brief."""

    mail: Brief

    def tell(self, key: str, /, **values: Any) -> str:
        """Return a sentence of the brief's part of the catalogue, `mail.brief.*`."""
        return self.say(f"brief.{key}", **values)

    @property
    def plan(self) -> Plan:
        """The plan that it is about."""
        return self.mail.plan

    # ── At a glance ──

    def preview(self) -> str:
        """What a list of mail shows: how many are late, and what falls due next."""
        late = self.mail.overdue
        agencies = {one.state.obligation.agency.id for one in late}
        key = "late" if late else "in-time"
        said = [self.tell(f"opening.{key}", count=len(late), agencies=len(agencies))]
        if ahead := sum(len(states) for _, states in self.mail.falling_due):
            said.append(self.tell("opening.ahead", days=AHEAD, count=ahead))
        return " ".join(said)

    def opening(self) -> Iterator[str]:
        brief, at = self.mail, self.mail.as_of.astimezone(self.plan.zone)
        dated, late = brief.dated, brief.overdue
        done = sum(one.is_closed for one in dated)
        key = "opening.done" if dated else "opening.none-owed"
        yield self.tell(key, at=at, done=done, owed=len(dated))
        obligations = brief.state.obligations.values()
        if waived := sum(one.standing is Standing.WAIVED for one in obligations):
            yield self.tell("opening.waived", count=waived)
        if brief.state.completed_at is not None:
            yield self.tell(
                "opening.completed", at=brief.state.completed_at.astimezone(self.plan.zone)
            )
        agencies = {one.state.obligation.agency.id for one in late}
        key = "late" if late else "in-time"
        yield self.tell(f"opening.{key}", count=len(late), agencies=len(agencies))
        if brief.unanswered:
            yield self.tell("opening.unanswered", count=len(brief.unanswered))
        if brief.unreached:
            yield self.tell("opening.unreached", count=len(brief.unreached))
        if ahead := sum(len(states) for _, states in brief.falling_due):
            yield self.tell("opening.ahead", days=AHEAD, count=ahead)

    def sections(self) -> Iterator[BriefSection]:
        brief, zone = self.mail, self.plan.zone
        numbered = enumerate(self.plan.stages, 1)
        stages = [self._stage(stage, number) for number, stage in numbered]
        yield from self._section("stages", "assign", [_group(stages)])
        yield from self._section("late", "overdue", self._late())
        unanswered = [self._unanswered(state, what) for state, what in brief.unanswered]
        yield from self._section("difficulties", "overdue", [_group(unanswered)])
        unreached = map(self._unreached, brief.unreached)
        yield from self._section("unreached", "overdue", [_group(unreached)])
        yield from self._section("pauses", "remind", [_group(map(self._pause, brief.pauses))])
        ahead, last = [_group(self._ahead())], brief.last_ahead
        yield from self._section("ahead", "remind", ahead, count=AHEAD, day=last)
        since = brief.since.astimezone(zone)
        yield from self._section("news", "returned", self._news(), at=since)
        sendings = map(self._sending, brief.sendings[:SENDINGS])
        yield from self._section("next", "assign", [_group(sendings)])

    def _section(
        self, name: str, tone: str, groups: Iterable[Group], **values: Any
    ) -> Iterator[BriefSection]:
        """Yield a section of at most `LINES` lines; one that would be empty is left out."""
        kept, cut = _cut(groups)
        if kept:
            heading = self.tell(f"section.{name}", **values)
            yield BriefSection(heading, tone, kept, self.tell("more", count=cut) if cut else "")

    # ── Where the stages stand ──

    def _stage(self, stage: Stage, number: int) -> Point:
        title = self._short(stage.title)
        name = self.tell("stage.name", number=number, title=title)
        return _point(name, "; ".join(self._stands(stage)))

    def _stands(self, stage: Stage) -> Iterator[str]:
        state = self.mail.state
        where = state.stages[stage.id]
        gated = [state.obligations[key] for key in self.plan.gated(stage)]
        missing = [one for one in gated if not one.is_closed]
        counts = {"closed": len(gated) - len(missing), "total": len(gated)}
        if where.done_at is not None:
            day = done_on(where.done_at, self.plan.zone)
            if where.missing:
                then = counts | {"closed": len(gated) - len(where.missing)}
                by_time = then["closed"] < stage.gate.needed(len(gated))
                key = "stage.done-missing" if by_time else "stage.done-quorum"
                yield self.tell(key, day=day, **then)
            else:
                yield self.tell("stage.done", day=day, **counts)
            if missing:
                yield self.tell("stage.still-missing", count=len(missing))
            return
        if where.opened_at is None:
            what = self._both(list(self._waits_for(stage)))
            yield self.tell("stage.blocked", what=what) if what else self.tell("stage.not-open")
        else:
            needed = stage.gate.needed(len(gated))
            key = "stage.waiting" if needed == len(gated) else "stage.waiting-part"
            yield self.tell(key, needed=needed, **counts)
        if late := sum(one.is_late(self.mail.as_of) for one in gated):
            yield self.tell("stage.late", count=late)
        dues = [one.due.last_day for one in missing if one.due is not None]
        if ahead := [day for day in dues if day >= self.mail.today]:
            yield self.tell("stage.due", day=min(ahead))
        if (closes := gives_way_at(state, stage)) is not None:
            yield self.tell("stage.gives-way", day=done_on(closes, self.plan.zone))

    def _waits_for(self, stage: Stage) -> Iterator[str]:
        state, numbers = self.mail.state, self._numbers
        needs = [str(numbers[n]) for n in stage.needs if state.stages[n].done_at is None]
        if needs:
            yield self.tell("stage.after", stages=", ".join(needs))
        if stage.event is not None and stage.event not in state.events:
            title = self.plan.events[stage.event].title
            yield self.tell("stage.event", title=self._short(title))

    @property
    def _numbers(self) -> dict[str, int]:
        return {stage.id: number for number, stage in enumerate(self.plan.stages, 1)}

    # ── Who is late ──

    def _late(self) -> list[Group]:
        """By task; whoever is as late and was told as often shares a line."""
        by_task: dict[str, list[Overdue]] = {}
        for one in self.mail.overdue:
            by_task.setdefault(one.state.obligation.task.id, []).append(one)
        return [
            Group(self._short(found[0].state.obligation.task.title), tuple(self._alike(found)))
            for found in by_task.values()
        ]

    def _alike(self, late: Sequence[Overdue]) -> Iterator[Point]:
        alike: dict[str, list[str]] = {}
        for one in late:
            names = alike.setdefault("; ".join(self._fate(one)), [])
            names.append(self.placed(one.state.obligation.agency))
        for fate, names in alike.items():
            if len(names) == 1:
                yield _point(names[0], fate)
            else:
                name = self.tell("agencies", count=len(names))
                said = self.tell("late.alike", fate=fate, names=self._named(names))
                yield _point(name, said, count=len(names))

    def _fate(self, one: Overdue) -> Iterator[str]:
        yield self.tell("late.days" if one.days else "late.since", day=one.since, count=one.days)
        if one.chased:
            yield self.tell("late.chased", count=len(one.chased), last=one.chased[-1])
        else:
            yield self.tell("late.unchased")
        for key, to_parent in (("informed", True), ("reported", False)):
            whom = [
                self.tell("late.told", name=self.name(recipient), day=day)
                for recipient, day in one.reported
                if self.is_parent(recipient) is to_parent
            ]
            if whom:
                yield self.tell(f"late.{key}", whom=", ".join(whom))
        if one.state.in_part is not None:
            yield self.tell("late.in-part")

    # ── What waits for an answer, who is not reached, what falls due ──

    def _unanswered(self, state: ObligationState, difficulty: Difficulty) -> Point:
        day = difficulty.since.astimezone(self.plan.zone).date()
        title = self._short(state.obligation.task.title)
        said = self.tell("difficulty", what=_plain(difficulty.what), title=title, day=day)
        if difficulty.document:
            document = self.document(difficulty.document)
            said = self.tell("by-document", said=said, document=document)
        return _point(self.placed(state.obligation.agency), said)

    def _unreached(self, one: Unreached) -> Point:
        agency = self.plan.agencies[one.recipient]
        day = one.since.astimezone(self.plan.zone).date()
        address = one.address or agency.email or ""
        key = "unreached.said" if address else "unreached.no-address"
        said = self.tell(key, count=one.count, address=address, day=day, why=_plain(one.why))
        return _point(self.placed(agency), said)

    def _pause(self, one: Pause) -> Point:
        key = "pause.open" if one.until is None else "pause.until"
        day = one.since.astimezone(self.plan.zone).date()
        said = self.tell(key, day=day, until=one.until)
        if one.why:
            said = self.tell("news.why", said=said, why=_plain(one.why))
        name = self.tell("pause.run") if one.agency is None else self.name(one.agency)
        return _point(name, said)

    def _ahead(self) -> Iterator[Point]:
        for day, states in self.mail.falling_due:
            agencies = [self.placed(state.obligation.agency) for state in states]
            said = self.tell(
                "ahead.agencies",
                title=self._short(states[0].obligation.task.title),
                count=len(states),
                names=self._named(agencies),
            )
            if states[0].opened_at is None:
                said = self.tell("ahead.not-open", said=said)
            yield _point(self.tell("day", day=day), said)

    # ── What changed ──

    def _news(self) -> list[Group]:
        """What turned the run first, then what was recorded, by task."""
        turns: list[Point] = []
        by_task: dict[str, list[Point]] = {}
        for entry in sorted(self.mail.entries, key=_weight):
            state = self.mail.state.obligations.get(entry.obligation or "")
            if state is None:
                turns.append(self._turn(entry))
            else:
                title = self._short(state.obligation.task.title)
                by_task.setdefault(title, []).append(self._deed(entry, state))
        groups = [Group(title, tuple(points)) for title, points in by_task.items()]
        return [Group("", tuple(turns)), *groups] if turns else groups

    def _turn(self, entry: Entry) -> Point:
        if entry.kind is EntryKind.EVENT_ANNOUNCED:
            event = self.plan.events.get(entry.data["event"])
            title = self._short(entry.data["event"] if event is None else event.title)
            said = self._documented(self.tell("news.event-announced"), entry)
            return _point(self.tell("news.event", title=title), said)
        if entry.kind in _TURNS and entry.stage in self._numbers:
            name = self.tell("news.stage", number=self._numbers[entry.stage])
            if missing := entry.data.get("missing"):
                return _point(name, self.tell("news.stage-done-missing", count=len(missing)))
            return _point(name, self.tell(f"news.{entry.kind.value}"))
        agency = self.plan.agencies.get(entry.data.get("agency") or "")
        name = self.tell("news.run") if agency is None else self.placed(agency)
        return _point(name, self._explained(self._kind(entry), entry))

    def _deed(self, entry: Entry, state: ObligationState) -> Point:
        said = self._documented(self._kind(entry), entry)
        if entry.kind in (EntryKind.RETURNED, EntryKind.EXTENDED) and state.due is not None:
            said = self.tell("news.due", said=said, day=state.due.last_day)
        return _point(self.placed(state.obligation.agency), self._explained(said, entry))

    def _explained(self, said: str, entry: Entry) -> str:
        """Add what somebody wrote: a reason, a difficulty, an answer."""
        if why := _plain(str(entry.data.get("reason", ""))):
            return self.tell("news.why", said=said, why=why)
        if what := _plain(str(entry.data.get("what") or entry.data.get("answer") or "")):
            return self.tell("news.what", said=said, what=what)
        return said

    def _kind(self, entry: Entry) -> str:
        """Name what was done; what the brief has no words for is called as the ledger calls it."""
        if entry.data.get("nil"):
            return self.tell("news.submitted-nil")
        if has(self.mail.language, f"mail.brief.news.{entry.kind.value}"):
            return self.tell(f"news.{entry.kind.value}")
        return text(self.mail.language, f"entry.{entry.kind.value}")

    def _documented(self, said: str, entry: Entry) -> str:
        if not entry.document:
            return said
        document = self.document(entry.document, entry.happened_at)
        return self.tell("news.document", said=said, document=document)

    # ── What goes out next ──

    def _sending(self, one: Sending) -> Point:
        kinds = one.agencies
        said = [words for kind, who in kinds for words in self._sent(kind, who, one.late)]
        at = one.at.astimezone(self.plan.zone)
        return _point(self.tell("day", day=at), "; ".join(said))

    def _sent(self, kind: Kind, agencies: Sequence[str], late: int) -> Iterator[str]:
        if kind is not Kind.ESCALATE:
            names = self.names(agencies)
            yield self.tell(f"next.{kind.word}", count=len(agencies), names=names)
            return
        above = [one for one in agencies if not self.is_parent(one)]
        parents = [one for one in agencies if self.is_parent(one)]
        if above:
            names = self._both([self.name(one) for one in above])
            yield self.tell("next.escalate", names=names, late=late)
        if parents:
            names = self.names(parents)
            yield self.tell("next.escalate-parent", count=len(parents), names=names)

    # ── Small words ──

    def _named(self, names: Sequence[str]) -> str:
        said = list(names[:NAMES])
        if rest := len(names) - len(said):
            said.append(self.tell("more-agencies", count=rest))
        return "; ".join(said)

    def _both(self, said: Sequence[str]) -> str:
        """Join what is one or two."""
        if len(said) == 2:
            return self.tell("both", first=said[0], second=said[1])
        return ", ".join(said)

    def _short(self, title: str) -> str:
        return shortened(" ".join(title.split()), _TITLE)


def _group(points: Iterable[Point]) -> Group:
    return Group("", tuple(points))


def _point(name: str, said: str, *, count: int = 1) -> Point:
    """Return a line that ends as a sentence does, whatever was written last."""
    return Point(name, said if said.endswith((".", "…", "!", "?")) else f"{said}.", count)


def _cut(groups: Iterable[Group]) -> tuple[tuple[Group, ...], int]:
    """Keep the first `LINES` lines; return what is kept, and of how many the rest speaks."""
    kept: list[Group] = []
    cut, room = 0, LINES
    for group in groups:
        if shown := group.points[:room]:
            kept.append(Group(group.title, shown))
        cut += sum(point.count for point in group.points[len(shown) :])
        room -= len(shown)
    return tuple(kept), cut


def _weight(entry: Entry) -> tuple[int, datetime]:
    """Order the news: what opens or ends a run, events, stages; returns before submissions."""
    grave = (*_BEGINNINGS, EntryKind.EVENT_ANNOUNCED, *_TURNS)
    if entry.kind in grave:
        return 0, entry.recorded_at
    routine = (EntryKind.SUBMITTED, EntryKind.SUBMITTED_IN_PART, EntryKind.ACCEPTED)
    return (2 if entry.kind in routine else 1), entry.recorded_at


def _plain(words: str) -> str:
    """Return what somebody wrote on one line, cut where it runs on."""
    return shortened(" ".join(words.split()), _WHY)
