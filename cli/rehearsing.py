"""Rehearsing: `dondoc rehearse` on a terminal: progress, then the board and where things lie."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli import tables
from cli.console import Format, err, language, out, print_json
from cli.reading import read_plan, read_scenario
from flows import rehearsal
from flows.rehearsal import Rehearsed
from language.catalogue import text
from services.views import board

INTERRUPTED = 130  # what a shell calls a program that Ctrl-C ended


def main(
    plan_file: Path,
    scenario_file: Path,
    *,
    mailbox: Path | None,
    out_folder: Path,
    format: Format,
) -> int:
    """Rehearse, print, and return the exit code."""
    spoken = language()
    plan = read_plan(plan_file, spoken)
    scenario = read_scenario(scenario_file, plan, spoken)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[when]}"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=err, transient=True) as bar:
            shown = bar.add_task("", total=1.0, when="")

            def report(progress: rehearsal.Progress) -> None:
                when = "" if progress.now is None else f"{progress.now:%d/%m/%Y %H:%M}"
                if progress.messages:
                    count = tables.screen("count-messages", spoken, count=progress.messages)
                    when += f" · {count}"
                step = text(spoken, progress.step)
                bar.update(shown, description=step, completed=progress.share, when=when)
                if not err.is_terminal and progress.now is None:
                    err.print(step)

            rehearsed = rehearsal.rehearse(
                plan_file, plan, scenario, out=out_folder, mailbox=mailbox, report=report
            )
    except KeyboardInterrupt:
        err.print(text(spoken, "rehearse.interrupted"))
        return INTERRUPTED
    if format is Format.JSON:
        print_json(board.summary(rehearsed.outcome.board))
    else:
        _print(rehearsed, spoken)
    return 0


def _print(rehearsed: Rehearsed, spoken: str) -> None:
    seen = rehearsed.outcome.board
    out.print(Text(f"{seen.plan.number}  {seen.plan.title}", style="bold"))
    tables.print_tallies(seen, spoken)
    tables.print_escalations(seen, spoken)
    tables.print_stages(seen.stages, seen.plan, spoken)
    count = len(rehearsed.outcome.messages)
    folder, mailbox = rehearsed.folder, rehearsed.mailbox
    for key, values in (
        ("where-mail", {"folder": mailbox, "count": count}),
        ("where-read", {"example": f"DONDOC_HOME={folder / 'home'} dondoc outbox show {count}"}),
        ("where-json", {"folder": folder}),
        ("where-ui", {"home": folder / "home"}),
    ):
        out.print(text(spoken, f"rehearse.{key}", **values), soft_wrap=True)
