"""Style: one sheet of classes, put into every element once, readable in the light and the dark."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from notifiers.inlining import inlined, styles
from notifiers.rendering import render
from tests.notifiers.mail_reading import contrast
from tests.notifiers.mail_samples import SAMPLES

CSS = (files("notifiers") / "templates" / "sheet.css").read_text(encoding="utf-8")
LIGHT, MEDIA = CSS.split("@media", 1)
DARK = MEDIA.split("@media", 1)[0]
GROUNDS = {
    LIGHT: {"column": "#f1f3f5", "sheet": "#ffffff"},
    DARK: {"column": "#262c33", "sheet": "#1f242a"},
}


@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
def test_every_ink_is_readable_on_its_ground(css: str) -> None:
    """WCAG 2.1 AA: 4.5 to 1 for text, whatever the hour."""
    inks = re.findall(r"([^{}]+)\{[^}]*?(?<!-)color: (#[0-9a-f]{6})", css)
    read = [
        (name, ink, GROUNDS[css]["column" if name == "column" else "sheet"])
        for names, ink in inks
        for name in re.findall(r"\.([\w-]+)", names)
        if name != "preview"
    ]

    assert len(read) > 15
    assert all(contrast(ink, ground) >= 4.5 for _, ink, ground in read)


def test_every_ink_of_the_light_has_one_for_the_dark() -> None:
    """A class that is forgotten would be dark on dark."""
    light = set(re.findall(r"\.([\w-]+)[^{}]*\{[^}]*?(?<!-)color:", LIGHT))
    dark = set(re.findall(r"\.([\w-]+)", DARK))
    without = {"preview", "title", "status", "part-heading"}  # coloured by their tone

    assert light - dark <= without


def test_every_class_is_used_and_every_used_class_is_styled() -> None:
    """A style sheet that nobody prunes grows; a class without a style is a slip."""
    folder = files("notifiers") / "templates"
    pages = "".join(
        file.read_text(encoding="utf-8") for file in folder.iterdir() if ".html" in file.name
    )
    named = " ".join(re.findall(r'class="([^"]*)"', pages))
    used = set(re.sub(r"\S*\{\{.*?\}\}", "", named).split())
    known = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", LIGHT, flags=re.S)))
    toned = {name for name in known if re.match(r"(ink|edge|band|under)-", name)}

    assert used == known - toned


def test_styles_stand_in_the_elements() -> None:
    """Outlook and Gmail's app for other mailboxes read no style sheet."""
    html = render(SAMPLES["mixed"]("vi")).html
    body = re.sub(r"<!--.*?-->", "", html[html.index("<body") :], flags=re.S)

    for element in re.findall(r"<(?:p|h1|h2|h3|td|th|ul|li|span)\b[^>]*>", body):
        assert "style=" in element, element
    assert html.count("<style>") == 1
    assert "color:#b42318" in body


def test_what_jinja_reads_comes_through_the_inlining() -> None:
    """Quotes, tags and loops in tables are where an HTML parser would lose them."""
    source = (
        '<html lang="{{ a }}"><head><!-- style --></head><body><table><tbody>'
        '{% for x in "<&>" %}<tr><td class="c" title="{{ d["e"] }}">{{ x | e }}</td></tr>'
        "{% endfor %}</tbody></table></body></html>"
    )

    made = inlined(source, ".c { color: red; } @media print { .c { color: blue } }")

    assert '<html lang="{{ a }}">' in made
    assert '{% for x in "<&>" %}<tr><td class="c" title="{{ d["e"] }}" style="color:red">' in made
    assert "{{ x | e }}</td></tr>{% endfor %}</tbody>" in made
    assert "<style>@media print { .c { color: blue } }</style>" in made


def test_a_statement_that_parts_an_element_is_refused() -> None:
    """What the parser would repair by guessing would be another mail."""
    source = "<html><head></head><body><p {% if a %}class='x'{% endif %}>y</p></body></html>"

    with pytest.raises(ValueError, match="parts an element"):
        inlined(source, "")


def test_a_tone_is_read_from_the_sheet() -> None:
    """Colours stand in one place."""
    assert styles(".a { color: red; } .b { margin: 0 }", ["a", "b", "c"]) == {
        "a": "color:red;",
        "b": "margin:0;",
        "c": "",
    }
