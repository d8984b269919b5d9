"""Graph: the stages of a plan and the events they wait for, laid out as a drawing.

Two layouts of the same nodes. *Wide* stands in columns, one per layer of the graph; an
arrow over several layers runs through a lane of its own in each. *Upright*, for a narrow
screen, is one column in the plan's order; long arrows run down a gutter at the left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from engine.ledger import StageState
from engine.plan import Stage
from language.catalogue import text
from services.pages.lettering import width, wrapped
from services.pages.speech import Speech
from services.previewing import Preview, gate_text

WIDE_BOX, WIDE_GAP, STACK_GAP = 210.0, 40.0, 22.0
UPRIGHT_WIDTH, UPRIGHT_GAP, GUTTER = 360.0, 30.0, 18.0
PADDING, FACT = 12.0, 12.0
LANE = 26.0


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text in a node, from its upper left corner; `style` is its CSS class."""

    x: float
    y: float
    text: str
    style: str


@dataclass(slots=True)
class Node:
    """A box of the drawing. `style` is `stage`, `closed` (never opens), `event` or `lane`."""

    key: str
    style: str
    layer: int
    title: str = ""
    words: tuple[Words, ...] = ()
    x: float = 0.0
    y: float = 0.0
    width: float = WIDE_BOX
    height: float = LANE
    rule: float = 0.0

    @property
    def middle(self) -> float:
        """The height at which arrows touch it."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow as an SVG path; `style` is `need` or `wait` (for an outside event)."""

    path: str
    style: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of `width` × `height` user units."""

    width: float
    height: float
    nodes: tuple[Node, ...] = ()
    arrows: tuple[Arrow, ...] = ()


@dataclass(frozen=True, slots=True)
class _Link:
    start: str
    end: str
    style: str


@dataclass(slots=True)
class _Net:
    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[_Link] = field(default_factory=list)


def wide(shown: Preview, speech: Speech) -> Drawing:
    """Lay the stages out in columns, from left to right."""
    net = _net(shown, speech, WIDE_BOX)
    stages = [node for node in net.nodes.values() if node.style != "event"]
    tallest = max((node.height for node in stages), default=0.0)
    for node in stages:
        node.height = tallest
    pieces = list(_pieces(net))
    columns = _columns(net, pieces)
    for layer, column in enumerate(columns):
        y = 1.0
        for node in column:
            node.x, node.y = 1 + layer * (WIDE_BOX + WIDE_GAP), y
            y += node.height + STACK_GAP
    arrows = [_across([net.nodes[key] for key in keys], style) for keys, style in pieces]
    nodes = tuple(node for node in net.nodes.values() if node.style != "lane")
    return Drawing(
        width=2 + len(columns) * (WIDE_BOX + WIDE_GAP) - WIDE_GAP,
        height=2 + max((node.y + node.height for node in net.nodes.values()), default=0.0),
        nodes=nodes,
        arrows=tuple(arrows),
    )


def upright(shown: Preview, speech: Speech) -> Drawing:
    """Lay the stages out one below the other, each event just above what waits for it."""
    first = _net(shown, speech, UPRIGHT_WIDTH)
    place = {key: number for number, key in enumerate(first.nodes)}
    lanes = _lanes([one for one in first.links if place[one.end] - place[one.start] > 1], place)
    left = GUTTER * (max(lanes.values()) + 1) if lanes else 0.0
    net = _net(shown, speech, UPRIGHT_WIDTH - left - 2)
    y = 1.0
    for node in net.nodes.values():
        node.x, node.y = left + 1, y
        y += node.height + UPRIGHT_GAP
    arrows = [
        _down(net.nodes[one.start], net.nodes[one.end], one.style)
        if one not in lanes
        else _around(net.nodes[one.start], net.nodes[one.end], one.style, lanes[one])
        for one in net.links
    ]
    return Drawing(UPRIGHT_WIDTH, y - UPRIGHT_GAP + 1, tuple(net.nodes.values()), tuple(arrows))


def _net(shown: Preview, speech: Speech, room: float) -> _Net:
    """Return the nodes, each after what it waits for, and the arrows between them."""
    net = _Net()
    for stage in shown.plan.stages:
        before = [net.nodes[need].layer + 1 for need in stage.needs]
        layer = max(before, default=0)
        if stage.event is not None:
            layer = max(layer, 1)
            event = f"event {stage.event}"
            if event not in net.nodes:
                net.nodes[event] = _event_node(shown, speech, stage.event, layer - 1, room)
            layer = max(layer, net.nodes[event].layer + 1)
            net.links.append(_Link(event, stage.id, "wait"))
        net.nodes[stage.id] = _stage_node(shown, speech, stage, layer, room)
        net.links += [_Link(need, stage.id, "need") for need in stage.needs]
    return net


class _Typesetter:
    """Sets lines one below the other."""

    def __init__(self, room: float) -> None:
        self.room = room - 2 * PADDING
        self.y = PADDING
        self.words: list[Words] = []

    def set(
        self, said: str, style: str, size: float, *, most: int, step: float, at: float = 0.0
    ) -> None:
        """Add a paragraph of at most `most` lines, indented by `at`."""
        for line in wrapped(said, size, self.room - at, most=most):
            self.y += step
            self.words.append(Words(PADDING + at, self.y, line, style))

    def facts(self, facts: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        """Add labelled facts, their values in a column beside the labels."""
        column = max(width(label, FACT) for label, _ in facts) + 6
        for label, values in facts:
            self.y += 3
            self.words.append(Words(PADDING, self.y + 15, label, "label"))
            for value in values:
                self.set(value, "fact", FACT, most=4, step=15, at=column)


def _stage_node(shown: Preview, speech: Speech, stage: Stage, layer: int, room: float) -> Node:
    plan, state = shown.plan, shown.state.stages[stage.id]
    owed = sum(len(task.by) for task in stage.tasks)
    setter = _Typesetter(room)
    setter.set(speech.stage(stage), "head", 11.5, most=1, step=9)
    setter.y += 3
    setter.set(stage.title, "title", 14.2, most=4, step=17.5)
    rule = setter.y = setter.y + 10
    setter.facts(
        (
            (
                speech.say("owed"),
                (text(speech.language, "screen.obligations-count", count=owed),),
            ),
            (speech.say("opens"), (_moment(speech, state.opened_at, "not-opened"),)),
            (speech.say("done"), _done(speech, state)),
            (
                speech.say("gate"),
                (gate_text(stage.gate, len(plan.gated(stage)), speech.language),),
            ),
        )
    )
    return Node(
        key=stage.id,
        style="stage" if state.opened_at else "closed",
        layer=layer,
        title=f"{stage.id}: {stage.title}",
        words=tuple(setter.words),
        width=room,
        height=setter.y + PADDING,
        rule=rule,
    )


def _moment(speech: Speech, moment: datetime | None, otherwise: str) -> str:
    return speech.say(otherwise) if moment is None else speech.instant(moment)


def _done(speech: Speech, state: StageState) -> tuple[str, ...]:
    at = _moment(speech, state.done_at, "not-done")
    return (at, speech.say("missing", count=len(state.missing))) if state.missing else (at,)


def _event_node(shown: Preview, speech: Speech, name: str, layer: int, room: float) -> Node:
    known, event = shown.state.events.get(name), shown.plan.events.get(name)
    title = name if event is None else event.title
    setter = _Typesetter(room)
    setter.set(speech.say("event"), "head", 11.5, most=1, step=9)
    setter.y += 3
    setter.set(title, "fact", 12.4, most=4, step=15.5)
    setter.y += 2
    came = speech.say("event-awaited")
    if known is not None:
        came = " · ".join(
            filter(None, (known.document, speech.day(speech.local(known.happened_at).date())))
        )
    setter.set(came, "came", 12.4, most=2, step=16)
    return Node(
        key=f"event {name}",
        style="event",
        layer=layer,
        title=f"{name}: {title}",
        words=tuple(setter.words),
        width=room,
        height=setter.y + PADDING,
    )


def _pieces(net: _Net) -> Iterator[tuple[list[str], str]]:
    """Yield each arrow as the nodes it runs through, adding a lane in every layer between."""
    for link in net.links:
        keys = [link.start]
        for layer in range(net.nodes[link.start].layer + 1, net.nodes[link.end].layer):
            lane = f"{link.start} > {link.end} > {layer}"
            net.nodes[lane] = Node(lane, "lane", layer)
            keys.append(lane)
        yield [*keys, link.end], link.style


def _columns(net: _Net, pieces: Sequence[tuple[list[str], str]]) -> list[list[Node]]:
    """Return the nodes by layer; within one, in the order of what leads to them."""
    leading: dict[str, list[str]] = {}
    for keys, _ in pieces:
        for start, end in pairwise(keys):
            leading.setdefault(end, []).append(start)
    columns: list[list[Node]] = []
    place: dict[str, float] = {}
    for layer in range(1 + max((node.layer for node in net.nodes.values()), default=-1)):
        column = [node for node in net.nodes.values() if node.layer == layer]

        def order(node: Node) -> tuple[bool, float, bool]:
            found = [place[key] for key in leading.get(node.key, ())]
            return (
                node.style == "event",
                sum(found) / len(found) if found else 0.0,
                node.style == "lane",
            )

        column.sort(key=order)
        place.update({node.key: float(number) for number, node in enumerate(column)})
        columns.append(column)
    return columns


def _across(nodes: Sequence[Node], style: str) -> Arrow:
    """Draw an arrow from the right side of the first node to the left side of the last."""
    first, last = nodes[0], nodes[-1]
    x, y = first.x + first.width, first.middle
    path = f"M{x:g} {y:g}"
    for node in nodes[1:]:
        to_x = node.x - (5 if node is last else 0)
        to_y = node.middle
        if style == "wait" and node is last:
            to_y = min(node.y + node.height - 18, max(node.middle + 30, y))
        half = (to_x - x) / 2
        path += f"C{x + half:g} {y:g} {to_x - half:g} {to_y:g} {to_x:g} {to_y:g}"
        if node is not last:
            path += f"H{node.x + node.width:g}"
        x, y = node.x + node.width, to_y
    return Arrow(path, style)


def _down(start: Node, end: Node, style: str) -> Arrow:
    x = start.x + start.width / 2
    return Arrow(f"M{x:g} {start.y + start.height:g}V{end.y - 5:g}", style)


def _around(start: Node, end: Node, style: str, lane: int) -> Arrow:
    """Draw an arrow down the gutter, its corners rounded."""
    x, turn = start.x - GUTTER * lane - GUTTER * 0.7, 6
    y, to_y = start.middle, end.middle
    return Arrow(
        f"M{start.x:g} {y:g}H{x + turn:g}Q{x:g} {y:g} {x:g} {y + turn:g}"
        f"V{to_y - turn:g}Q{x:g} {to_y:g} {x + turn:g} {to_y:g}H{end.x - 5:g}",
        style,
    )


def _lanes(links: Sequence[_Link], place: dict[str, int]) -> dict[_Link, int]:
    """Give each long arrow the first lane of the gutter that is free all along it."""
    taken: list[list[_Link]] = []
    lanes: dict[_Link, int] = {}
    for link in links:
        for number, lane in enumerate([*taken, []]):
            if all(
                place[link.end] < place[other.start] or place[other.end] < place[link.start]
                for other in lane
            ):
                if number == len(taken):
                    taken.append(lane)
                lane.append(link)
                lanes[link] = number
                break
    return lanes
