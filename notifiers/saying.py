"""Saying: the small phrases that every part of a mail shares, in the mail's language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

from engine.chasing import Kind, Notice
from engine.ledger import ObligationState
from engine.plan import Agency, Plan, Task
from language import dates
from language.catalogue import text
from notifiers.digest import Digest, Line

_WORD = re.compile(r"(?<!\w)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?!\w)")
"""What may be an id among words; a full stop at its end is the sentence's."""


class Addressed(Protocol):
    """A mail to one recipient about one plan, in one language."""

    @property
    def plan(self) -> Plan:
        """The plan that it is about."""
        ...

    @property
    def recipient(self) -> Agency:
        """Who gets it."""
        ...

    @property
    def language(self) -> str:
        """The language that it speaks."""
        ...


@dataclass(frozen=True)
class Voice:
    """Says what any mail may say, from the catalogue."""

    mail: Addressed

    def say(self, key: str, /, **values: Any) -> str:
        """Return a sentence of this module's part of the catalogue, `mail.*`."""
        return text(self.mail.language, f"mail.{key}", **values)

    def name(self, agency: str) -> str:
        """Return an agency's name."""
        return self.mail.plan.agencies[agency].name

    def names(self, agencies: Iterable[str]) -> str:
        """Join names as offices do; a name may hold commas itself."""
        return "; ".join(self.name(agency) for agency in agencies)

    @cached_property
    def sender(self) -> str:
        """The body in whose name the mail goes out."""
        return self.name(self.mail.plan.coordinator)

    @cached_property
    def superior(self) -> str | None:
        """The body above the sender, if the plan names one."""
        above = self.mail.plan.superior
        return None if above is None else self.name(above)

    @cached_property
    def issuer(self) -> str:
        """The body that issued the plan, by name whether the plan says its name or its id."""
        plan = self.mail.plan
        agency = plan.agencies.get(plan.issuer)
        return plan.issuer if agency is None else agency.name

    @property
    def to_sender(self) -> bool:
        """Whether the recipient is the body in whose name the mail goes out."""
        return self.mail.recipient.id == self.mail.plan.coordinator

    def is_parent(self, recipient: str) -> bool:
        """Say whether who hears of lateness is neither the coordinator nor the superior."""
        return recipient not in self.mail.plan.levels

    def above(self, agency: Agency) -> str | None:
        """Return the name of the body between an agency and the plan's levels, if there is one."""
        if agency.id in self.mail.plan.levels or agency.parent is None:
            return None
        return self.name(agency.parent) if self.is_parent(agency.parent) else None

    def placed(self, agency: Agency) -> str:
        """Name an agency with the body above it: two districts may have communes of one name."""
        above = None if agency.parent == self.mail.recipient.id else self.above(agency)
        if above is None:
            return agency.name
        return self.say("value.placed", name=agency.name, above=above)

    def day(self, value: date) -> str:
        """Write a date."""
        return dates.day(self.mail.language, value)

    def title(self, task: Task) -> str:
        """Return a task's title with the section of the document that sets it."""
        return f"{task.title} ({task.ref})" if task.ref else task.title

    def phrase(self, words: str) -> str:
        """Return a deadline's words; an event or stage is called by its title, not by its id."""
        plan = self.mail.plan
        titles = {stage.id: stage.title for stage in plan.stages}
        titles |= {name: event.title for name, event in plan.events.items()}
        return _WORD.sub(lambda found: titles.get(found[0]) or found[0], words)


@dataclass(frozen=True)
class Saying(Voice):
    """Says things about one digest."""

    mail: Digest

    @property
    def digest(self) -> Digest:
        """The digest that is spoken of."""
        return self.mail

    @property
    def to_parent(self) -> bool:
        """Whether the recipient hears of what is late as the body above, on no level of the plan.

        The sender does not report to it: a department informs a district of its communes.
        """
        return bool(self.digest.late) and self.is_parent(self.digest.recipient.id)

    def chain(self, state: ObligationState) -> str:
        """Say how a deadline was derived, step by step."""
        steps = () if state.due is None else state.due.derivation
        said = []
        for step in steps:
            values = dict(step.values)
            if isinstance(words := values.get("phrase"), str):
                values["phrase"] = self.phrase(words)
            said.append(text(self.digest.language, step.key, **values))
        return " → ".join(said)

    def day_of(self, moment: datetime) -> date:
        """Return the day on which an instant lies, in the plan's zone."""
        return moment.astimezone(self.digest.plan.zone).date()

    def days_late(self, line: Line) -> int:
        """Count the working days since the deadline, as of the digest's day."""
        assert line.state.due is not None
        calendar = self.digest.plan.calendar
        return max(calendar.working_days_between(line.state.due.last_day, self.digest.today), 0)

    def days_left(self, line: Line) -> int:
        """Count the working days left, negative where the last of them has passed."""
        assert line.state.due is not None
        calendar, today = self.digest.plan.calendar, self.digest.today
        return calendar.working_days_between(today, line.state.due.last_working_day)

    def is_last_day(self, line: Line) -> bool:
        """Whether today is the last working day of the term."""
        due = line.state.due
        return due is not None and due.last_working_day == self.digest.today

    def steps(self, line: Line) -> str:
        """Say what comes next and, where that is nearer home, when it goes above."""
        following, above = line.next, line.escalation
        if following is None:
            return ""
        if above is None or above == following:
            return self._step(line, following)
        if above.at == following.at and following.kind is Kind.OVERDUE:
            return self.say(
                f"next.together{self._manner(above)}",
                at=self._at(above),
                count=line.next_chaser,
                name=self.name(above.recipient),
            )
        return f"{self._step(line, following)}; {self._step(line, above)}"

    def _step(self, line: Line, notice: Notice) -> str:
        return self.say(
            f"next.{notice.kind.word}{self._manner(notice)}",
            at=self._at(notice),
            count=line.next_chaser,
            name=self.name(notice.recipient),
        )

    def _manner(self, notice: Notice) -> str:
        """Tell a parent, who is informed, from the plan's levels, who are reported to."""
        to_parent = notice.kind is Kind.ESCALATE and self.is_parent(notice.recipient)
        return "-parent" if to_parent else ""

    def _at(self, notice: Notice) -> Any:
        return notice.at.astimezone(self.digest.plan.zone)
