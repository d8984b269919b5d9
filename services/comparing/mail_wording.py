"""Mail wording: what changes in the mail of each recipient, those who share it told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.chasing import Digest, Kind
from language.dates import instant
from notifiers.subject import shortened
from services.comparing.account import Detail, Group, Item, Mark
from services.comparing.mails import Box, Pair, Single, says
from services.comparing.words import Words
from services.pages.speech import Speech

ABOUT = 72
"""Characters of a task's title that tell it from others."""

FEW = 3
"""Mails of one recipient that change in words only and are still told one by one."""


def groups(words: Words) -> Iterator[Group]:
    """Yield the recipients whose mail changes, gathered where it changes alike.

    Whose mail vanishes comes first, then whose appears, moves and changes. The same lines
    of a text are told once.
    """
    alike: dict[tuple[Item, ...], list[Box]] = {}
    for box in words.compared.boxes:
        if not box.is_same:
            items = tuple(_items(box, words, mask=True))
            alike.setdefault(items, []).append(box)
    told: set[tuple[tuple[str, ...], ...]] = set()
    for items, boxes in sorted(alike.items(), key=lambda one: (_gravity(one[1][0]), -len(one[1]))):
        names = [_name(box.recipient, words) for box in boxes]
        alone = len(boxes) == 1
        if alone:
            items = tuple(_items(boxes[0], words, mask=False))
        about = _shared_about(items)
        yield Group(
            items=tuple(_once(_without(item, about), told, words) for item in items),
            who=names[0] if alone else words.say("recipients", count=len(names)),
            names=() if alone else tuple(names),
            counts=_counts(boxes[0], words, alone=alone),
            about=about,
        )


def _gravity(box: Box) -> int:
    kinds = (box.vanish, box.appear, box.move, box.change)
    return next(place for place, found in enumerate(kinds) if found)


def _shared_about(items: Iterable[Item]) -> str:
    """Return what most of the mails are about, if that saves saying it again."""
    counts = Counter(item.about for item in items if item.about)
    about, count = max(counts.items(), key=lambda one: one[1], default=("", 0))
    return about if count > 1 else ""


def _without(item: Item, about: str) -> Item:
    return replace(item, about="") if item.about == about else item


def _once(item: Item, told: set[tuple[tuple[str, ...], ...]], words: Words) -> Item:
    lines = (item.gone, item.added)
    if lines in told and any(lines):
        again = Detail("", words.say("words-as-above"))
        return replace(item, details=(*item.details, again), gone=(), added=())
    told.add(lines)
    return item


def _name(agency: str, words: Words) -> str:
    known = {**words.old.plan.agencies, **words.new.plan.agencies}
    return known[agency].name


def _counts(box: Box, words: Words, *, alone: bool) -> str:
    counts = (
        ("vanish", len(box.vanish)),
        ("appear", len(box.appear)),
        ("move", len(box.move)),
        ("change", len(box.change)),
    )
    said = ", ".join(words.say(f"count.{kind}", count=count) for kind, count in counts if count)
    return said if alone else words.say("each", changes=said)


def _items(box: Box, words: Words, *, mask: bool) -> Iterator[Item]:
    teller = _Teller(box.recipient, words, _name(box.recipient, words) if mask else "")
    yield from _told(map(teller.vanished, box.vanish), words)
    yield from _told(map(teller.appeared, box.appear), words)
    yield from _told(map(teller.moved, box.move), words)
    worded = [pair for pair in box.change if teller.is_wording_only(pair)]
    if len(worded) <= FEW:
        worded = []
    told = (teller.changed(pair) for pair in box.change if pair not in worded)
    yield from (_item(one, words) for one in told)
    if worded:
        yield teller.all_worded(worded)


@dataclass(frozen=True, slots=True)
class _Told:
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

    def follows(self, other: _Told) -> bool:
        """Whether it is the next overdue notice after `other`, and says nothing else."""
        (kind, number), (before, earlier) = self.rungs[0], other.rungs[0]
        return (
            len(self.rungs) == len(other.rungs) == 1
            and kind is before is Kind.OVERDUE
            and number == earlier + 1
            and replace(self, rungs=(), old=None, new=None)
            == replace(other, rungs=(), old=None, new=None)
        )


def _told(told: Iterable[_Told], words: Words) -> Iterator[Item]:
    """Yield an item per mail; overdue notices that follow each other share one."""
    run: list[_Told] = []
    for one in told:
        if run and not one.follows(run[-1]):
            yield _run(run, words)
            run = []
        run.append(one)
    if run:
        yield _run(run, words)


def _run(run: list[_Told], words: Words) -> Item:
    first, last = run[0], run[-1]
    item = _item(first, words)
    if len(run) == 1:
        return item
    number, end = first.rungs[0][1], last.rungs[0][1]
    return replace(
        item,
        what=words.say("rung.overdue-run", first=number, last=end),
        old=_span(first.old, last.old, words),
        new=_span(first.new, last.new, words),
    )


def _span(first: datetime | None, last: datetime | None, words: Words) -> str:
    if first is None or last is None:
        return ""
    if first.year == last.year:
        start = words.new.brief_day(first.date())
        return words.say("span", first=start, last=last.date())
    return words.say("span", first=first.date(), last=last.date())


def _item(told: _Told, words: Words) -> Item:
    who, names = words.many(told.names) if told.names else ("", ())
    old, new = _moments(told, words)
    return Item(
        told.mark,
        _rungs_said(told.rungs, words),
        about=told.about,
        who=who,
        names=names,
        old=old,
        new=new,
        details=told.details,
        gone=told.gone,
        added=told.added,
    )


def _moments(told: _Told, words: Words) -> tuple[str, str]:
    """Write when a mail went out and goes out; of a move to another day only the days."""
    if told.old and told.new and told.old.timetz() == told.new.timetz():
        return words.new.day(told.old.date()), words.new.day(told.new.date())
    old, new = (
        "" if at is None else instant(words.language, at) for at in (told.old, told.new)
    )
    return old, new


def _rungs_said(rungs: Iterable[tuple[Kind, int]], words: Words) -> str:
    return "; ".join(_rung(kind, count, words) for kind, count in rungs)


def _rung(kind: Kind, count: int, words: Words) -> str:
    key = "remind-today" if kind is Kind.REMIND and count == 0 else kind.word
    return words.say(f"rung.{key}", count=count)


@dataclass(frozen=True)
class _Teller:
    """Tells the mails of one recipient; `mask` is its name where it shall not be said."""

    recipient: str
    words: Words
    mask: str

    def vanished(self, one: Single) -> _Told:
        """A mail that is sent no more, and which ones say its part now."""
        speech, digest = self.words.old, one.mail.digest
        return _Told(
            Mark.GONE,
            _rungs(digest),
            self._about(digest, speech),
            old=speech.local(digest.send_at),
            new=None,
            names=self._others(digest, speech),
            details=self._elsewhere("merged", one, self.words.new),
        )

    def appeared(self, one: Single) -> _Told:
        """A mail that was not sent before, and which ones said its part."""
        speech, digest = self.words.new, one.mail.digest
        return _Told(
            Mark.ADDED,
            _rungs(digest),
            self._about(digest, speech),
            old=None,
            new=speech.local(digest.send_at),
            names=self._others(digest, speech),
            details=self._elsewhere("split", one, self.words.old),
        )

    def moved(self, pair: Pair) -> _Told:
        """A mail that goes out at another time."""
        return replace(self._both(pair), mark=Mark.MOVED)

    def changed(self, pair: Pair) -> _Told:
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

    def all_worded(self, pairs: Sequence[Pair]) -> Item:
        """Many mails of which only the words differ, with the first of them as an example."""
        example = _item(self.changed(pairs[0]), self.words)
        speech = self.words.new
        moments = [speech.local(pair.new.digest.send_at) for pair in pairs]
        called = Detail(self.words.say("example"), f"{example.new}, {example.what}")
        return replace(
            example,
            what=self.words.say("worded", count=len(pairs)),
            about="",
            who="",
            names=(),
            new=_span(moments[0], moments[-1], self.words),
            details=(called, *example.details),
        )

    def _both(self, pair: Pair) -> _Told:
        old, new = self.words.old, self.words.new
        digest = pair.new.digest
        return _Told(
            Mark.CHANGED,
            _rungs(digest),
            self._about(digest, new),
            old=old.local(pair.old.digest.send_at),
            new=new.local(digest.send_at),
            names=self._others(digest, new),
            details=tuple(self._differences(pair)),
        )

    def _differences(self, pair: Pair) -> Iterator[Detail]:
        """Yield the other rungs that a mail is on, and what it speaks of and did not, or did."""
        before, after = _rungs(pair.old.digest), _rungs(pair.new.digest)
        if before != after:
            said = [_rungs_said(rungs, self.words) for rungs in (before, after)]
            yield Detail(self.words.say("rungs"), "", *said)
        named = self.words.compared.renames.obligation
        old = {named(key): key for key in pair.old.digest.obligations}
        new = set(pair.new.digest.obligations)
        came = self._owed((key for key in pair.new.digest.obligations if key not in old), self.words.new)
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
            if owed.agency.id != self.recipient:
                names.append(owed.agency.name)
        return "; ".join(f"{title} ({', '.join(who)})" if who else title for title, who in by_task.items())

    def _about(self, digest: Digest, speech: Speech) -> str:
        owed = (speech.plan.obligations[key] for key in digest.obligations)
        titles = list(dict.fromkeys((one.stage.id, one.task.id, one.task.title) for one in owed))
        if len(titles) > 1:
            return self.words.say("tasks", count=len(titles))
        return shortened(titles[0][-1], ABOUT)

    def _others(self, digest: Digest, speech: Speech) -> tuple[str, ...]:
        owed = (speech.plan.obligations[key].agency for key in digest.obligations)
        return tuple(dict.fromkeys(one.name for one in owed if one.id != self.recipient))

    def _elsewhere(self, key: str, one: Single, speech: Speech) -> tuple[Detail, ...]:
        moments = (instant(speech.language, speech.local(mail.digest.send_at)) for mail in one.others)
        said = "; ".join(moments)
        return (Detail("", self.words.say(key, at=said)),) if said else ()

    def _masked(self, line: str) -> str:
        return line.replace(self.mask, self.words.say("recipient")) if self.mask else line


def _rungs(digest: Digest) -> tuple[tuple[Kind, int], ...]:
    """Return the rungs of a mail with their numbers, each once."""
    return tuple(dict.fromkeys((notice.kind, notice.count) for notice in digest.notices))
