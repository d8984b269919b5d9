"""The pictures of the README: they show by themselves, on any page."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_drawing_of_plan_37_is_self_contained():
    """A code host shows no drawing that fetches or runs anything."""
    text = (PICTURES / "plan-37.svg").read_text(encoding="utf-8")

    root = ElementTree.fromstring(text)

    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}rect") is not None  # its own background, for light and dark
    assert not {"script", "image", "foreignObject", "style"} & {
        element.tag.removeprefix(SVG) for element in root.iter()
    }
    assert text.replace("http://www.w3.org/2000/svg", "").count("://") == 0


def test_the_screenshot_is_small():
    """It is loaded by everyone who opens the repository."""
    picture = (PICTURES / "preview.png").read_bytes()

    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") == 1280
    assert len(picture) < 300_000
