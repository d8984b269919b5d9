"""Mails: every mail of a preview, by who gets it, and gathered for those who print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.chasing import Kind
from engine.rehearsal import Issued
from notifiers.rendering import plain, subject
from services.pages.speech import Speech
from services.views import previewing
from services.views.previewing import Preview

FEW = 4  # so many recipients of one letter are named


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: when it goes out, its kind (a CSS class and its word), and what it says."""

    at: datetime
    day: str
    weekday: str
    time: str
    kind: str
    word: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """Everything that one recipient gets, in order of time."""

    anchor: str
    recipient: str
    name: str
    email: str
    counts: tuple[tuple[str, str, int], ...]
    mails: tuple[Mail, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes out at one time under one subject; `names` is empty where they are many."""

    mail: Mail
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Specimen:
    """The mail of a kind that most recipients get, to stand for all of them."""

    name: str
    mail: Mail


def boxes(shown: Preview, speech: Speech, *, whole: bool = True) -> list[Box]:
    """Return the recipients in the order of the plan's agencies, each with its mails.

    Without `whole` the mails have no text, which takes the longest to make.
    """
    found: dict[str, list[Mail]] = {agency: [] for agency in shown.plan.agencies}
    for issued, digest in previewing.mails(shown, speech.language):
        if whole:
            mail = _mail(issued, speech, *plain(digest))
        else:
            mail = _mail(issued, speech, subject(digest), "")
        found[issued.digest.recipient].append(mail)
    return [
        _box(f"r{number}", shown, speech, recipient, got)
        for number, (recipient, got) in enumerate(found.items(), 1)
        if got
    ]


def tally(issued: Iterable[Issued], speech: Speech) -> list[tuple[str, str, int]]:
    """Count mails by kind: the kind's CSS class, its word, how many."""
    return _counted(Counter(one.digest.kind.word for one in issued), speech)


def letters(boxes: Sequence[Box]) -> list[Letter]:
    """Return what goes out by time, mails under one subject made one."""
    order = [kind.word for kind in Kind]
    found: dict[tuple[datetime, int, str], list[tuple[str, Mail]]] = {}
    for box in boxes:
        for mail in box.mails:
            key = (mail.at, order.index(mail.kind), mail.subject)
            found.setdefault(key, []).append((box.name, mail))
    return [
        Letter(
            mail=got[0][1],
            count=len(got),
            names=tuple(name for name, _ in got) if len(got) <= FEW else (),
        )
        for _, got in sorted(found.items(), key=lambda item: item[0][:2])
    ]


def specimens(boxes: Sequence[Box]) -> list[Specimen]:
    """Return one mail of each kind: what most recipients get, else the shortest."""
    common = Counter((mail.at, mail.kind, mail.subject) for box in boxes for mail in box.mails)

    def rank(one: Specimen) -> tuple[int, int, datetime]:
        mail = one.mail
        many = common[mail.at, mail.kind, mail.subject]
        return -many, len(mail.text) if many == 1 else 0, mail.at

    found: dict[str, list[Specimen]] = {}
    for box in boxes:
        for mail in box.mails:
            found.setdefault(mail.kind, []).append(Specimen(box.name, mail))
    return [min(found[kind.word], key=rank) for kind in Kind if kind.word in found]


def _counted(counts: Counter[str], speech: Speech) -> list[tuple[str, str, int]]:
    return [
        (kind.word, speech.kind(kind.word), counts[kind.word]) for kind in Kind if counts[kind.word]
    ]


def _box(anchor: str, shown: Preview, speech: Speech, recipient: str, got: list[Mail]) -> Box:
    agency = shown.plan.agencies[recipient]
    return Box(
        anchor=anchor,
        recipient=recipient,
        name=agency.name,
        email=", ".join(agency.addresses),
        counts=tuple(_counted(Counter(mail.kind for mail in got), speech)),
        mails=tuple(got),
    )


def _mail(issued: Issued, speech: Speech, subject: str, text: str) -> Mail:
    at = speech.local(issued.digest.send_at)
    return Mail(
        at=at,
        day=speech.day(at.date()),
        weekday=speech.weekday(at.date()),
        time=f"{at:%H:%M}",
        kind=issued.digest.kind.word,
        word=speech.kind(issued.digest.kind.word),
        subject=subject,
        text=text,
    )
