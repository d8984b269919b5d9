"""Page: a preview as one HTML document, for coordinators to read, print and pass on."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from services.pages import deadlines, graph, grid, mails, milestones, strip
from services.pages.days import days_of
from services.pages.speech import Speech
from services.views.previewing import Preview

_HYPHENED = re.compile(r"\S{1,30}-\S{1,30}")


def preview_page(shown: Preview, language: str) -> str:
    """Return one self-contained HTML document: no script, nothing fetched, light and dark.

    The same preview gives the same page; no clock is read.
    """
    speech = Speech(shown.plan, language)
    days = days_of(shown, speech)
    parts = deadlines.parts(shown, speech)
    boxes = mails.boxes(shown, speech)
    return _template().render(
        speech=speech,
        say=speech.say,
        plan=shown.plan,
        shown=shown,
        tally=mails.tally(shown.rehearsal.issued, speech),
        graphs=(graph.wide(shown, speech), graph.upright(shown, speech)),
        described=graph.described(shown, speech),
        strips=(
            strip.draw(shown, speech, days, room=strip.WIDE),
            strip.draw(shown, speech, days, room=strip.NARROW),
        ),
        days=days,
        milestones=milestones.by_day(shown, speech, days),
        parts=parts,
        rolls=deadlines.rolls(parts),
        grids=grid.tables(boxes, speech),
        boxes=boxes,
        letters=mails.letters(boxes),
        specimens=mails.specimens(boxes),
    )


def css_string(words: str) -> Markup:
    """Write words as a CSS string; every sign that could end it or the sheet is escaped."""
    kept = "".join(
        sign if sign.isalnum() or sign in " .,:/-" else f"\\{ord(sign):06x} " for sign in words
    )
    return Markup(f'"{kept}"')  # noqa: S704 (nothing but letters, digits and escapes)


def unbroken(words: str) -> Markup:
    """Keep 2011-2020 and 37/KH-UBND in one line; browsers break after a hyphen."""
    parts: list[str] = []
    end = 0
    for found in _HYPHENED.finditer(words):
        parts.append(escape(words[end : found.start()]))
        parts.append(Markup('<span class="nb">{}</span>').format(found[0]))
        end = found.end()
    return Markup("").join([*parts, escape(words[end:])])


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("services", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"css_string": css_string, "unbroken": unbroken}
    return environment.get_template("preview.html.j2")
