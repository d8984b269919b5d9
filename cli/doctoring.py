"""Doctoring: `doctor`, which says point by point whether all is good to go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Format, Language, language, out, print_json

if TYPE_CHECKING:
    from services.checkup import Finding

SIGNS = {"good": ("✓", "green"), "care": ("!", "yellow"), "bad": ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    format: Annotated[Format, typer.Option(help="Cách in.")] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ.")] = None,
) -> None:
    """Kiểm tra từng điểm xem mọi thứ đã sẵn sàng – are we good to go? Exit 1 on a ✗."""
    from flows import doctor as checking
    from services.checkup import Grade
    from services.settings import Settings

    speaks = language(lang)
    found: list[Finding] = []
    for one in checking.look(Settings()):
        found.append(one)
        if format is Format.TEXT:
            _show(one, speaks)
    is_good = all(one.grade is not Grade.BAD for one in found)
    if format is Format.JSON:
        print_json({"ok": is_good, "points": [_as_json(one, speaks) for one in found]})
    else:
        _sum_up(found, speaks)
    sys.exit(0 if is_good else 1)


def _show(one: Finding, speaks: str) -> None:
    from language.catalogue import text

    sign, style = SIGNS[one.grade.value]
    title = text(speaks, f"doctor.{one.point}.title")
    out.print(f"{sign} ", style=style, end="")
    out.print(f"{title}: {one.say(speaks)}", soft_wrap=True)
    if way_out := one.help(speaks):
        out.print(f"    → {way_out}", soft_wrap=True)


def _sum_up(found: list[Finding], speaks: str) -> None:
    from language.catalogue import text

    counted = {grade: sum(one.grade.value == grade for one in found) for grade in SIGNS}
    what = "bad" if counted["bad"] else "care" if counted["care"] else "good"
    out.print()
    key = f"doctor.summary.{what}"
    out.print(text(speaks, key, count=counted[what]), style=SIGNS[what][1], soft_wrap=True)


def _as_json(one: Finding, speaks: str) -> dict[str, str]:
    return {
        "point": one.point,
        "grade": one.grade.value,
        "found": one.said,
        "said": one.say(speaks),
        "help": one.help(speaks),
    }
