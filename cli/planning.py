"""Planning: `check` and `preview`, for those who write plans. Nothing is stored or sent."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.console import Format, Language, is_colourful, language, out, print_json

PlanFile = Annotated[Path, typer.Argument(help="Tệp kế hoạch (YAML) – the plan file.")]


class PreviewFormat(StrEnum):
    """What `preview` prints."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    ICS = "ics"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Ví dụ: dondoc check plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml")(
        check
    )
    app.command(
        epilog="Ví dụ: dondoc preview PLAN.yaml --scenario scenarios/plausible.yaml --format json"
    )(preview)


def check(
    plans: Annotated[list[Path], typer.Argument(metavar="PLAN...", help="Các tệp kế hoạch.")],
    format: Annotated[Format, typer.Option(help="Cách in.")] = Format.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
) -> None:
    """Soát lỗi tệp kế hoạch – report every fault of a plan at once, and advice.

    Exit code 1 if there is a fault; advice alone is 0.
    """
    from plan_definitions import Diagnostic, check_file, has_faults, render_text

    spoken = language(lang)
    found: list[Diagnostic] = []
    for plan in plans:  # plans that share a register share its faults
        found += [one for one in check_file(plan) if one not in found]
    if format is Format.JSON:
        print_json({"diagnostics": [diagnostic.to_json(spoken) for diagnostic in found]})
    else:
        said = render_text(found, spoken, colour=is_colourful(out))
        out.print(Text.from_ansi(said), soft_wrap=True)
    if has_faults(found):
        raise typer.Exit(1)


def preview(
    plan: PlanFile,
    scenario: Annotated[
        Path | None, typer.Option(help="Kịch bản: ai nộp ngày nào; bỏ trống: không ai nộp.")
    ] = None,
    format: Annotated[PreviewFormat, typer.Option(help="Cách in.")] = PreviewFormat.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
    mails: Annotated[bool, typer.Option("--mails", help="In toàn văn mọi thư.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="CƠ-QUAN", help="Chỉ in toàn văn các thư gửi cơ quan này.")
    ] = None,
) -> None:
    """Xem trước mọi thời hạn và mọi thư – every deadline and every mail, with no side effect.

    Without a scenario it shows the worst case: nobody answers and no event comes.
    """
    from cli.reading import read_plan, read_scenario
    from services.views import previewing

    if format is not PreviewFormat.TEXT and (mails or to is not None):
        raise typer.BadParameter("--mails, --to: chỉ dùng với --format text – with text only.")
    spoken = language(lang)
    loaded = read_plan(plan, spoken)
    if to is not None and to not in loaded.agencies:
        from plan_definitions.register import nearest_agency
        from services.errors import Refused

        near = nearest_agency(to, loaded.agencies.values()) or ", ".join(list(loaded.agencies)[:5])
        raise Refused("refused.no-such-agency", agency=to, near=near)
    acted = None if scenario is None else read_scenario(scenario, loaded, spoken)
    shown = previewing.preview(loaded, acted)
    match format:
        case PreviewFormat.JSON:
            print_json(previewing.to_json(shown, spoken))
        case PreviewFormat.TEXT:
            from cli import sketch

            if to is None:
                sketch.print_preview(shown, spoken, whole=mails)
            else:
                sketch.print_mails_to(shown, spoken, to)
        case PreviewFormat.HTML:
            from services import pages

            typer.echo(pages.preview_page(shown, spoken))
        case PreviewFormat.ICS:
            from services.views import calendar_feed

            typer.echo(calendar_feed.preview_feed(shown, spoken), nl=False)
