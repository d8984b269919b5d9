"""The order of what waits for what, and the circles in it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan_definitions.arrangement import MOST_CIRCLES, arrange


def test_what_waits_for_nothing_keeps_the_order_of_the_file():
    """A plan reads like its document."""
    assert arrange({"b": [], "a": [], "c": []}).order == ("b", "a", "c")


def test_a_stage_stands_after_what_it_needs():
    """Wherever the coordinator wrote it down."""
    assert arrange({"c": ["a", "b"], "b": ["a"], "a": []}).order == ("a", "b", "c")


@pytest.mark.parametrize(
    "needs",
    [{"a": ["b"], "b": ["a"]}, {"x": [], "a": ["c"], "b": ["a", "x"], "c": ["b"]}],
)
def test_a_circle_is_shown_whole(needs: dict[str, list[str]]):
    """The coordinator is shown which stages wait for each other."""
    (circle,) = arrange(needs).circles

    assert circle[0] == circle[-1]
    assert set(circle) == set(needs) - {"x"}
    assert all(after in needs[one] for one, after in pairwise(circle))


def test_what_waits_for_a_circle_without_being_in_it_is_named():
    """It can never open either, and the reason lies elsewhere."""
    arranged = arrange({"a": ["b"], "b": ["a"], "later": ["a"], "last": ["later"]})

    assert arranged.blocked == {"later": "a", "last": "later"}


@given(st.lists(st.sets(st.integers(0, 8)), min_size=1, max_size=9), st.permutations(range(9)))
def test_any_order_respects_needs_and_loses_no_stage(wanted: list[set[int]], written: list[int]):
    """Every stage once, each after its needs, in whatever order they are written down."""
    needs = {
        str(one): [str(other) for other in sorted(wanted[one]) if other < one]
        for one in written
        if one < len(wanted)
    }
    order = arrange(needs).order
    assert sorted(order) == sorted(needs)
    for name, needed in needs.items():
        assert all(order.index(need) < order.index(name) for need in needed)


def test_more_circles_than_are_told_end_all_the_same():
    """Ten thousand pairs that wait for each other have kept it busy for half a minute."""
    pairs = {f"s{n}": [f"s{n ^ 1}"] for n in range(10_000)}

    arranged = arrange(pairs)

    assert len(arranged.circles) == MOST_CIRCLES
    assert len(arranged.order) == 10_000 - 2 * MOST_CIRCLES
