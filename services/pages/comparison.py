"""Comparison: what an edit of a plan does, as one HTML document to read, print and pass on."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.comparing import Comparison
from services.comparing.account import SIGNS
from services.comparing.wording import account
from services.comparing.words import Words


def comparison_page(compared: Comparison, names: tuple[str, str], language: str) -> str:
    """Return one self-contained HTML document: no script, nothing fetched, light and dark.

    `names` are the two files as their reader calls them. No clock is read.
    """
    words = Words(compared, language)
    return _template().render(
        speech=words.new,
        say=words.say,
        plan=compared.new.plan,
        told=account(compared, language),
        names=names,
        signs=SIGNS,
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
    ).get_template("comparison.html.j2")
