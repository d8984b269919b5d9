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
from engine.reason import Reason
from language import dates
from language.catalogue import text
from notifiers.digest import Digest, Line
from notifiers.signatory import above

EXTENDED = "derivation.extended"
_WORD = re.compile(r"(?<!\w)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?!\w)")
"""What may be an id among words; a full stop at its end is the sentence's."""


_NUMBER = re.compile(r"\d+\w*(?:/\d{4})?/([^\W\d_]+)(?=-|$)")
"""The number of a document, its type last: 76/NQ-CP, 09/2019/NĐ-CP, 12/BC."""
_TYPES = {
    "NQ": "resolution",
    "QĐ": "decision",
    "CT": "directive",
    "NĐ": "decree",
    "TT": "circular",
    "KH": "plan",
    "BC": "report",
    "TB": "notice",
    "TTr": "submission",
    "CTr": "programme",
    "CĐ": "telegram",
    "HD": "guidance",
    **dict.fromkeys(("QC", "QyĐ", "TC", "PA", "ĐA", "DA", "BB", "HĐ", "GM", "VBHN"), "other"),
}
"""What the types of documents are called in the catalogue, by their abbreviation.

An official letter (công văn) has none: its number names the body that wrote it.
"""


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

    @property
    def sender(self) -> Agency:
        """In whose name it goes out."""
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
        """In whose name the mail goes out."""
        return self.mail.sender.name

    @cached_property
    def coordinator(self) -> str:
        """The body that follows the plan up."""
        return self.name(self.mail.plan.coordinator)

    @cached_property
    def superior(self) -> str | None:
        """The body above the coordinator, if the plan names one."""
        superior = self.mail.plan.superior
        return None if superior is None else self.name(superior)

    @cached_property
    def issuer(self) -> str:
        """The body that issued the plan, by name whether the plan says its name or its id."""
        plan = self.mail.plan
        agency = plan.agencies.get(plan.issuer)
        return plan.issuer if agency is None else agency.name

    def basis(self, *, more: str = "") -> str:
        """Name the document that the mail stands on, and `more` that it does."""
        plan = self.mail.plan
        return self.say(
            "basis-more",
            number=plan.number,
            issued=plan.issued,
            issuer=self.issuer,
            title=plan.title,
            more=more,
        )

    def automatic(self, *, of_coordinator: bool = False) -> str:
        """Say that a program sent it, for whom; not for a body that is reported in it."""
        manner = "-own" if self.to_coordinator else "-of-coordinator" if of_coordinator else ""
        return self.say(f"automatic{manner}", sender=self.sender, coordinator=self.coordinator)

    @property
    def to_coordinator(self) -> bool:
        """Whether the recipient is the body that follows the plan up."""
        return self.mail.recipient.id == self.mail.plan.coordinator

    def is_parent(self, recipient: str) -> bool:
        """Say whether who hears of lateness is neither the coordinator nor the superior."""
        return recipient not in self.mail.plan.levels

    def placed(self, agency: Agency) -> str:
        """Name an agency with the body above it: two districts may have communes of one name."""
        parent = above(self.mail.plan, agency)
        if parent is None or parent.id == self.mail.recipient.id:
            return agency.name
        return self.say("value.placed", name=agency.name, above=parent.name)

    def document(self, number: str, on: date | None = None) -> str:
        """Call a document as offices do: *Nghị quyết số 76/NQ-CP ngày 15/7/2021*.

        Its type stands in its number (Decree 30/2020/NĐ-CP, annex III); what has no number
        of that form is called as it was written.
        """
        written = " ".join(number.split())
        if (found := _NUMBER.match(written)) is not None:
            written = self.say(f"document.{_TYPES.get(found[1], 'letter')}", number=written)
        if on is None:
            return written
        day = on.astimezone(self.mail.plan.zone).date() if isinstance(on, datetime) else on
        return self.say("document.dated" if written else "document.bare", document=written, day=day)

    def day(self, value: date) -> str:
        """Write a date."""
        return dates.day(self.mail.language, value)

    def title(self, task: Task) -> str:
        """Return a task's title with the section of the document that sets it."""
        return f"{task.title} ({task.ref})" if task.ref else task.title

    def phrase(self, words: str) -> str:
        """Return a deadline's words; an event or stage is called by its title, not by its id."""
        titles = self.mail.plan.titles
        return _WORD.sub(lambda found: titles.get(found[0]) or found[0], words)


@dataclass(frozen=True)
class Saying(Voice):
    """Says things about one digest."""

    mail: Digest

    @property
    def digest(self) -> Digest:
        """The digest that is spoken of."""
        return self.mail

    @cached_property
    def to_parent(self) -> bool:
        """Whether the recipient hears of what is late as the body above, on no level of the plan.

        The sender does not report to it: a department informs a district of its communes.
        """
        return bool(self.digest.late) and self.is_parent(self.digest.recipient.id)

    @cached_property
    def ask(self) -> str:
        """How the recipient is asked: as an equal, from above or from below."""
        return self.say(f"ask.{self._relation}")

    @cached_property
    def insist(self) -> str:
        """How the recipient is asked once it has been asked before."""
        return self.say(f"insist.{self._relation}")

    @property
    def _relation(self) -> str:
        plan, recipient = self.digest.plan, self.digest.recipient
        if recipient.id == plan.superior:
            return "above"
        return "below" if above(plan, recipient) is not None else "beside"

    def chain(self, state: ObligationState) -> str:
        """Say how a deadline was derived, step by step."""
        steps = () if state.due is None else state.due.derivation
        return " → ".join(map(self.step, steps))

    def step(self, step: Reason) -> str:
        """Say one step of how a deadline was derived."""
        key, values = step.key, step.values
        if isinstance(words := values.get("phrase"), str):
            values = {**values, "phrase": self.phrase(words)}
        if key == EXTENDED and not values.get("document"):
            key = f"{key}-bare"
        return text(self.digest.language, key, **values)

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

    def ending(self, line: Line) -> str:
        """Say how near the end of a term is: `today`, its `last` working day, `past` that, ''."""
        due, today = line.state.due, self.digest.today
        if due is None or today < due.last_working_day:
            return ""
        if today == due.last_day:
            return "today"
        return "last" if today == due.last_working_day else "past"

    def steps(self, line: Line) -> str:
        """Say what comes next and, where that is nearer home, when it goes above."""
        following, higher = line.next, line.escalation
        if following is None:
            return ""
        if higher is None or higher == following:
            return self._step(line, following)
        if higher.at == following.at and following.kind is Kind.OVERDUE:
            return self.say(
                f"next.together{self._manner(higher)}",
                at=self._at(higher),
                count=line.next_chaser,
                name=self.name(higher.recipient),
            )
        return f"{self._step(line, following)}; {self._step(line, higher)}"

    def _step(self, line: Line, notice: Notice) -> str:
        return self.say(
            f"next.{notice.kind.word}{self._manner(notice)}",
            at=self._at(notice),
            count=line.next_chaser,
            name=self.name(notice.recipient),
        )

    def _manner(self, notice: Notice) -> str:
        """Tell the superior, who is reported to, from a parent or the coordinator, who are told."""
        told = notice.kind is Kind.ESCALATE and notice.recipient != self.digest.plan.superior
        return "-told" if told else ""

    def _at(self, notice: Notice) -> Any:
        return notice.at.astimezone(self.digest.plan.zone)
