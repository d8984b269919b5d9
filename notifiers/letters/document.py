"""Document: a letter in words → a file of Word, in the form of Decree 30/2020/NĐ-CP."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from typing import Any

from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from notifiers.letters.letter import Letter
from notifiers.letters.measures import FILE, ISSUER, ISSUER_RULE
from notifiers.letters.packing import packed

_LONGEST_PROPERTY = 255  # characters, ECMA-376 part 2
_BLANK = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029 ]+")
_DROPPED = ("Cc", "Cs", "Cn", "Co")
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they reorder what is read
_SIZE = 13  # points, of the issuer's name
_CAPITAL, _SPACE = 0.70, 0.25  # how wide a bold letter of Times is, in its size
_SHARE = 0.42  # of the issuer's name: the rule below it is a third to a half as long (II.2)


def document(letter: Letter, when: datetime) -> bytes:
    """Return `letter` as the bytes of a DOCX, dated `when`; the same letter, the same bytes."""
    template = DocxTemplate(BytesIO(_form()))
    template.render({"letter": letter}, _environment())
    _rule(template.docx, letter.heading.issuer)
    properties = template.docx.core_properties
    properties.title = clean(letter.about)[:_LONGEST_PROPERTY]
    properties.created = properties.modified = when.astimezone(UTC).replace(tzinfo=None)
    written = BytesIO()
    template.save(written)
    return packed(written.getvalue(), when)


def clean(words: str) -> str:
    """Return `words` on one line, without what XML 1.0 has no sign for or what hides itself."""
    seen = "".join(
        sign
        for sign in _BLANK.sub(" ", words)
        if sign not in _TURNS and unicodedata.category(sign) not in _DROPPED
    )
    return _BLANK.sub(" ", seen).strip(" ")


@cache
def _form() -> bytes:
    return FILE.read_bytes()


@cache
def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, finalize=_said)


def _said(value: Any) -> Any:
    """Let a value be text and nothing else: docxtpl turns `{_{` in what it filled in to `{{`."""
    if not isinstance(value, str):
        return value
    written = str(escape(clean(value))).replace("{", "&#123;").replace("}", "&#125;")
    return Markup(written)  # noqa: S704 escaped in the line above


def _rule(docx: Any, issuer: str) -> None:
    """Draw the rule below the issuer's name to its measure; its longest line counts."""
    widest = min(_width(issuer), ISSUER)
    side = str(round(Mm((ISSUER - _SHARE * widest) / 2).twips))
    table = docx.tables[0]
    for paragraph in table.cell(0, 0).paragraphs:
        if paragraph.style.name == ISSUER_RULE:
            indent = paragraph._p.get_or_add_pPr().get_or_add_ind()
            indent.set(qn("w:left"), side)
            indent.set(qn("w:right"), side)


def _width(words: str) -> float:
    """Return about how long a line of bold capitals is, in millimetres."""
    ems = sum(_SPACE if sign == " " else _CAPITAL for sign in words)
    return ems * _SIZE * 25.4 / 72
