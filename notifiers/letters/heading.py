"""Heading: who issues a letter and where, by what the plan knows of its sender.

Decree 30/2020/NĐ-CP, Appendix I, part II, points 2 and 4: the issuing body is written in
full, the body that it stands under may be shortened; a people's committee stands under none.
"""

from __future__ import annotations

import re

from engine.plan import Agency, Plan
from language.catalogue import text
from notifiers.letters.letter import Heading

LANGUAGE = "vi"
_COMMITTEE = "Ủy ban nhân dân"
_SPELT = re.compile(r"^(?:UBND|[UỦ][yỷỶY] ban [Nn]hân dân)\b")
_UNIT = re.compile(
    r"\b((?i:tỉnh|thành phố|huyện|quận|thị xã|thị trấn|xã|phường|đặc khu)) ([^\W_a-z].*)$"
)
_IN_FULL = ("Hồ Chí Minh",)
"""Units named for a person or by a number are written with what they are: Quận 1."""


def heading(plan: Plan, agency: Agency, year: int) -> Heading:
    """Return the heading of a letter that `agency` issues in `year`."""
    issuer = _SPELT.sub(_COMMITTEE, agency.name)
    place = _place(plan, agency) or text(LANGUAGE, "letter.no-place")
    return Heading(
        above=_above(plan, agency),
        issuer=issuer.upper(),
        nation=text(LANGUAGE, "letter.nation"),
        motto=text(LANGUAGE, "letter.motto"),
        number=text(LANGUAGE, "letter.number"),
        place=text(LANGUAGE, "letter.place", place=place, year=year),
    )


def _above(plan: Plan, agency: Agency) -> str:
    """Return the body that the issuer stands under: its parent, or else the plan's superior."""
    above = agency.parent or plan.superior
    if above is None or _SPELT.match(agency.name):
        return ""
    return _SPELT.sub("UBND", plan.agencies[above].name).upper()


def _place(plan: Plan, issuer: Agency) -> str:
    """Return the unit that the issuer, or else the body above it, is named for; else nothing."""
    for agency in (issuer.id, issuer.parent, plan.superior):
        name = "" if agency is None else plan.agencies[agency].name
        for kind, unit in _UNIT.findall(name):
            whole = unit[0].isdigit() or unit in _IN_FULL
            return f"{kind[0].upper()}{kind[1:]} {unit}" if whole else unit
    return ""
