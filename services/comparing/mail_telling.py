"""Mail telling: one changed mail of one recipient, before it is laid out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from engine.chasing import Digest, Kind
from engine.plan import Obligation
from language.dates import instant
from notifiers.words.shortening import shortened
from services.comparing.account import Detail, Mark
from services.comparing.mails import Pair, Single, says
from services.comparing.words import Words
from services.pages.speech import Speech

ABOUT = 72
"""Characters of a task's title that tell it from others."""


@dataclass(frozen=True, slots=True)
class Told:
    """A mail before it is an item: when it goes out and went out, on which rungs, about what."""

    mark: Mark
    rungs: tuple[tuple[Kind, int], ...]
    about: str
    old: datetime | None
    new: datetime | None
    names: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def follows(self, other: Told) -> bool:
        """Whether it is the next overdue notice after `other`, and says nothing else."""
        (kind, number), (before, earlier) = self.rungs[0], other.rungs[0]
        return (
            len(self.rungs) == len(other.rungs) == 1
            and kind is before is Kind.OVERDUE
            and number == earlier + 1
            and replace(self, rungs=(), old=None, new=None)
            == replace(other, rungs=(), old=None, new=None)
        )


@dataclass(frozen=True)
class Teller:
    """Tells the mails of one recipient; `mask` is its name where it shall not be said."""

    recipient: str
    words: Words
    mask: str

    def vanished(self, one: Single) -> Told:
        """A mail that is sent no more, and which ones say its part now."""
        speech, digest = self.words.old, one.mail.digest
        return Told(
            Mark.GONE,
            _rungs(digest),
            self._about(digest, speech),
            old=speech.local(digest.send_at),
            new=None,
            names=self._others(digest, speech),
            details=self._elsewhere("merged", one, self.words.new),
        )

    def appeared(self, one: Single) -> Told:
        """A mail that was not sent before, and which ones said its part."""
        speech, digest = self.words.new, one.mail.digest
        return Told(
            Mark.ADDED,
            _rungs(digest),
            self._about(digest, speech),
            old=None,
            new=speech.local(digest.send_at),
            names=self._others(digest, speech),
            details=self._elsewhere("split", one, self.words.old),
        )

    def moved(self, pair: Pair) -> Told:
        """A mail that goes out at another time."""
        return replace(self._both(pair), mark=Mark.MOVED)

    def changed(self, pair: Pair) -> Told:
        """A mail that says something else at the same time."""
        subjects = tuple(map(self._masked, pair.subjects))
        subject = Detail(self.words.say("subject"), "", *subjects)
        told = self._both(pair)
        return replace(
            told,
            old=None,
            details=(*((subject,) if subjects[0] != subjects[1] else ()), *told.details),
            gone=tuple(map(self._masked, pair.gone)),
            added=tuple(map(self._masked, pair.added)),
        )

    def is_wording_only(self, pair: Pair) -> bool:
        """Whether a mail is on the same rungs about the same obligations as before."""
        return says(pair.old, self.words.compared.renames) == says(pair.new, None)

    def _both(self, pair: Pair) -> Told:
        """Tell a mail of both plans; whose lateness it reports, unless it says who is new there."""
        old, new = self.words.old, self.words.new
        digest = pair.new.digest
        differences = tuple(self._differences(pair))
        return Told(
            Mark.CHANGED,
            _rungs(digest),
            self._about(digest, new),
            old=old.local(pair.old.digest.send_at),
            new=new.local(digest.send_at),
            names=() if differences else self._others(digest, new),
            details=differences,
        )

    def _differences(self, pair: Pair) -> Iterator[Detail]:
        """Yield the other rungs that a mail is on, and what it speaks of and did not, or did."""
        before, after = _rungs(pair.old.digest), _rungs(pair.new.digest)
        if before != after:
            said = [rungs_said(rungs, self.words) for rungs in (before, after)]
            yield Detail(self.words.say("rungs"), "", *said)
        named = self.words.compared.renames.obligation
        old = {named(key): key for key in pair.old.digest.obligations}
        new = set(pair.new.digest.obligations)
        came = self._owed(
            (key for key in pair.new.digest.obligations if key not in old), self.words.new
        )
        went = self._owed((key for now, key in old.items() if now not in new), self.words.old)
        if came:
            yield Detail(self.words.say("now-about"), came)
        if went:
            yield Detail(self.words.say("no-longer-about"), went)

    def _owed(self, obligations: Iterable[str], speech: Speech) -> str:
        """Name obligations by task, with the agencies where they are not the recipient."""
        by_task: dict[str, list[str]] = {}
        for key in obligations:
            owed = speech.plan.obligations[key]
            names = by_task.setdefault(shortened(owed.task.title, ABOUT), [])
            if not self._is_own(owed, speech):
                names.append(owed.agency.name)
        return " · ".join(
            f"{title} ({'; '.join(who)})" if who else title for title, who in by_task.items()
        )

    def _about(self, digest: Digest, speech: Speech) -> str:
        owed = (speech.plan.obligations[key] for key in digest.obligations)
        titles = list(dict.fromkeys((one.stage.id, one.task.id, one.task.title) for one in owed))
        if len(titles) > 1:
            return self.words.say("tasks", count=len(titles))
        if not titles:
            return shortened("; ".join(self._turned(digest, speech)), ABOUT)
        return shortened(titles[0][-1], ABOUT)

    def _turned(self, digest: Digest, speech: Speech) -> Iterator[str]:
        """Yield the titles of the stages and events that a mail of news is about, each once."""
        titles = {stage.id: stage.title for stage in speech.plan.stages}
        titles |= {event.name: event.title for event in speech.plan.events.values()}
        about = (entry.stage or str(entry.data.get("event")) for entry in digest.news)
        yield from (titles.get(one, one) for one in dict.fromkeys(about))

    def _others(self, digest: Digest, speech: Speech) -> tuple[str, ...]:
        owed = (speech.plan.obligations[key] for key in digest.obligations)
        others = (one.agency.name for one in owed if not self._is_own(one, speech))
        return tuple(dict.fromkeys(others))

    def _is_own(self, owed: Obligation, speech: Speech) -> bool:
        """Whether it is the recipient that owes, whatever id it had in the old plan."""
        agency = owed.agency.id
        if speech is self.words.old:
            agency = self.words.compared.renames.agency(agency)
        return agency == self.recipient

    def _elsewhere(self, key: str, one: Single, speech: Speech) -> tuple[Detail, ...]:
        moments = (
            instant(speech.language, speech.local(mail.digest.send_at)) for mail in one.others
        )
        said = "; ".join(moments)
        return (Detail("", self.words.say(key, at=said)),) if said else ()

    def _masked(self, line: str) -> str:
        return line.replace(self.mask, self.words.say("recipient")) if self.mask else line


def _rungs(digest: Digest) -> tuple[tuple[Kind, int], ...]:
    """Return the rungs of a mail with their numbers, each once; of news alone that it is that."""
    rungs = dict.fromkeys((notice.kind, notice.count) for notice in digest.notices)
    return tuple(rungs) or ((Kind.EVENT, 0),)


def rungs_said(rungs: Iterable[tuple[Kind, int]], words: Words) -> str:
    """Call rungs by their kind and number."""
    return "; ".join(_rung(kind, count, words) for kind, count in rungs)


def _rung(kind: Kind, count: int, words: Words) -> str:
    key = "remind-today" if kind is Kind.REMIND and count == 0 else kind.word
    return words.say(f"rung.{key}", count=count)
