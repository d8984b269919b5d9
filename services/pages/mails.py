"""Mails: every mail of a preview, grouped by who gets it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from engine.chasing import Kind
from engine.rehearsal import Issued
from notifiers.rendering import render
from services.pages.speech import Speech
from services.previewing import Preview, mail_of


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: when it goes out, its kind (a CSS class and its word), and what it says."""

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
    name: str
    email: str
    counts: tuple[tuple[str, str, int], ...]
    mails: tuple[Mail, ...]


def boxes(shown: Preview, speech: Speech) -> list[Box]:
    """Return the recipients in the order of the plan's agencies, each with its mails."""
    found: dict[str, list[Issued]] = {agency: [] for agency in shown.plan.agencies}
    for issued in shown.rehearsal.issued:
        found[issued.digest.recipient].append(issued)
    return [
        _box(f"r{number}", shown, speech, recipient, issued)
        for number, (recipient, issued) in enumerate(found.items(), 1)
        if issued
    ]


def tally(issued: tuple[Issued, ...] | list[Issued], speech: Speech) -> list[tuple[str, str, int]]:
    """Count mails by kind: the kind's CSS class, its word, how many."""
    counts = Counter(one.digest.kind for one in issued)
    return [(kind.word, speech.kind(kind.word), counts[kind]) for kind in Kind if counts[kind]]


def _box(anchor: str, shown: Preview, speech: Speech, recipient: str, issued: list[Issued]) -> Box:
    agency = shown.plan.agencies[recipient]
    return Box(
        anchor=anchor,
        name=agency.name,
        email=agency.email or "",
        counts=tuple(tally(issued, speech)),
        mails=tuple(_mail(one, speech) for one in issued),
    )


def _mail(issued: Issued, speech: Speech) -> Mail:
    worded = render(mail_of(issued, speech.language))
    at = speech.local(issued.digest.send_at)
    return Mail(
        day=speech.day(at.date()),
        weekday=speech.weekday(at.date()),
        time=f"{at:%H:%M}",
        kind=issued.digest.kind.word,
        word=speech.kind(issued.digest.kind.word),
        subject=worded.subject,
        text=worded.text,
    )
