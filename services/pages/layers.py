"""Layers: the stages of a plan and the events they wait for, put in order for a drawing.

The layered drawing of Sugiyama, Tagawa and Toda (1981): every node stands in the layer
after the last one that it waits for; an arrow over several layers gets a lane of its own
in each, so that it runs through no box; the order within the layers is swept to and fro
until few arrows cross; then each node moves as close to what it is linked with as the
others let it. Layers run along one axis of the drawing, the nodes of a layer along the
other: which is which is the drawing's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from engine.plan import Plan

SWEEPS = 6
EVENT = "event "


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow between two nodes; `style` is `need` or `wait` (for an outside event)."""

    start: str
    end: str
    style: str


@dataclass(frozen=True)
class Net:
    """The nodes by key, each after what it waits for, with its layer; and their links.

    The key of a stage is its id, that of an event begins with `event `.
    """

    layer: Mapping[str, int]
    links: tuple[Link, ...]

    @cached_property
    def breadth(self) -> tuple[tuple[int, int], ...]:
        """How many nodes and how many lanes each layer has."""
        nodes = [0] * self.depth
        lanes = [0] * self.depth
        for layer in self.layer.values():
            nodes[layer] += 1
        for link in self.links:
            for layer in range(self.layer[link.start] + 1, self.layer[link.end]):
                lanes[layer] += 1
        return tuple(zip(nodes, lanes, strict=True))

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return 1 + max(self.layer.values(), default=-1)


def net_of(plan: Plan) -> Net:
    """Return the net of a plan; an event stands just before the first stage that waits for it."""
    layer: dict[str, int] = {}
    links: list[Link] = []
    for stage in plan.stages:
        own = max((layer[need] + 1 for need in stage.needs), default=0)
        if stage.event is not None:
            event = f"{EVENT}{stage.event}"
            own = max(own, 1, layer.setdefault(event, max(own, 1) - 1) + 1)
            links.append(Link(event, stage.id, "wait"))
        layer[stage.id] = own
        links += [Link(need, stage.id, "need") for need in stage.needs]
    return Net(layer, tuple(links))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where everything stands along the layers: the middle of each node and of each lane.

    `routes` are the arrows, each with the keys that it runs through, lanes included;
    `extent` is where the last edge lies.
    """

    middle: Mapping[str, float]
    routes: tuple[tuple[Link, tuple[str, ...]], ...]
    extent: float


def arrange(
    net: Net, sizes: Mapping[str, float], *, lane: float, gap: float, room: float | None = None
) -> Arrangement:
    """Arrange the nodes, `sizes` long across their layer, lanes `lane` wide, `gap` apart.

    The first edge lies at 0. With a `room`, which must hold each layer, all stays within it.
    """
    routes = tuple((link, tuple(_route(net, link))) for link in net.links)
    layers = _ordered(net, routes)
    size = {key: sizes.get(key, lane) for layer in layers for key in layer}
    middle = _placed(layers, routes, size, gap)
    least = min((middle[key] - size[key] / 2 for key in middle), default=0.0)
    most = max((middle[key] + size[key] / 2 for key in middle), default=0.0)
    shift = -least if room is None else (room - most - least) / 2
    middle = {key: at + shift for key, at in middle.items()}
    if room is not None:
        for layer in layers:
            _hold(layer, middle, size, gap, room)
        most = room - shift
    return Arrangement(middle, routes, most + shift)


def _hold(
    layer: Sequence[str],
    middle: dict[str, float],
    size: Mapping[str, float],
    gap: float,
    room: float,
) -> None:
    """Push what stands outside of 0 to `room` back, and its neighbours with it."""
    edge = 0.0
    for key in layer:
        middle[key] = max(middle[key], edge + size[key] / 2)
        edge = middle[key] + size[key] / 2 + gap
    edge = room
    for key in reversed(layer):
        middle[key] = min(middle[key], edge - size[key] / 2)
        edge = middle[key] - size[key] / 2 - gap


def _route(net: Net, link: Link) -> Iterator[str]:
    yield link.start
    for layer in range(net.layer[link.start] + 1, net.layer[link.end]):
        yield f"{link.start} > {link.end} > {layer}"
    yield link.end


def _ordered(
    net: Net, routes: Sequence[tuple[Link, tuple[str, ...]]]
) -> tuple[tuple[str, ...], ...]:
    """Return the layers in the order with the fewest crossings found; events stand last."""
    layers: list[list[str]] = [[] for _ in range(net.depth)]
    for key, layer in net.layer.items():
        layers[layer].append(key)
    waits: set[str] = {key for key in net.layer if key.startswith(EVENT)}
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for link, keys in routes:
        for number, key in enumerate(keys[1:-1], net.layer[link.start] + 1):
            layers[number].append(key)
            if link.style == "wait":
                waits.add(key)
        for start, end in pairwise(keys):
            before[end].append(start)
            after[start].append(end)
    best, fewest = layers, _crossings(layers, after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        backwards = bool(sweep % 2)
        layers = _swept(layers, after if backwards else before, waits, backwards=backwards)
        if (found := _crossings(layers, after)) < fewest:
            best, fewest = layers, found
    return tuple(
        tuple(sorted(layer, key=lambda key: key in waits))  # stable: the order found stays
        for layer in best
    )


def _swept(
    layers: Sequence[Sequence[str]],
    linked: Mapping[str, Sequence[str]],
    waits: set[str],
    *,
    backwards: bool,
) -> list[list[str]]:
    """Order each layer by the mean place of what its nodes are linked with, one way."""
    place = {key: number for layer in layers for number, key in enumerate(layer)}
    swept = [list(layer) for layer in layers]
    for layer in reversed(swept) if backwards else swept:

        def mean(key: str) -> tuple[bool, float]:
            found = [place[other] for other in linked.get(key, ())]
            return key in waits, sum(found) / len(found) if found else place[key]

        layer.sort(key=mean)
        place.update({key: number for number, key in enumerate(layer)})
    return swept


def _crossings(layers: Sequence[Sequence[str]], after: Mapping[str, Sequence[str]]) -> int:
    count = 0
    for layer, following in pairwise(layers):
        place = {key: number for number, key in enumerate(following)}
        ends = [sorted(place[end] for end in after.get(key, ()) if end in place) for key in layer]
        passed: list[int] = []
        for group in ends:
            count += sum(other > end for end in group for other in passed)
            passed += group
    return count


def _placed(
    layers: Sequence[Sequence[str]],
    routes: Sequence[tuple[Link, tuple[str, ...]]],
    size: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Give each node its middle. Events give way: they bend no row of stages."""
    near: dict[str, list[str]] = defaultdict(list)
    guests: dict[str, list[str]] = {}
    for link, keys in routes:
        for start, end in pairwise(keys):
            if link.style == "wait":
                guests.setdefault(start, []).append(end)
            else:
                near[start].append(end)
                near[end].append(start)
    hosts = [[key for key in layer if key not in guests] for layer in layers]
    middle: dict[str, float] = {}
    for layer in hosts:
        middle.update(_spread(layer, dict.fromkeys(layer, 0.0), size, gap))
    for sweep in range(2 * SWEEPS):
        for layer in hosts if sweep % 2 == 0 else reversed(hosts):
            wished = {
                key: sum(middle[other] for other in near[key]) / len(near[key])
                if near[key]
                else middle[key]
                for key in layer
            }
            middle.update(_spread(layer, wished, size, gap))
    for row, host in zip(reversed(layers), reversed(hosts), strict=True):
        edge = max((middle[key] + size[key] / 2 + gap for key in host), default=None)
        for key in row:
            if key in guests:
                wished_at = middle[guests[key][0]]
                at = wished_at if edge is None else max(wished_at, edge + size[key] / 2)
                middle[key] = at
                edge = at + size[key] / 2 + gap
    return middle


def _spread(
    layer: Sequence[str], wished: Mapping[str, float], size: Mapping[str, float], gap: float
) -> dict[str, float]:
    """Return the middles nearest to those wished for that keep order and distance.

    Pooling of adjacent violators: nodes that would touch move as one, to their mean.
    """
    offsets: list[float] = []
    pools: list[tuple[float, int]] = []
    at = 0.0
    for key in layer:
        at += size[key] / 2
        offsets.append(at)
        at += size[key] / 2 + gap
        total, count = wished[key] - offsets[-1], 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            former, members = pools.pop()
            total, count = total + former, count + members
        pools.append((total, count))
    starts = [total / count for total, count in pools for _ in range(count)]
    return {key: start + offset for key, start, offset in zip(layer, starts, offsets, strict=True)}
