"""Arrangement: what must come after what, in order, and the circles that make it impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

MOST_CIRCLES = 20


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`order` respects the needs, else keeps the order given.

    Each of `circles` waits for its next, the last for the first, which stands at both
    ends. `blocked` maps what waits for a circle, though not in it, to what it waits for.
    """

    order: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]
    blocked: Mapping[str, str]


def arrange(needs: Mapping[str, Sequence[str]]) -> Arrangement:
    """Arrange things by what each needs; needs that are not among them are passed over."""
    left = {one: [n for n in found if n in needs and n != one] for one, found in needs.items()}
    circles: list[tuple[str, ...]] = []
    broken: set[str] = set()
    while len(circles) < MOST_CIRCLES and (circle := _circle(left)):
        circles.append(circle)
        broken.update(circle)
        left = {
            one: [n for n in found if n not in broken]
            for one, found in left.items()
            if one not in broken
        }
    order = _order(left)
    blocked: dict[str, str] = {}
    for one in order:
        waits = next((n for n in needs[one] if n in broken or n in blocked), None)
        if waits is not None:
            blocked[one] = waits
    return Arrangement(order, tuple(circles), blocked)


def _circle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return tuple(reversed(found))
    return ()


def _order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Place each after its needs, by a stack of its own: chains may be long."""
    placed: dict[str, None] = {}
    for first in needs:
        stack = {} if first in placed else {first: iter(needs[first])}
        while stack:
            one, waiting = next(reversed(stack.items()))
            # A circle that was not broken up is cut where it comes back to who waits already.
            need = next(
                (n for n in waiting if n in needs and n not in placed and n not in stack), None
            )
            if need is None:
                placed[one] = None
                del stack[one]
            else:
                stack[need] = iter(needs[need])
    return tuple(placed)
