"""Canvas: boxes and lines drawn with characters, their crossings joined as they should be."""

from __future__ import annotations

from collections import defaultdict

from rich.cells import cell_len
from rich.text import Text

NORTH, EAST, SOUTH, WEST = 1, 2, 4, 8
_LINES = {
    mask: sign
    for sign, mask in {
        "│": NORTH | SOUTH,
        "─": EAST | WEST,
        "┌": EAST | SOUTH,
        "┐": SOUTH | WEST,
        "└": NORTH | EAST,
        "┘": NORTH | WEST,
        "├": NORTH | EAST | SOUTH,
        "┤": NORTH | SOUTH | WEST,
        "┬": EAST | SOUTH | WEST,
        "┴": NORTH | EAST | WEST,
        "┼": NORTH | EAST | SOUTH | WEST,
        "╵": NORTH,
        "╷": SOUTH,
        "╴": WEST,
        "╶": EAST,
    }.items()
}


class Canvas:
    """A sheet of cells, row by row; it grows downwards as it is drawn on."""

    def __init__(self) -> None:
        self._masks: dict[tuple[int, int], int] = defaultdict(int)
        self._signs: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def down(self, column: int, first: int, last: int, style: str = "") -> None:
        """Draw a line from row `first` down to row `last`."""
        for row in range(first, last + 1):
            mask = (NORTH if row > first else 0) | (SOUTH if row < last else 0)
            self._line(row, column, mask, style)

    def across(self, row: int, first: int, last: int, style: str = "") -> None:
        """Draw a line from column `first` to column `last`."""
        for column in range(first, last + 1):
            mask = (WEST if column > first else 0) | (EAST if column < last else 0)
            self._line(row, column, mask, style)

    def box(self, row: int, column: int, height: int, width: int, style: str = "") -> None:
        """Draw a box with its upper left corner at `row` and `column`."""
        bottom, right = row + height - 1, column + width - 1
        self.across(row, column, right, style)
        self.across(bottom, column, right, style)
        self.down(column, row, bottom, style)
        self.down(right, row, bottom, style)

    def write(self, row: int, column: int, words: str, style: str = "") -> None:
        """Write words in one row; a sign that takes two cells takes two."""
        for sign in words:
            wide = cell_len(sign)
            if wide == 0:  # a mark that belongs to the sign before it
                self._signs[row, column - 1] = self._signs.get((row, column - 1), "") + sign
                continue
            self._signs[row, column] = sign
            self._styles[row, column] = style
            if wide == 2:
                self._signs[row, column + 1] = ""
            column += wide

    def lines(self) -> list[Text]:
        """Return what was drawn, one text a row."""
        cells = {*self._masks, *self._signs}
        height = 1 + max((row for row, _ in cells), default=-1)
        ends = [0] * height
        for row, column in cells:
            ends[row] = max(ends[row], column + 1)
        return [self._row(row, end) for row, end in enumerate(ends)]

    def _row(self, row: int, end: int) -> Text:
        line = Text()
        for column in range(end):
            place = row, column
            sign = self._signs.get(place, _LINES.get(self._masks.get(place, 0), " "))
            line.append(sign, self._styles.get(place, ""))
        return line

    def _line(self, row: int, column: int, mask: int, style: str) -> None:
        self._masks[row, column] |= mask
        if style or (row, column) not in self._styles:
            self._styles[row, column] = style
