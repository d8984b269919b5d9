"""Words: how values of two plans are called, each by its own plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from engine.deadline import Phrase
from engine.plan import Stage
from language import dates
from language.catalogue import has, text
from services.comparing.account import Detail
from services.comparing.changes import Change
from services.comparing.comparison import Comparison
from services.comparing.reach_wording import contacts_said, spans_said
from services.pages.speech import Speech
from services.views.previewing import gate_text

LISTS: Mapping[str, Callable[[Any, str], list[str]]] = {
    "contacts": contacts_said,
    "quiet": spans_said,
}
AGENCY_LISTS = frozenset({"copies", "partners"})
AGENCIES = frozenset({"coordinator", "superior", "issuer", "to", "parent"})


@dataclass(frozen=True)
class Words:
    """Says things about a comparison, from the catalogue."""

    compared: Comparison
    language: str

    @cached_property
    def old(self) -> Speech:
        """The speech of the old plan."""
        return Speech(self.compared.old.plan, self.language)

    @cached_property
    def new(self) -> Speech:
        """The speech of the new plan."""
        return Speech(self.compared.new.plan, self.language)

    def say(self, key: str, /, **values: Any) -> str:
        """Return a sentence of this room's part of the catalogue, `comparison.*`."""
        return text(self.language, f"comparison.{key}", **values)

    def label(self, field: str) -> str:
        """Call a field by its name in the reader's language; one without is called as it is."""
        key = f"comparison.field.{field.replace('_', '-')}"
        return text(self.language, key) if has(self.language, key) else field

    def many(self, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Return how many agencies there are and their names, or the one name alone."""
        if len(names) == 1:
            return names[0], ()
        return self.say("agencies", count=len(names)), tuple(names)

    def names(self, agencies: Iterable[str]) -> list[str]:
        """Name agencies by their new ids; one that is gone is known to the old plan only."""
        return [self._name(agency, self.new) for agency in agencies]

    def stage(self, stage: Stage, speech: Speech) -> str:
        """Call a stage by its number, place in the document and title."""
        return f"{speech.stage(stage)} – {stage.title}"

    def detail(self, change: Change) -> Detail:
        """Say how a field has changed: a list by what came and went, all else from and to."""
        label = self.label(change.field)
        if change.field in AGENCY_LISTS:
            return Detail(label, self._came_and_went(change.old, change.new))
        if (listed := LISTS.get(change.field)) is not None:
            both = (listed(values, self.language) for values in (change.old, change.new))
            return Detail(label, self.came_and_went(*both))
        if change.field == "concerning":
            return Detail(label, self._came_and_went(_flat(change.old), _flat(change.new)))
        if isinstance(change.new, Mapping):
            entries = self._entries(change.old), self._entries(change.new)
            return Detail(label, self.came_and_went(*entries))
        if change.field == "due" and change.old.text == change.new.text:
            if change.old.roll == change.new.roll:  # what the same words count from has moved
                return Detail(label, self.value(change.field, change.new, self.new))
            label = self.label("roll")
            return Detail(label, old=self._roll(change.old), new=self._roll(change.new))
        return Detail(
            label,
            old=self.value(change.field, change.old, self.old),
            new=self.value(change.field, change.new, self.new),
        )

    def gate(self, old: Stage, new: Stage) -> Detail:
        """Say when a stage counted as done and when it does now."""
        said = [self._gate(old, self.old), self._gate(new, self.new)]
        counted = [self._counted(stage) for stage in (old, new)]
        if counted[0] != counted[1]:
            said = [" ".join(both) for both in zip(said, counted, strict=True)]
        return Detail(self.label("gate"), "", *said)

    def came_and_went(self, old: Iterable[str], new: Iterable[str]) -> str:
        """Say which names are new in a list and which are gone from it."""
        before, after = dict.fromkeys(old), dict.fromkeys(new)
        came = [name for name in after if name not in before]
        went = [name for name in before if name not in after]
        said = []
        if came:
            said.append(self.say("came", names="; ".join(came)))
        if went:
            said.append(self.say("went", names="; ".join(went)))
        return " · ".join(said)

    def _came_and_went(self, old: Iterable[str], new: Iterable[str]) -> str:
        return self.came_and_went(self._names(old, self.old), self._names(new, self.new))

    def value(self, field: str, value: Any, speech: Speech) -> str:
        """Write the value of a field, an agency by its name, a date as offices write it."""
        match value:
            case None | "" | ():
                return self.say("nothing")
            case str() if field in AGENCIES:
                return self._name(value, speech)
            case str() if field == "language":
                return self._word("language", value)
            case str() if field == "event":
                events = {**self.new.plan.events, **speech.plan.events}
                return events[value].title or value
            case str() if field == "stage":
                return self._stage(value, speech)
            case tuple() if field == "needs":
                return "; ".join(self._stage(need, speech) for need in value)
            case Phrase():
                return speech.phrase(value)
        return self._plain(value)

    def _plain(self, value: Any) -> str:
        match value:
            case datetime():
                return dates.instant(self.language, value)
            case date():
                return dates.day(self.language, value)
            case time():
                return f"{value:%H:%M}"
            case ZoneInfo():
                return value.key
            case bool():
                return self.say("yes" if value else "no")
            case tuple():
                return "; ".join(self._plain(part) for part in value)
            case Mapping():
                return "; ".join(self._entries(value))
        if isinstance(said := getattr(value, "text", None), str):
            return said
        if is_dataclass(value):
            parts = (getattr(value, field.name) for field in fields(value))
            return " ".join(self._plain(part) for part in parts if part not in (None, "", ()))
        return str(value)

    def _entries(self, found: Mapping[str, Any]) -> list[str]:
        """Write the entries of a mapping; a value that has fields says itself what it is."""
        return [
            self._plain(value) if is_dataclass(value) else f"{key}: {self._plain(value)}"
            for key, value in found.items()
        ]

    def _word(self, kind: str, value: str) -> str:
        key = f"comparison.{kind}.{value}"
        return text(self.language, key) if has(self.language, key) else value

    def _names(self, agencies: Iterable[str], speech: Speech) -> list[str]:
        return [self._name(agency, speech) for agency in agencies]

    def _name(self, agency: str, speech: Speech) -> str:
        """Name an agency as one plan knows it, else as the other does."""
        plans = (speech.plan, self.new.plan, self.old.plan)
        found = next((one for plan in plans if (one := plan.agencies.get(agency))), None)
        return self._word("value", agency) if found is None else found.name

    def _roll(self, phrase: Phrase) -> str:
        return self.say(f"roll.{phrase.roll or 'default'}")

    def _stage(self, stage_id: str, speech: Speech) -> str:
        for known in (speech, self.new):
            for stage in known.plan.stages:
                if stage.id == stage_id:
                    return f"{known.stage(stage)} ({stage_id})"
        return stage_id

    def _gate(self, stage: Stage, speech: Speech) -> str:
        return gate_text(stage.gate, len(speech.plan.gated(stage)), self.language)

    def _counted(self, stage: Stage) -> str:
        if set(stage.gate.tasks) == {task.id for task in stage.tasks}:
            return self.say("counted-all")
        return self.say("counted", tasks=", ".join(stage.gate.tasks))


def _flat(concerning: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [agency for found in concerning.values() for agency in found]
