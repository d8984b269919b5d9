"""Speech: the words that every part of a page shares, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

from engine.deadline import Deadline, Phrase
from engine.ledger import done_on
from engine.plan import Plan, Stage
from language import dates
from language.catalogue import text

_ABBREVIATIONS = (("Ủy ban nhân dân", "UBND"),)


@dataclass(frozen=True)
class Speech:
    """Says things about one plan, from the catalogue."""

    plan: Plan
    language: str

    def say(self, key: str, /, **values: Any) -> str:
        """Return a sentence of this room's part of the catalogue, `page.*`."""
        return text(self.language, f"page.{key}", **values)

    def kind(self, word: str) -> str:
        """Name a kind of notice."""
        return text(self.language, f"kind.{word}")

    def name(self, agency: str) -> str:
        """Return an agency's name."""
        return self.plan.agencies[agency].name

    def short_name(self, agency: str) -> str:
        """Return an agency's name as offices abbreviate it where room is short."""
        name = self.name(agency)
        for long, short in _ABBREVIATIONS:
            name = name.replace(long, short)
        return name

    def issuer(self) -> str:
        """The body that issued the plan, by name whether the plan says its name or its id."""
        agency = self.plan.agencies.get(self.plan.issuer)
        return self.plan.issuer if agency is None else agency.name

    @property
    def translated(self) -> bool:
        """Whether the reader's language is not the plan's."""
        return self.language != self.plan.language

    def local(self, moment: datetime) -> datetime:
        """Return an instant in the plan's time zone."""
        return moment.astimezone(self.plan.zone)

    def day(self, value: date) -> str:
        """Write a date."""
        return dates.day(self.language, value)

    def brief_day(self, value: date) -> str:
        """Write a date without its year: 09/5, 9 May."""
        written = dates.day(self.language, value)
        return written[: -len(str(value.year)) - 1]

    def month(self, year: int, month: int, *, brief: bool = False) -> str:
        """Write a month: 4/2020, Apr 2020; briefly 4/20, Apr."""
        return dates.month_of_year(self.language, year, month, brief=brief)

    def weekday(self, value: date) -> str:
        """Name the day of the week."""
        return dates.weekday(self.language, value)

    def instant(self, moment: datetime) -> str:
        """Write an instant in the plan's time zone."""
        return dates.instant(self.language, self.local(moment))

    def closing_day(self, done_at: datetime) -> date:
        """Return the day that a stage closes on; 00:00 is the end of the day before."""
        return done_on(done_at, self.plan.zone)

    def opening(self, opened_at: datetime) -> str:
        """Say when a stage opens: what opens at 00:00 is open from that day on."""
        if self.local(opened_at).time() == time(0):
            return self.say("from-day", day=self.local(opened_at).date())
        return self.instant(opened_at)

    def closing(self, done_at: datetime) -> str:
        """Say when a stage is done: at 00:00 it is as the day before ends."""
        if self.local(done_at).time() == time(0):
            return self.say("until-day", day=self.closing_day(done_at))
        return self.instant(done_at)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {stage.id: number for number, stage in enumerate(self.plan.stages, 1)}

    def number(self, stage: Stage) -> int:
        """Return the number of a stage in the plan, from 1."""
        return self._numbers[stage.id]

    def stage(self, stage: Stage) -> str:
        """Call a stage by its number in the plan and the section of the document that sets it."""
        called = self.say("stage-number", number=self.number(stage))
        return f"{called} · {stage.ref}" if stage.ref else called

    def phrase(self, phrase: Phrase) -> str:
        """Return a deadline's words; an event is called by its title, not by its id."""
        return self._without_ids(phrase.text)

    def derivation(self, deadline: Deadline | None) -> tuple[str, ...]:
        """Say how a deadline came about, one phrase per step."""
        steps = () if deadline is None else deadline.derivation
        said = []
        for step in steps:
            values = dict(step.values)
            if isinstance(words := values.get("phrase"), str):
                values["phrase"] = self._without_ids(words)
            said.append(text(self.language, step.key, **values))
        return tuple(said)

    def _without_ids(self, words: str) -> str:
        for name, event in self.plan.events.items():
            parts = re.split(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", words)
            words = (event.title or name).join(parts)
        return words
