"""Comparing: `diff`, for those who edit plans. Nothing is stored or sent."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.console import Language, err, is_colourful, language, print_json

if TYPE_CHECKING:
    from engine.plan import Plan
    from engine.rehearsal import Scenario
    from plan_definitions import Bundle
    from services.comparing import Comparison


class DiffFormat(StrEnum):
    """What `diff` prints."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Ví dụ: dondoc diff CU.yaml MOI.yaml    |    --format html > so-sanh.html")(
        diff
    )


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Tệp kế hoạch, bản cũ.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Tệp kế hoạch, bản mới.")],
    scenario: Annotated[
        Path | None, typer.Option(help="Kịch bản: ai nộp ngày nào; bỏ trống: không ai nộp.")
    ] = None,
    format: Annotated[DiffFormat, typer.Option(help="Cách in.")] = DiffFormat.TEXT,
    lang: Annotated[Language | None, typer.Option(help="Ngôn ngữ: vi hoặc en.")] = None,
) -> None:
    """So sánh hai bản kế hoạch: việc sửa kéo theo những gì – what an edit of a plan does.

    Deadlines that move, obligations and mails that come, go or change. Each file is read
    with its register and its calendar, so that an edit of those shows too.
    """
    spoken = language(lang)
    compared = _compared(old, new, scenario, spoken)
    names = _names(old, new)
    match format:
        case DiffFormat.JSON:
            from services.comparing.document import to_json

            print_json(to_json(compared, spoken))
        case DiffFormat.TEXT:
            from cli.accounts import print_account
            from services.comparing.wording import account

            print_account(account(compared, spoken), names, spoken)
        case DiffFormat.HTML:
            from services.pages.comparison import comparison_page

            typer.echo(comparison_page(compared, names, spoken))


def _compared(old: Path, new: Path, scenario: Path | None, language: str) -> Comparison:
    from services.comparing import compare
    from services.views.previewing import preview

    bundles, plans = _read((old, new), language)
    acted, left_out = _acted(scenario, plans, language)
    return compare(
        preview(plans[0], acted[0]),
        preview(plans[1], acted[1]),
        same_texts=_texts(bundles[0]) == _texts(bundles[1]),
        left_out=left_out,
    )


def _read(
    paths: tuple[Path, Path], language: str
) -> tuple[tuple[Bundle, Bundle], tuple[Plan, Plan]]:
    """Read both plans with their registers and calendars; end with 1 and every fault of both."""
    from plan_definitions import Bundle, Diagnostic, PlanFaults, load, render_text

    bundles = Bundle.read(paths[0]), Bundle.read(paths[1])
    plans: list[Plan] = []
    found: list[Diagnostic] = []
    for bundle in bundles:
        try:
            plans.append(load(bundle))
        except PlanFaults as faults:
            found += [one for one in faults.diagnostics if one not in found]
    if found:
        said = render_text(found, language, colour=is_colourful(err))
        err.print(Text.from_ansi(said), soft_wrap=True)
        raise typer.Exit(1)
    before, after = plans
    return bundles, (before, after)


def _acted(
    scenario: Path | None, plans: tuple[Plan, Plan], language: str
) -> tuple[tuple[Scenario | None, Scenario | None], int]:
    """Read the scenario for both plans; where it fits only one, the other has what fits it too.

    It fits neither: its faults are printed as they are for the old plan, which it was
    probably written for.
    """
    from cli.reading import read_scenario
    from plan_definitions import PlanFaults, load_scenario
    from services.comparing import carried

    if scenario is None:
        return (None, None), 0
    read: list[Scenario | None] = []
    for plan in plans:
        try:
            read.append(load_scenario(scenario, plan))
        except PlanFaults:
            read.append(None)
    before, after = read
    if before is None and after is None:
        before = read_scenario(scenario, plans[0], language)
    left_out = 0
    if after is None and before is not None:
        after, left_out = carried(before, plans[0], plans[1])
    elif before is None and after is not None:
        before, left_out = carried(after, plans[1], plans[0])
    return (before, after), left_out


def _texts(bundle: Bundle) -> dict[str, str]:
    """Return the texts of a bundle by name, the plan's own name left out."""
    return {"" if name == bundle.main else name: text for name, text in bundle.texts.items()}


def _names(old: Path, new: Path) -> tuple[str, str]:
    """Call the files by their names, and where these are equal by where they differ."""
    if old.name != new.name:
        return old.name, new.name
    if old.absolute() == new.absolute():
        return str(old), str(new)
    common = os.path.commonpath([old.absolute(), new.absolute()])
    return os.path.relpath(old, common), os.path.relpath(new, common)
