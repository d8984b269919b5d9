"""Reading mail: whether its HTML is whole, and which colours stand on which."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset({"br", "meta", "img", "hr", "input", "link", "col"})


class _Whole(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.is_broken = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.is_broken |= len(names) > len(set(names))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_broken |= not self.open or self.open.pop() != tag


def is_well_formed(html: str) -> bool:
    """Say whether every element is closed where it should be, and no attribute stands twice."""
    reader = _Whole()
    reader.feed(html)
    reader.close()
    return not reader.is_broken and not reader.open


def contrast(one: str, two: str) -> float:
    """Return the contrast of two colours, `#rrggbb` (WCAG 2.1, 1.4.3)."""
    light, dark = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
