"""Briefing: `dondoc brief` sends the coordinator a brief now, or shows what it would say."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from cli.console import out

RunName = Annotated[str | None, typer.Argument(help="Đợt thực hiện; bỏ trống nếu chỉ có một.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Ví dụ: dondoc brief    |    dondoc brief kh37-2020 --show")(brief)


def brief(
    run: RunName = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Người yêu cầu; mặc định người đang dùng máy.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Chỉ xem nội dung lúc này, không gửi; không cần máy chủ.")
    ] = False,
) -> None:
    """Gửi báo cáo tình hình cho cơ quan theo dõi – send the coordinator a brief now."""
    if show:
        _show(run)
        return
    from flows.client import run_flow

    said = run_flow("brief", "daily_brief", by=by or getpass.getuser(), run=run)
    out.print(said, soft_wrap=True)


def _show(run: str | None) -> None:
    from flows import moment
    from notifiers.rendering import render
    from services import briefing, runs, wiring

    with wiring.opened() as parts:
        run = runs.find(parts, run)
        rendered = render(briefing.preview(parts, run, moment.now(parts.settings)))
    out.print(rendered.subject, style="bold", soft_wrap=True)
    out.print()
    out.print(rendered.text, soft_wrap=True)
