"""Drafting: `dondoc new`, which writes a plan to start from."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cli.console import Language, language, out


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Ví dụ: dondoc new --number 37/KH-UBND --title 'Tổng kết cải cách hành chính'"
        "    |    dondoc new --register danh-ba.yaml"
    )(new)


def new(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Tệp sẽ tạo; mặc định đặt theo số văn bản."),
    ] = None,
    number: Annotated[str, typer.Option(help="Số, ký hiệu văn bản, ví dụ 37/KH-UBND.")] = "",
    title: Annotated[str, typer.Option(help="Trích yếu nội dung văn bản.")] = "",
    issued: Annotated[
        str | None, typer.Option(help="Ngày ban hành, ví dụ 06/4/2020; mặc định hôm nay.")
    ] = None,
    agencies: Annotated[
        Path | None,
        typer.Option(help="Danh bạ sẵn có; mặc định danh bạ ở cạnh tệp, chưa có thì tạo."),
    ] = None,
    register: Annotated[bool, typer.Option("--register", help="Chỉ tạo danh bạ.")] = False,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
) -> None:
    """Tạo kế hoạch mẫu có lời giải thích – write a commented plan to start from.

    It has no fault as it stands. Nothing that is there is overwritten.
    """
    from cli.reading import read_register
    from services import drafting

    spoken, day = language(lang), _day(issued)
    if register:
        target = drafting.register_file(file, spoken)
        made = drafting.draft_register(target, spoken, as_of=day)
        _say(spoken, "written", files=[str(one) for one in made.files])
        _say(spoken, "next-register")
        return
    target = drafting.plan_file(file, number, spoken)
    there = agencies or drafting.register_beside(target, spoken)
    known = read_register(there, spoken) if agencies or there.exists() else None
    made = drafting.draft_plan(
        target,
        spoken,
        number=number,
        title=title,
        issued=day,
        agencies=there,
        register=known,
    )
    _say(spoken, "written", files=[str(one) for one in made.files])
    if known is not None:
        _say(spoken, "used", file=str(there))
    for step in ("next", "next-edit", "next-check", "next-preview"):
        _say(spoken, step, file=str(target), agencies=str(there))


def _day(written: str | None) -> date:
    """Return the day that is written, or today; wrong usage (exit 2) if it is none."""
    if written is None:
        from zoneinfo import ZoneInfo

        from flows.moment import now
        from services.settings import Settings

        settings = Settings()
        return now(settings).astimezone(ZoneInfo(settings.time_zone)).date()
    from plan_definitions import parse_date

    found = parse_date(written)
    if found is None:
        raise typer.BadParameter(f"{written!r}: 2020-04-06, 06/4/2020")
    return found


def _say(spoken: str, key: str, **values: object) -> None:
    from language.catalogue import text

    out.print(text(spoken, f"new.{key}", **values), soft_wrap=True)
