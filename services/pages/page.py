"""Page: a preview as one HTML document, for coordinators to read, print and pass on."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.pages import deadlines, graph, mails, strip
from services.pages.speech import Speech
from services.previewing import Preview

WIDE, NARROW = 960.0, 360.0
WIDE_WEEKS, NARROW_WEEKS = 13, 4


def preview_page(shown: Preview, language: str) -> str:
    """Return one self-contained HTML document: no script, nothing fetched, light and dark.

    The same preview gives the same page; no clock is read.
    """
    speech = Speech(shown.plan, language)
    days = strip.days_of(shown, speech)
    return _template().render(
        speech=speech,
        say=speech.say,
        plan=shown.plan,
        shown=shown,
        tally=mails.tally(shown.rehearsal.issued, speech),
        graphs=(graph.wide(shown, speech), graph.upright(shown, speech)),
        strips=(
            strip.draw(shown, speech, days, room=WIDE, most=WIDE_WEEKS),
            strip.draw(shown, speech, days, room=NARROW, most=NARROW_WEEKS),
        ),
        days=days,
        parts=deadlines.parts(shown, speech),
        boxes=mails.boxes(shown, speech),
    )


@cache
def _template() -> Template:
    return Environment(
        loader=PackageLoader("services", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("preview.html.j2")
