"""Mail trial: `mail test`, which proves a server's settings."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Format, Language, language, out, print_json

if TYPE_CHECKING:
    from services.mail.trial import Step

SIGNS = {"good": ("✓", "green"), "care": ("!", "yellow"), "bad": ("✗", "bold red")}


def prove(
    address: Annotated[str, typer.Argument(metavar="ĐỊA-CHỈ", help="Nơi nhận thư thử.")],
    format: Annotated[Format, typer.Option(help="Cách in.")] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ.")] = None,
) -> None:
    """Thử thiết lập gửi thư: kết nối, mã hoá, đăng nhập, gửi một thư – prove the mail settings.

    Exit 0 once the server has taken the mail, 1 where an address is unusable, 3 where the
    server does not take it.
    """
    from services.mail.trial import Fault

    speaks = language(lang)
    found = asyncio.run(_steps(address, speaks, is_shown=format is Format.TEXT))
    faults = {step.fault for step in found}
    if format is Format.JSON:
        steps = [_as_json(step, speaks) for step in found]
        print_json({"ok": faults == {None}, "steps": steps})
    sys.exit(1 if Fault.OURS in faults else 3 if Fault.THEIRS in faults else 0)


async def _steps(address: str, speaks: str, *, is_shown: bool) -> list[Step]:
    from flows import moment
    from services.mail import trial as mail_trial
    from services.settings import Settings

    found = []
    async for step in mail_trial.prove(Settings(), address, moment.wall()):
        found.append(step)
        if is_shown:
            _show(step, speaks)
    return found


def _show(step: Step, speaks: str) -> None:
    sign, style = SIGNS[_grade(step)]
    out.print(f"{sign} ", style=style, end="")
    out.print(step.say(speaks), soft_wrap=True)
    if way_out := step.help(speaks):
        out.print(f"    → {way_out}", soft_wrap=True)


def _grade(step: Step) -> str:
    return "bad" if step.fault else "care" if step.is_care else "good"


def _as_json(step: Step, speaks: str) -> dict[str, str]:
    return {
        "step": step.name,
        "grade": _grade(step),
        "found": step.said,
        "said": step.say(speaks),
        "help": step.help(speaks),
    }
