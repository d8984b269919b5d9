"""Wording: a mail's digest → the letter that goes with it, in the words of the catalogue.

The letter is always in Vietnamese, whatever language the plan's mail speaks: it is an
administrative document of a Vietnamese office. It names no day of its own: by when to answer
is left blank, for the person who signs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from engine.chasing import Kind
from engine.plan import Agency
from language.catalogue import text
from notifiers.digest import Digest, Line
from notifiers.letters.calling import Occasion
from notifiers.letters.heading import LANGUAGE, heading
from notifiers.letters.letter import Group, Item, Letter, Request, Row, Table
from notifiers.signatory import above
from notifiers.words.saying import Saying

NAMED = 8  # bodies that a letter is addressed to by name; more are those of its table
_TOLD = (Kind.ASSIGN, Kind.REMIND, Kind.RETURNED, Kind.OVERDUE)
_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def letter(digest: Digest, about: Occasion) -> Letter:
    """Word the letter of `digest`. Raises UnknownText where the catalogue lacks a sentence."""
    return _Wording(Saying(replace(digest, language=LANGUAGE)), about).letter()


def manner(digest: Digest, about: Occasion) -> str:
    """Return what kind of letter it is: a chaser (of one or all), a report, or a direction.

    The coordinator that hears of late bodies writes to them, the body above it gets a report
    from it, a parent is asked to direct the bodies below it.
    """
    if not about.late:
        return "chaser"
    saying = Saying(digest)
    if saying.to_coordinator:
        return "chaser-of-all"
    return "direction" if saying.to_parent else "report"


def issuer(digest: Digest) -> Agency:
    """Return the body that a mail's letter is to come from: a commune hears from its district."""
    plan = digest.plan
    return above(plan, digest.recipient) or plan.agencies[plan.coordinator]


@dataclass(frozen=True)
class _Wording:
    saying: Saying
    about: Occasion

    def letter(self) -> Letter:
        digest, say = self.saying.digest, self._say
        return Letter(
            heading=heading(digest.plan, self.issuer, digest.today.year),
            about=say(f"about.{self.manner}"),
            draft=say("draft"),
            footer=say("footer", at=digest.as_of.astimezone(digest.plan.zone)),
            to_lead=say("to.lead"),
            to=self._to(),
            opening=self._opening(),
            items=tuple(self._items()),
            table=self._table() if self.about.late else None,
            requests=tuple(self._requests()),
            closings=tuple(self._closings()),
            recipients_lead=say("recipients.lead"),
            recipients=tuple(self._recipients()),
            power=say("signature.power"),
            signer=say("signature.name"),
        )

    def _say(self, key: str, **values: Any) -> str:
        digest = self.saying.digest
        known = {
            "number": digest.plan.number,
            "sender": self.issuer.name,
            "name": digest.recipient.name,
            "today": digest.today,
            "before": text(LANGUAGE, "letter.before"),
            "end": text(LANGUAGE, "letter.end"),
        }
        return text(LANGUAGE, f"letter.{key}", **{**known, **values})

    @cached_property
    def issuer(self) -> Agency:
        return issuer(self.saying.digest)

    @cached_property
    def manner(self) -> str:
        return manner(self.saying.digest, self.about)

    @cached_property
    def late(self) -> tuple[str, ...]:
        """The names of the late bodies, each once."""
        agencies = (line.state.obligation.agency for line in self.about.late)
        return tuple(dict.fromkeys(self.saying.placed(agency) for agency in agencies))

    @cached_property
    def is_of_sender(self) -> bool:
        """Whether the sender is itself among the late that it reports."""
        coordinator = self.saying.digest.plan.coordinator
        found = (line.state.obligation.agency.id for line in self.about.late)
        return self.manner == "report" and coordinator in found

    @property
    def is_only_of_sender(self) -> bool:
        return self.is_of_sender and len(self.late) == 1

    def _to(self) -> tuple[str, ...]:
        if self.manner != "chaser-of-all":
            return (self.saying.digest.recipient.name,)
        return self.late if len(self.late) <= NAMED else (self._say("to.all"),)

    def _opening(self) -> str:
        plan = self.saying.digest.plan
        basis = self._say(
            "opening.basis", issued=plan.issued, issuer=self.saying.issuer, title=plan.title
        )
        if self.about.own:
            return self._say("opening.chaser", basis=basis, count=len(self.about.own))
        return self._of_late(f"opening.{self._kind}", basis=basis)

    @property
    def _kind(self) -> str:
        return "report-of-sender" if self.is_of_sender else self.manner

    def _of_late(self, key: str, **values: Any) -> str:
        return self._say(key, count=len(self.late), late=self.late[0], **values)

    def _items(self) -> Iterator[Item]:
        for line in self.about.own:
            title = self.saying.title(line.state.obligation.task)
            yield Item(title, tuple(self._facts(line)))

    def _facts(self, line: Line) -> Iterator[str]:
        state = line.state
        if state.due is not None:
            days = self.saying.days_late(line)
            yield self._say("fact.due", day=state.due.last_day, count=days)
            yield self._say("fact.derivation", chain=self._chain(line))
        if state.returned_for:
            yield self._say("fact.returned", reason=state.returned_for)
        if told := "; ".join(self._told(line)):
            yield self._say("fact.told", told=told)
        if above := self._reported([line]):
            yield self._say("fact.reported", names=self.saying.names(above))
        if state.obligation.to not in (None, state.obligation.agency.id):
            yield self._say("fact.to", to=self.saying.name(state.obligation.to or ""))

    def _chain(self, line: Line) -> str:
        """An arrow is for screens; a letter has semicolons."""
        return self.saying.chain(line.state).replace(" → ", "; ")

    def _told(self, line: Line) -> Iterator[str]:
        for kind in _TOLD:
            days = [told.on for told in line.told if told.kind is kind]
            if days:
                yield self._say(f"told.{kind.word}", count=len(days), last=days[-1])

    def _table(self) -> Table:
        by_task: dict[tuple[str, str], list[Line]] = {}
        for line in self.about.late:
            obligation = line.state.obligation
            by_task.setdefault((obligation.stage.id, obligation.task.id), []).append(line)
        groups, number = [], 1
        for place, lines in enumerate(by_task.values(), 1):
            lines.sort(key=lambda line: -self.saying.days_late(line))
            mark = _roman(place) if len(by_task) > 1 else ""
            groups.append(self._group(lines, mark, number))
            number += len(lines)
        columns = ("number", "body", "due", "days", "told")
        number_, body, due, days, told = (self._say(f"column.{name}") for name in columns)
        also = self._of_late("opening.direction-also") if self.about.own else ""
        return Table(also, (number_, body, due, days, told), tuple(groups))

    def _group(self, lines: Sequence[Line], mark: str, start: int) -> Group:
        chains = dict.fromkeys(self._chain(line) for line in lines)
        return Group(
            mark=mark,
            title=self.saying.title(lines[0].state.obligation.task),
            chains=tuple(self._say("task.derivation", chain=chain) for chain in chains),
            rows=tuple(self._row(line, number) for number, line in enumerate(lines, start)),
        )

    def _row(self, line: Line, number: int) -> Row:
        assert line.state.due is not None
        return Row(
            number=number,
            name=self.saying.placed(line.state.obligation.agency),
            due=self.saying.day(line.state.due.last_day),
            days=self.saying.days_late(line),
            told=tuple(self._told(line)) or (self._say("told.none"),),
        )

    def _requests(self) -> Iterator[Request]:
        explain = self._say("request.explain")
        if self.about.own:
            points = (self._complete(self.about.own), explain, self._say("request.already"))
            yield Request(self._say("request.lead"), points)
        if not self.about.late:
            return
        complete = self._complete(self.about.late)
        match self.manner:
            case "chaser-of-all":
                points = (complete, explain, self._say("request.already"))
                yield Request(self._of_late("request.lead-of-all"), points)
            case "report" if self.is_only_of_sender:
                yield Request(self._say("request.lead-of-sender"))
            case kind:
                yield Request(self._of_late(f"request.lead-{kind}"), (complete, explain))

    def _complete(self, lines: Iterable[Line]) -> str:
        """Ask for the work, to whom the plan says it goes if that is one body."""
        found = [line.state.obligation for line in lines]
        wanted = {one.to if one.to != one.agency.id else None for one in found}
        only = next(iter(wanted)) if len(wanted) == 1 else None
        if only is None:
            return self._say("request.complete")
        return self._say("request.complete-to", to=self.saying.name(only))

    def _closings(self) -> Iterator[str]:
        if self.manner == "report":
            yield self._say("closing.report")
            return
        superior = self.saying.superior
        district = above(self.saying.digest.plan, self.saying.digest.recipient)
        if district is not None and self.manner == "chaser":
            yield self._say("closing.difficulties-parent", above=district.name)
        elif superior is None:
            yield self._say("closing.difficulties-sender")
        else:
            yield self._say("closing.difficulties", superior=superior)
        yield self._say("closing.respectfully")

    def _recipients(self) -> Iterator[str]:
        yield self._say("recipients.above")
        for agency in self._reported((*self.about.own, *self.about.late)):
            kind = "parent" if self.saying.is_parent(agency) else "superior"
            yield self._say(f"recipients.{kind}", name=self.saying.name(agency))
        yield self._say("recipients.file")

    def _reported(self, lines: Iterable[Line]) -> tuple[str, ...]:
        """Who above was told before of what is late, but for the sender and the recipient."""
        digest = self.saying.digest
        told = dict.fromkeys(heard.recipient for line in lines for heard in line.reported)
        return tuple(
            one for one in told if one not in (digest.plan.coordinator, digest.recipient.id)
        )


def _roman(number: int) -> str:
    written = ""
    for value, sign in _ROMAN:
        written += sign * (number // value)
        number %= value
    return written
