"""Outline wording: what was edited in the plan itself, its register and its calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

from engine.plan import Note, OutsideEvent
from language.catalogue import text
from services.comparing.account import Detail, Item, Mark
from services.comparing.changes import Change, Differences
from services.comparing.ladders import ladder_details
from services.comparing.outline import Outline, StageMove
from services.comparing.words import Words
from services.pages.speech import Speech

SHOWN_DAYS = 12
"""Days of a changed calendar that are listed; another calendar altogether has hundreds."""


def stage_move(move: StageMove, words: Words) -> Item:
    """Say that a stage opens or is done at another time."""
    details = []
    for label, moments in (("opened", move.opens), ("done", move.done)):
        if moments[0] != moments[1]:
            said = [
                _turn(label, moment, speech, words.language)
                for moment, speech in zip(moments, (words.old, words.new), strict=True)
            ]
            details.append(Detail(text(words.language, f"screen.{label}"), "", *said))
    what = words.stage(move.stage, words.new)
    return Item(Mark.MOVED, what, ref=move.stage.id, details=tuple(details))


def _turn(label: str, moment: datetime | None, speech: Speech, language: str) -> str:
    if moment is None:
        return text(language, f"screen.not-{label}")
    return speech.opening(moment) if label == "opened" else speech.closing(moment)


def plan(outline: Outline, words: Words) -> Iterator[Item]:
    """Yield what was edited of the plan itself: its head, stages, ladders and events."""
    yield from (_field(change, words) for change in outline.head)
    for stage in outline.stages.gone:
        yield Item(Mark.GONE, words.stage(stage, words.old), ref=stage.id)
    for stage in outline.stages.added:
        yield Item(Mark.ADDED, words.stage(stage, words.new), ref=stage.id)
    for edited in outline.stages.edited:
        details = (
            words.gate(edited.old, edited.new) if change.field == "gate" else words.detail(change)
            for change in edited.changes
        )
        what = words.stage(edited.new, words.new)
        yield Item(Mark.CHANGED, what, ref=edited.new.id, details=tuple(details))
    ladders = outline.ladders
    yield from (Item(Mark.GONE, words.say("ladder", name=one.name)) for one in ladders.gone)
    yield from (Item(Mark.ADDED, words.say("ladder", name=one.name)) for one in ladders.added)
    for rungs in ladders.edited:
        what = words.say("ladder", name=rungs.new.name)
        yield Item(Mark.CHANGED, what, details=ladder_details(rungs, words))
    yield from _named(outline.events, "event", words)


def _field(change: Change, words: Words) -> Item:
    said = words.detail(change)
    listed = (Detail("", said.said),) if said.said else ()
    return Item(Mark.CHANGED, said.label, old=said.old, new=said.new, details=listed)


def register(outline: Outline, words: Words) -> Iterator[Item]:
    """Yield the agencies that have gone, come, or been edited."""
    agencies = outline.agencies
    for mark, found in ((Mark.GONE, agencies.gone), (Mark.ADDED, agencies.added)):
        if found:
            who, names = words.many([agency.name for agency in found])
            yield Item(mark, words.say(f"agency.{mark}"), who=who, names=names)
    for edited in agencies.edited:
        details = tuple(map(words.detail, edited.changes))
        yield Item(Mark.CHANGED, edited.new.name, ref=edited.new.id, details=details)
    for group in outline.groups:
        old, new = (words.names(listed or ()) for listed in (group.old, group.new))
        mark = Mark.ADDED if group.old is None else Mark.GONE if group.new is None else Mark.CHANGED
        members = Detail("", words.came_and_went(old, new))
        yield Item(mark, words.say("group", name=group.field), details=(members,))
    yield from _calendar(outline, words)
    for mark, notes in ((Mark.GONE, outline.notes.gone), (Mark.ADDED, outline.notes.added)):
        for note in notes:
            yield Item(mark, words.say("note"), details=tuple(_note(note, words)))


def _note(note: Note, words: Words) -> Iterator[Detail]:
    """Yield what the document says, and what the plan says of it."""
    yield Detail(note.ref, note.text)
    for field in fields(note):
        said = getattr(note, field.name)
        if said and field.name not in ("ref", "text", "rows"):
            yield Detail(words.label(field.name), said)


def _calendar(outline: Outline, words: Words) -> Iterator[Item]:
    yield from (_field(change, words) for change in outline.estimates)
    for one in outline.calendar[:SHOWN_DAYS]:
        key = "worked" if one.is_working else "off"
        day = words.say(f"day.{key}", day=one.day, name=one.name).rstrip(" –")
        yield Item(Mark.CHANGED, day)
    if (more := len(outline.calendar) - SHOWN_DAYS) > 0:
        yield Item(Mark.CHANGED, words.say("day.more", count=more))


def _named(found: Differences[OutsideEvent], kind: str, words: Words) -> Iterator[Item]:
    for mark, values in ((Mark.GONE, found.gone), (Mark.ADDED, found.added)):
        for one in values:
            yield Item(mark, words.say(kind, title=one.title or one.name), ref=one.name)
    for edited in found.edited:
        what = words.say(kind, title=edited.new.title or edited.new.name)
        details = tuple(map(words.detail, edited.changes))
        yield Item(Mark.CHANGED, what, ref=edited.new.name, details=details)
