"""Mails: which of them vanish, appear, move or say something else, recipient by recipient.

A mail is a digest of rungs × obligations, so it has no name of its own: it is known by what
it says. Two mails are the same one where they have the most in common; of equals, the
nearest in time. What is left over at the same moment is the same mail with other contents.
A mail that appears because another was parted says of which, and one that vanishes because
it was joined to another says to which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.chasing import Kind, Notice
from engine.deadline import FromStage, Within
from engine.ledger import Entry, ObligationState
from engine.plan import Plan, Task
from engine.rehearsal import Issued
from notifiers.rendering import render
from services.comparing.changes import changes
from services.comparing.renames import Renames
from services.views.previewing import Preview, mail_of

Sign: TypeAlias = Hashable
Signs: TypeAlias = Callable[[Issued, Renames | None], frozenset[Sign]]
Same: TypeAlias = Callable[[Issued, Issued], bool]
Rank: TypeAlias = tuple[int, timedelta, datetime, datetime]


@dataclass(frozen=True, slots=True)
class Single:
    """A mail that only one of the plans sends, and those of the other that say part of it."""

    mail: Issued
    others: tuple[Issued, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A mail that both plans send.

    Where it says something else at the same time: both subjects, and the lines of the text
    that only the old or only the new one has.
    """

    old: Issued
    new: Issued
    subjects: tuple[str, str] = ("", "")
    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def is_move(self) -> bool:
        """Whether it goes out at another time."""
        return self.old.digest.send_at != self.new.digest.send_at


@dataclass(frozen=True, slots=True)
class Box:
    """What changes in the mail of one recipient, each list in order of time."""

    recipient: str
    before: int
    after: int
    vanish: tuple[Single, ...]
    appear: tuple[Single, ...]
    move: tuple[Pair, ...]
    change: tuple[Pair, ...]

    @property
    def is_same(self) -> bool:
        """Whether the recipient gets what it got before."""
        return not (self.vanish or self.appear or self.move or self.change)


def compare_mails(
    old: Preview, new: Preview, renames: Renames, *, context_is_same: bool
) -> tuple[Box, ...]:
    """Compare the mail of two previews, in the order of the new plan's agencies.

    `context_is_same` says that all but stages and tasks is equal, so that mails about equal
    obligations say the same and need not be worded to know it, unless they tell of others.
    """
    before = _by_recipient(old, renames)
    after = _by_recipient(new, None)
    order = dict.fromkeys((*new.plan.agencies, *map(renames.agency, old.plan.agencies)))
    gatherers = _gatherers(old.plan) | _gatherers(new.plan)

    def equal(recipient: str) -> Same:
        return _same_values if context_is_same and recipient not in gatherers else _never

    boxes = (
        _box(
            recipient,
            before.get(recipient, []),
            after.get(recipient, []),
            renames,
            equal(recipient),
        )
        for recipient in order
        if recipient in before or recipient in after
    )
    return tuple(boxes)


def _by_recipient(shown: Preview, renames: Renames | None) -> Mapping[str, list[Issued]]:
    found: dict[str, list[Issued]] = {}
    for issued in shown.rehearsal.issued:
        recipient = issued.digest.recipient
        named = recipient if renames is None else renames.agency(recipient)
        found.setdefault(named, []).append(issued)
    return found


def _box(
    recipient: str, old: list[Issued], new: list[Issued], renames: Renames, equal: Same
) -> Box:
    matched = _matched(old, new, renames)
    taken = {id(mail) for pair in matched for mail in pair}
    pairs = [Pair(was, is_) for was, is_ in matched]
    stayed = (pair for pair in pairs if not (pair.is_move or equal(pair.old, pair.new)))
    said = {id(mail): says(mail, renames) for mail in old}
    said |= {id(mail): says(mail, None) for mail in new}
    return Box(
        recipient,
        before=len(old),
        after=len(new),
        vanish=tuple(_singles((mail for mail in old if id(mail) not in taken), new, said)),
        appear=tuple(_singles((mail for mail in new if id(mail) not in taken), old, said)),
        move=tuple(pair for pair in pairs if pair.is_move),
        change=tuple(told for pair in stayed if (told := _with_lines(pair))),
    )


def _singles(
    alone: Iterable[Issued], others: Sequence[Issued], said: Mapping[int, frozenset[Sign]]
) -> Iterator[Single]:
    saying = {sign: mail for mail in others for sign in said[id(mail)]}
    for mail in alone:
        near = {id(saying[sign]): saying[sign] for sign in said[id(mail)] if sign in saying}
        yield Single(mail, tuple(sorted(near.values(), key=lambda one: one.digest.send_at)))


def _matched(old: list[Issued], new: list[Issued], renames: Renames) -> list[tuple[Issued, Issued]]:
    """Return the mails that belong together, by what they say, then by their moment."""
    found: list[tuple[Issued, Issued]] = []
    for signs in (says, _loose, _moment):
        taken = {id(mail) for pair in found for mail in pair}
        left = [mail for mail in old if id(mail) not in taken]
        right = [mail for mail in new if id(mail) not in taken]
        found += _by_signs(left, right, renames, signs)
    return sorted(found, key=lambda pair: pair[1].digest.send_at)


def _by_signs(
    old: list[Issued], new: list[Issued], renames: Renames, signs: Signs
) -> list[tuple[Issued, Issued]]:
    """Pair mails greedily: the most signs in common first, then the nearest in time.

    A recipient has one mail at a time, so the order has no ties that matter, and is the
    same whichever plan is called the old one.
    """
    saying: dict[Sign, list[int]] = {}
    for place, mail in enumerate(new):
        for sign in signs(mail, None):
            saying.setdefault(sign, []).append(place)
    common = Counter(
        (place, other)
        for place, mail in enumerate(old)
        for sign in signs(mail, renames)
        for other in saying.get(sign, ())
    )

    def rank(pair: tuple[int, int]) -> Rank:
        was, is_ = old[pair[0]].digest.send_at, new[pair[1]].digest.send_at
        return -common[pair], abs(is_ - was), min(was, is_), max(was, is_)

    found: list[tuple[Issued, Issued]] = []
    lefts: set[int] = set()
    rights: set[int] = set()
    for left, right in sorted(common, key=rank):
        if left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
            found.append((old[left], new[right]))
    return found


def says(mail: Issued, renames: Renames | None) -> frozenset[Sign]:
    """Return what a mail says: rungs × obligations, and news, the old plan's under new ids.

    An escalation is known by its days, which say more than its number on the ladder.
    """
    return frozenset(_news(entry, renames) for entry in mail.digest.news) | frozenset(
        (
            _obligation(notice, renames),
            notice.round,
            (notice.kind, notice.count) if notice.kind is Kind.ESCALATE else notice.rung,
        )
        for notice in mail.digest.notices
    )


def _news(entry: Entry, renames: Renames | None) -> Sign:
    about = entry.stage or str(entry.data.get("event", ""))
    if renames is not None:
        named = renames.stages if entry.stage else renames.events
        about = named.get(about, about)
    return entry.kind, about


def _loose(mail: Issued, renames: Renames | None) -> frozenset[Sign]:
    """What a mail reports to those above, after however many days."""
    return frozenset(
        (_obligation(notice, renames), notice.round, notice.rung)
        for notice in mail.digest.notices
        if notice.kind is Kind.ESCALATE
    )


def _moment(mail: Issued, _: Renames | None) -> frozenset[Sign]:
    return frozenset({mail.digest.send_at})


def _obligation(notice: Notice, renames: Renames | None) -> str:
    return notice.obligation if renames is None else renames.obligation(notice.obligation)


def _gatherers(plan: Plan) -> frozenset[str]:
    """Return who gathers the reports of others, and is shown where those stand."""
    tasks = (task for stage in plan.stages for task in stage.tasks if task.collects is not None)
    return frozenset(agency for task in tasks for agency in task.by)


def _never(_old: Issued, _new: Issued) -> bool:
    return False


def _same_values(old: Issued, new: Issued) -> bool:
    """Whether two mails are made of equal values, and so cannot say different things."""
    if old.digest.notices != new.digest.notices or old.digest.news or new.digest.news:
        return False
    return all(
        _is_same_state(old.state.obligations[key], new.state.obligations[key])
        for key in old.digest.obligations
    )


def _is_same_state(old: ObligationState, new: ObligationState) -> bool:
    """Compare without the stages, each of which holds all of its tasks."""
    before, after = old.obligation, new.obligation
    return (
        old == replace(new, obligation=before)
        and before.task == after.task
        and before.stage.event == after.stage.event
        and not changes(before, after, but={"stage", "task"})
        and not _tells_of_others(after.task)
    )


def _tells_of_others(task: Task) -> bool:
    """Whether a mail about it says where others stand.

    Those whose reports it gathers, or what was missing when the stage that it counts from closed.
    """
    rule = task.due.rule
    counted = isinstance(rule, Within) and isinstance(rule.of, FromStage)
    return counted or task.collects is not None


def _with_lines(pair: Pair) -> Pair | None:
    """Fill in what the texts say, the numbers of a list left out; None if they say the same."""
    was, is_ = render(mail_of(pair.old)), render(mail_of(pair.new))
    if (was.subject, was.text) == (is_.subject, is_.text):
        return None
    before, after = was.text.splitlines(), is_.text.splitlines()
    return replace(
        pair,
        subjects=(was.subject, is_.subject),
        gone=_only_in(before, after),
        added=_only_in(after, before),
    )


def _only_in(these: list[str], those: list[str]) -> tuple[str, ...]:
    there = Counter(map(_bare, those))
    found: list[str] = []
    for line in these:
        bare = _bare(line)
        if there[bare]:
            there[bare] -= 1
        elif bare:
            found.append(bare)
    return tuple(found)


def _bare(line: str) -> str:
    number, dot, rest = line.strip().partition(". ")
    return (rest if dot and number.isdecimal() else line).strip().removeprefix("- ")
