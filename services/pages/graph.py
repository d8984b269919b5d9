"""Graph: the stages of a plan and the events they wait for, laid out as a drawing.

Three layouts of the same nodes, whichever holds them at a legible size. *Across* has the
layers as columns, for plans of few steps; *down* has them as rows, for plans of many steps
that fork; the *column* has one node a line in the plan's order, for everything else and
for narrow screens, arrows that do not lead to the next line running down a gutter. A drawing
higher than a sheet of paper is cut where no box stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.pages.layers import EVENT, Arrangement, Link, Net, arrange, net_of
from services.pages.nodes import Node, node
from services.pages.speech import Speech
from services.views.previewing import Preview

WIDE, NARROW = 820.0, 330.0
SHEET = 1080.0  # what one A4 page holds of a drawing WIDE wide
GAP, STACK, LANE = 38.0, 22.0, 20.0
MOST_LINES = 10  # of a title
MOST_ACROSS, TALLEST_ACROSS = 4, 800.0
SLIMMEST, BROADEST = 160.0, 400.0
LONE_GAP, GUTTER, WIDEST_GUTTER = 28.0, 15.0, 0.3
TIP = 5.0  # an arrow's line ends before its tip does
TURN = 6.0


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow as an SVG path from `top` to `bottom`; `style` is `need` or `wait`."""

    path: str
    style: str
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """The part of a drawing between two heights, with what stands in it."""

    top: float
    height: float
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of `width` × `height` user units."""

    width: float
    height: float
    nodes: tuple[Node, ...] = ()
    arrows: tuple[Arrow, ...] = ()

    def sheets(self, tallest: float = SHEET) -> tuple[Sheet, ...]:
        """Cut the drawing between boxes into sheets, none higher than `tallest` if it can be."""
        cuts = [0.0]
        reached, last = 0.0, 0.0
        for one in sorted(self.nodes, key=lambda one: one.y):
            if one.y > reached:
                if one.y + one.height - cuts[-1] > tallest and last > cuts[-1]:
                    cuts.append(last)
                last = (reached + one.y) / 2
            reached = max(reached, one.y + one.height)
            if reached - cuts[-1] > tallest and last > cuts[-1]:
                cuts.append(last)
        return tuple(self._sheet(top, bottom) for top, bottom in pairwise([*cuts, self.height]))

    def _sheet(self, top: float, bottom: float) -> Sheet:
        return Sheet(
            top,
            bottom - top,
            tuple(one for one in self.nodes if top <= one.y < bottom),
            tuple(one for one in self.arrows if one.top < bottom and top < one.bottom),
        )


def wide(shown: Preview, speech: Speech) -> Drawing:
    """Draw the stages for a page: across, down or in a column, as fits."""
    net = net_of(shown.plan)
    if 1 < net.depth <= MOST_ACROSS:
        drawing = _across(shown, speech, net)
        if drawing.height <= TALLEST_ACROSS:
            return drawing
    slim = _slim(net)
    if slim >= SLIMMEST and len(shown.plan.stages) > net.depth:
        return _down(shown, speech, net, min(slim, BROADEST))
    return _column(shown, speech, net, WIDE)


def upright(shown: Preview, speech: Speech) -> Drawing:
    """Draw the stages for a narrow screen, one below the other."""
    return _column(shown, speech, net_of(shown.plan), NARROW)


def described(shown: Preview, speech: Speech) -> str:
    """Say in words what the drawing shows: what each stage waits for."""
    net = net_of(shown.plan)
    said: dict[str, list[str]] = defaultdict(list)
    for link in net.links:
        said[link.end].append(_called(shown, speech, link.start))
    return " ".join(
        speech.say(
            "waits-for" if said[stage.id] else "waits-for-nothing",
            stage=_called(shown, speech, stage.id),
            what=", ".join(said[stage.id]),
        )
        for stage in shown.plan.stages
    )


def _called(shown: Preview, speech: Speech, key: str) -> str:
    if key.startswith(EVENT):
        name = key.removeprefix(EVENT)
        event = shown.plan.events.get(name)
        return speech.say("event-named", title=name if event is None else event.title)
    return speech.say("stage-number", number=speech.number(shown.plan.stage(key)))


def _across(shown: Preview, speech: Speech, net: Net) -> Drawing:
    room = (WIDE - 2 - GAP * (net.depth - 1)) / net.depth
    nodes = {key: node(shown, speech, key, room, most=MOST_LINES) for key in net.layer}
    if len(set(_stage_layers(net))) == len(shown.plan.stages):
        nodes |= _even(shown, speech, nodes.values())
    found = arrange(net, {key: one.height for key, one in nodes.items()}, lane=LANE, gap=STACK)
    bands = [(1 + number * (room + GAP), room) for number in range(net.depth)]
    for key, one in nodes.items():
        one.x, one.y = bands[net.layer[key]][0], 1 + found.middle[key] - one.height / 2
    arrows = [
        _swung(stops, link.style, lambda main, cross: (main, cross + 1))
        for link, stops in _stops(net, found, bands, nodes, lambda one: one.height)
    ]
    return Drawing(WIDE, found.extent + 2, tuple(nodes.values()), tuple(arrows))


def _down(shown: Preview, speech: Speech, net: Net, room: float) -> Drawing:
    nodes = {key: node(shown, speech, key, room, most=MOST_LINES) for key in net.layer}
    rows: list[list[Node]] = [[] for _ in range(net.depth)]
    for key, one in nodes.items():
        rows[net.layer[key]].append(one)
    found = arrange(net, dict.fromkeys(nodes, room), lane=LANE, gap=STACK, room=WIDE - 2)
    bands: list[tuple[float, float]] = []
    y = 1.0
    for row in rows:
        nodes |= _even(shown, speech, row)
        tall = max(nodes[one.key].height for one in row)
        for one in (nodes[other.key] for other in row):
            one.x, one.y = 1 + found.middle[one.key] - room / 2, y + tall - one.height
        bands.append((y, tall))
        y += tall + GAP
    arrows = [
        _swung(stops, link.style, lambda main, cross: (cross + 1, main))
        for link, stops in _stops(net, found, bands, nodes, lambda one: one.width)
    ]
    return Drawing(WIDE, y - GAP + 1, tuple(nodes.values()), tuple(arrows))


def _slim(net: Net) -> float:
    """How wide the boxes may be for every layer to have room as a row."""
    return min(
        (
            (WIDE - 2 - STACK * (count + lanes - 1) - LANE * lanes) / count
            for count, lanes in net.breadth
        ),
        default=0.0,
    )


def _even(shown: Preview, speech: Speech, nodes: Iterable[Node]) -> dict[str, Node]:
    """Return the stages among `nodes` again, as high as the highest, their rules in one line."""
    stages = [one for one in nodes if one.style != "event"]
    rule = max((one.rule for one in stages), default=0.0)
    even = {
        one.key: node(shown, speech, one.key, one.width, most=MOST_LINES, rule=rule)
        for one in stages
    }
    for one in even.values():
        one.height = max(other.height for other in even.values())
    return even


def _stage_layers(net: Net) -> Iterator[int]:
    return (layer for key, layer in net.layer.items() if not key.startswith(EVENT))


@dataclass(frozen=True, slots=True)
class _Stop:
    """A place that an arrow runs through: from `start`, `length` along the layers, at `cross`."""

    start: float
    length: float
    cross: float


def _stops(
    net: Net,
    found: Arrangement,
    bands: Sequence[tuple[float, float]],
    nodes: Mapping[str, Node],
    extent: Callable[[Node], float],
) -> Iterator[tuple[Link, list[_Stop]]]:
    """Yield what each arrow runs through; one from an event ends beside those from stages."""
    for link, keys in found.routes:
        aside = min(30.0, extent(nodes[link.end]) / 2 - 16) if link.style == "wait" else 0.0
        first = net.layer[link.start]
        yield (
            link,
            [
                _Stop(*bands[first + number], found.middle[key] + aside * (key == link.end))
                for number, key in enumerate(keys)
            ],
        )


def _swung(
    stops: Sequence[_Stop], style: str, point: Callable[[float, float], tuple[float, float]]
) -> Arrow:
    """Draw an arrow in curves from layer to layer; within a layer it runs straight."""
    main, cross = stops[0].start + stops[0].length, stops[0].cross
    points = [point(main, cross)]
    path = f"M{_written(points[0])}"
    for stop in stops[1:]:
        last = stop is stops[-1]
        to_main = stop.start - TIP if last else stop.start
        half = (to_main - main) / 2
        curve = [
            point(main + half, cross),
            point(to_main - half, stop.cross),
            point(to_main, stop.cross),
        ]
        path += "C" + " ".join(map(_written, curve))
        main, cross = to_main, stop.cross
        points.append(curve[-1])
        if not last:
            main = stop.start + stop.length
            path += f"L{_written(point(main, cross))}"
    heights = [y for _, y in points]
    return Arrow(path, style, min(heights), max(heights))


def _written(at: tuple[float, float]) -> str:
    return f"{round(at[0], 1):g} {round(at[1], 1):g}"


def _column(shown: Preview, speech: Speech, net: Net, room: float) -> Drawing:
    lanes = gutter_lanes(net)
    count = 1 + max(lanes.values(), default=-1)
    pitch = min(GUTTER, WIDEST_GUTTER * room / count) if count else 0.0
    left = 1 + pitch * count + (4 if count else 0)
    nodes = {key: node(shown, speech, key, room - left - 1, most=MOST_LINES) for key in net.layer}
    y = 1.0
    for one in nodes.values():
        one.x, one.y = left, y
        y += one.height + LONE_GAP
    arrows = []
    for link in net.links:
        start, end = nodes[link.start], nodes[link.end]
        if link not in lanes:
            x, top, bottom = start.x + start.width / 2, start.y + start.height, end.y - TIP
            arrows.append(Arrow(f"M{x:g} {top:g}V{bottom:g}", link.style, top, bottom))
        else:
            x = left - 4 - pitch * (lanes[link] + 0.6)
            arrows.append(_around(start, end, link.style, round(x, 1)))
    return Drawing(room, y - LONE_GAP + 1, tuple(nodes.values()), tuple(arrows))


def _around(start: Node, end: Node, style: str, x: float) -> Arrow:
    """Draw an arrow down the gutter: out at a box's foot, in at a box's head."""
    y, to_y = round(start.y + start.height - 16, 1), round(end.y + 18, 1)
    turn = min(TURN, start.x - x)
    return Arrow(
        f"M{start.x:g} {y:g}H{x + turn:g}Q{x:g} {y:g} {x:g} {y + turn:g}"
        f"V{to_y - turn:g}Q{x:g} {to_y:g} {x + turn:g} {to_y:g}H{end.x - TIP:g}",
        style,
        y,
        to_y,
    )


def gutter_lanes(net: Net) -> dict[Link, int]:
    """Give each arrow that does not lead to the next line a lane, counted from the boxes.

    The arrows from one node share theirs, or those to one node, whichever takes fewer
    lanes; a lane is used again where it has become free.
    """
    place = {key: number for number, key in enumerate(net.layer)}
    far = [link for link in net.links if place[link.end] - place[link.start] > 1]
    from_one: dict[str, list[Link]] = defaultdict(list)
    to_one: dict[str, list[Link]] = defaultdict(list)
    for link in far:
        from_one[link.start].append(link)
        to_one[link.end].append(link)
    found = (_lanes(list(bundles.values()), place) for bundles in (from_one, to_one))
    return min(found, key=lambda lanes: max(lanes.values(), default=0))


def _lanes(bundles: Sequence[Sequence[Link]], place: Mapping[str, int]) -> dict[Link, int]:
    spans = [
        (min(place[one.start] for one in bundle), max(place[one.end] for one in bundle), bundle)
        for bundle in bundles
    ]
    taken: list[list[tuple[int, int]]] = []
    lanes: dict[Link, int] = {}
    for first, last, bundle in sorted(spans, key=lambda span: (span[1] - span[0], span[0])):
        free = (
            number
            for number, others in enumerate(taken)
            if all(last <= start or end <= first for start, end in others)
        )
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((first, last))
        lanes.update(dict.fromkeys(bundle, lane))
    return lanes
