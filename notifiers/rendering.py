"""Rendering: a mail as subject, text and HTML. Text and HTML say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from jinja2 import Environment, StrictUndefined, Template, select_autoescape

from notifiers.brief import Brief
from notifiers.digest import Digest
from notifiers.inlining import STYLE, InlinedTemplates, styles
from notifiers.words import subject as subjects
from notifiers.words.brief_wording import brief_page
from notifiers.words.page import BriefPage, Page
from notifiers.words.wording import page

_TONED = re.compile(r"\.((?:ink|edge|band|under)-\w+)")
Mail: TypeAlias = Digest | Brief


@dataclass(frozen=True, slots=True)
class Rendered:
    """A worded mail: one line of subject, plain text, and one HTML document."""

    subject: str
    text: str
    html: str


def render(mail: Mail) -> Rendered:
    """Word `mail`. Raises UnknownText where the catalogue lacks a sentence."""
    if isinstance(mail, Brief):
        return _rendered("brief", brief_page(mail))
    return _rendered("digest", page(mail))


def _rendered(layout: str, said: Page | BriefPage) -> Rendered:
    return Rendered(
        subject=said.subject,
        text=_template(f"{layout}.txt.j2").render(page=said).strip() + "\n",
        html=_template(f"{layout}.html.j2").render(page=said).strip() + "\n",
    )


def plain(digest: Digest) -> tuple[str, str]:
    """Return the subject and the plain text, without rendering the HTML."""
    said = page(digest)
    return said.subject, _template("digest.txt.j2").render(page=said).strip() + "\n"


def subject(digest: Digest) -> str:
    """Return only the subject, without rendering a body."""
    return subjects.subject(digest)


@cache
def _template(name: str) -> Template:
    """Compile a template once; compiling for each mail costs twenty times the rendering."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=InlinedTemplates(_source),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["tones"] = _tones()
    return made


def _source(name: str) -> str:
    file = files("notifiers") / "templates" / name
    if not file.is_file():
        raise KeyError(name)
    return file.read_text(encoding="utf-8")


def _tones() -> dict[str, str]:
    """Return the styles of the classes that a mail decides on itself, by their names."""
    css = _source(STYLE)
    return styles(css, sorted(set(_TONED.findall(css))))
