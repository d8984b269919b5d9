"""Nodes: the boxes of the graph and the words in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.plan import Stage
from language.catalogue import text
from services.pages.layers import EVENT
from services.pages.lettering import wrapped
from services.pages.speech import Speech
from services.views.previewing import Preview, gate_text

PADDING = 13.0
HEAD, TITLE, FACT = 11.5, 13.0, 12.0
BOLD = 1.07  # letters set bold are so much wider
ROOMY = 480.0  # from here on the facts stand beside each other
SHARES = (0.14, 0.22, 0.29, 0.35)


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text in a node, from its upper left corner; `style` is its CSS class.

    `label` stands before the text, set more faintly.
    """

    x: float
    y: float
    text: str
    style: str
    label: str = ""


@dataclass(slots=True)
class Node:
    """A box of the drawing. `style` is `stage`, `closed` (never opens) or `event`.

    `title` is all that it says, for those who point at it; `rule` the height of the line
    under a stage's title.
    """

    key: str
    style: str
    title: str
    words: tuple[Words, ...]
    width: float
    height: float
    rule: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        """The height at which arrows from the side touch it."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a box says about its stage."""

    label: str
    text: str


def node(
    shown: Preview, speech: Speech, key: str, room: float, *, most: int, rule: float = 0.0
) -> Node:
    """Return the box of a stage or an event, `room` wide, its title in at most `most` lines.

    The line under a stage's title lies at `rule` or below.
    """
    if key.startswith(EVENT):
        return _event_node(shown, speech, key, room)
    return _stage_node(shown, speech, shown.plan.stage(key), room, most, rule)


def facts_of(shown: Preview, speech: Speech, stage: Stage) -> list[Fact]:
    """Say how much a stage asks for, when it opens, when it is done, and on what condition."""
    state = shown.state.stages[stage.id]
    owed = sum(len(task.by) for task in stage.tasks)
    opens, done = speech.say("not-opened"), speech.say("not-done")
    if state.opened_at is not None:
        opens = speech.opening(state.opened_at)
    if state.done_at is not None:
        done = speech.closing(state.done_at)
        if state.missing:
            done += ", " + speech.say("missing", count=len(state.missing))
    gate = gate_text(stage.gate, len(shown.plan.gated(stage)), speech.language)
    return [
        Fact(speech.say("owed"), text(speech.language, "screen.obligations-count", count=owed)),
        Fact(speech.say("opens"), opens),
        Fact(speech.say("done"), done),
        Fact(speech.say("gate"), gate),
    ]


def known_of(shown: Preview, speech: Speech, key: str) -> tuple[str, str]:
    """Return an event's title, and its document and date or that it has not come."""
    name = key.removeprefix(EVENT)
    known, event = shown.state.events.get(name), shown.plan.events.get(name)
    title = name if event is None else event.title
    if known is None:
        return title, speech.say("event-awaited")
    day = speech.day(speech.local(known.happened_at).date())
    return title, " · ".join(filter(None, (known.document, day)))


class _Typesetter:
    """Sets lines one below the other."""

    def __init__(self, room: float) -> None:
        self.room = room - 2 * PADDING
        self.y = PADDING
        self.words: list[Words] = []

    def set(
        self, said: str, style: str, size: float, *, most: int, step: float, label: str = ""
    ) -> None:
        """Add a paragraph of at most `most` lines, the first of them beginning with `label`."""
        whole = f"{label} {said}" if label else said
        for number, line in enumerate(wrapped(whole, size, self.room, most=most)):
            self.y += step
            before = label if number == 0 and line.startswith(label) else ""
            rest = line.removeprefix(before).lstrip()
            self.words.append(Words(PADDING, self.y, rest, style, before))

    def table(self, facts: Sequence[Fact]) -> None:
        """Set the four facts of a stage beside each other, each label above its text."""
        x, top, bottom = PADDING, self.y + 16, self.y
        for one, share in zip(facts, SHARES, strict=True):
            self.words.append(Words(x, top, one.label, "label"))
            y = top
            for line in wrapped(one.text, FACT, self.room * share - 16, most=3):
                y += 15.5
                self.words.append(Words(x, y, line, "fact"))
            bottom = max(bottom, y)
            x += self.room * share
        self.y = bottom


def _stage_node(
    shown: Preview, speech: Speech, stage: Stage, room: float, most: int, least: float
) -> Node:
    setter = _Typesetter(room)
    setter.set(speech.stage(stage), "head", HEAD, most=1, step=9)
    setter.y += 4
    setter.set(stage.title, "title", TITLE * BOLD, most=most, step=17)
    rule = setter.y = max(setter.y + 10, least)
    facts = facts_of(shown, speech, stage)
    if room >= ROOMY:
        setter.table(facts)
    else:
        for one in facts:
            setter.y += 3.5
            setter.set(one.text, "fact", FACT, most=4, step=15, label=f"{one.label}:")
    return Node(
        key=stage.id,
        style="stage" if shown.state.stages[stage.id].opened_at else "closed",
        title=f"{speech.stage(stage)}: {stage.title}",
        words=tuple(setter.words),
        width=room,
        height=setter.y + PADDING - 2,
        rule=rule,
    )


def _event_node(shown: Preview, speech: Speech, key: str, room: float) -> Node:
    title, came = known_of(shown, speech, key)
    setter = _Typesetter(room)
    setter.set(speech.say("event"), "head", HEAD, most=1, step=9)
    setter.y += 3
    setter.set(title, "fact", FACT, most=8, step=16)
    setter.y += 2
    setter.set(came, "came", FACT * BOLD, most=2, step=16)
    return Node(
        key=key,
        style="event",
        title=f"{speech.say('event')}: {title} – {came}",
        words=tuple(setter.words),
        width=room,
        height=setter.y + PADDING - 1,
    )
