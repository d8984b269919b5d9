"""Flags: where the words of marked days stand above a strip, so that none touch.

The words of a flag stand beside its stem, which runs down to the axis: whatever words it
would cross must stand higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

DISTANCE = 4.0  # between a stem and its words


@dataclass(frozen=True)
class Place:
    """Where the words of a flag stand: from `left`, `width` wide, beside the stem at `stem`."""

    stem: float
    left: float
    width: float
    level: int = 0

    @cached_property
    def right(self) -> float:
        """Where the words end, with the distance that others keep from them."""
        return self.left + self.width + 2 * DISTANCE

    def covers(self, stem: float) -> bool:
        """Whether a stem from above would run through the words."""
        return self.left - 1 < stem < self.right - DISTANCE and stem != self.stem


def places(flags: Sequence[tuple[float, float]], room: float) -> list[Place]:
    """Place flags, given as stem and width of words from left to right, within `room`.

    Words stand to the right of their stem; where that runs out of the room, to its left, and
    so do those before that would otherwise cross that stem. Levels count from below.
    """
    placed: list[Place] = []
    for stem, width in reversed(flags):
        right = Place(stem, stem + DISTANCE, width)
        left = Place(stem, max(0.0, stem - DISTANCE - width), width)
        caught = any(
            other.left < other.stem and right.covers(other.stem) and other.covers(stem)
            for other in placed
        )
        fits = stem + DISTANCE + width <= room
        placed.append(right if fits and not caught else left)
    return _stacked(placed[::-1])


def _stacked(flat: Sequence[Place]) -> list[Place]:
    """Give each the lowest level above the stems it covers where its words touch no others."""
    above = {
        number: [
            other for other, place in enumerate(flat) if other != number and one.covers(place.stem)
        ]
        for number, one in enumerate(flat)
    }
    try:
        order = list(TopologicalSorter(above).static_order())
    except CycleError:
        order = list(range(len(flat)))[::-1]
    levels: dict[int, int] = {}
    for number in order:
        one = flat[number]
        level = max((levels[other] + 1 for other in above[number] if other in levels), default=0)
        taken = {
            levels[other]
            for other in levels
            if flat[other].left < one.right and one.left < flat[other].right
        }
        while level in taken:
            level += 1
        levels[number] = level
    return [Place(one.stem, one.left, one.width, levels[number]) for number, one in enumerate(flat)]
