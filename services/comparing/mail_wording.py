"""Mail wording: what changes in the mail of each recipient, those who share it told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from language.dates import instant
from services.comparing.account import Detail, Group, Item
from services.comparing.mail_telling import Teller, Told, rungs_said
from services.comparing.mails import Box, Pair
from services.comparing.words import Words

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
        names = words.names(box.recipient for box in boxes)
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
    teller = Teller(box.recipient, words, words.names([box.recipient])[0] if mask else "")
    yield from _told(map(teller.vanished, box.vanish), words)
    yield from _told(map(teller.appeared, box.appear), words)
    yield from _told(map(teller.moved, box.move), words)
    worded = [pair for pair in box.change if teller.is_wording_only(pair)]
    if len(worded) <= FEW:
        yield from (_item(teller.changed(pair), words) for pair in box.change)
    else:
        others = (pair for pair in box.change if not teller.is_wording_only(pair))
        yield from (_item(teller.changed(pair), words) for pair in others)
        yield _all_worded(worded, teller, words)


def _told(told: Iterable[Told], words: Words) -> Iterator[Item]:
    """Yield an item per mail; overdue notices that follow each other share one."""
    run: list[Told] = []
    for one in told:
        if run and not one.follows(run[-1]):
            yield _run(run, words)
            run = []
        run.append(one)
    if run:
        yield _run(run, words)


def _run(run: list[Told], words: Words) -> Item:
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


def _item(told: Told, words: Words) -> Item:
    who, names = words.many(told.names) if told.names else ("", ())
    old, new = _moments(told, words)
    return Item(
        told.mark,
        rungs_said(told.rungs, words),
        about=told.about,
        who=who,
        names=names,
        old=old,
        new=new,
        details=told.details,
        gone=told.gone,
        added=told.added,
    )


def _moments(told: Told, words: Words) -> tuple[str, str]:
    """Write when a mail went out and goes out; of a move to another day only the days."""
    if told.old and told.new and told.old.timetz() == told.new.timetz():
        return words.new.day(told.old.date()), words.new.day(told.new.date())
    old, new = ("" if at is None else instant(words.language, at) for at in (told.old, told.new))
    return old, new


def _all_worded(pairs: Sequence[Pair], teller: Teller, words: Words) -> Item:
    """Tell mails of which only the words differ as one, with the first of them as an example."""
    example = _item(teller.changed(pairs[0]), words)
    moments = [words.new.local(pair.new.digest.send_at) for pair in pairs]
    called = Detail(words.say("example"), f"{example.new}, {example.what}")
    return replace(
        example,
        what=words.say("worded", count=len(pairs)),
        about="",
        who="",
        names=(),
        new=_span(moments[0], moments[-1], words),
        details=(called, *example.details),
    )
