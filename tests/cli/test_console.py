"""Colour is for a terminal that shows it, and for those who want it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.console import is_colourful


@pytest.mark.parametrize(
    ("terminal", "environment", "colourful"),
    [
        (True, {"TERM": "xterm-256color"}, True),
        (True, {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm-256color"}, False),
    ],
)
def test_colour_is_shown_only_where_it_is_wanted(
    terminal: bool, environment: dict[str, str], colourful: bool
):
    """Escape codes in a file, or against NO_COLOR, are noise."""
    console = Console(file=io.StringIO(), force_terminal=terminal, _environ=environment)

    assert is_colourful(console) is colourful
