"""Databases: `dondoc db`: bring the schema up, look the database over, make a backup."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Format, Language, err, language, out, print_json

if TYPE_CHECKING:
    from services.settings import Settings
    from services.upkeep import Finding
    from storage.database import Step

app = typer.Typer(no_args_is_help=True)

Printed = Annotated[Format, typer.Option("--format", help="Cách in.")]
Spoken = Annotated[Language | None, typer.Option("--lang", help="Ngôn ngữ.")]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(
        app,
        name="db",
        help="Cơ sở dữ liệu – the database: upgrade, check, backup.",
        epilog="Ví dụ: dondoc db check    |    dondoc db backup /backup/dondoc.dump"
        "    |    dondoc db upgrade --backup /backup/truoc-nang-cap.dump",
    )


@app.command(epilog="Ví dụ: dondoc db upgrade --backup /backup/truoc-nang-cap.dump")
def upgrade(
    backup_file: Annotated[
        Path | None, typer.Option("--backup", metavar="TỆP", help="Sao lưu vào tệp này trước.")
    ] = None,
    disconnect: Annotated[
        bool,
        typer.Option(
            "--disconnect", help="Ngắt kết nối của các tiến trình đang dùng cơ sở dữ liệu."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Không hỏi lại.")] = False,
    format: Printed = Format.TEXT,
    lang: Spoken = None,
) -> None:
    """Nâng cấp cơ sở dữ liệu lên phiên bản của phần mềm – bring the schema up to this version."""
    from language.catalogue import text
    from services import upkeep
    from services.settings import Settings

    speaks, settings = language(lang), Settings()
    found, wanted = upkeep.standing(settings)
    is_due = found != wanted
    if is_due and found is not None:
        upkeep.refuse_upgrade(settings, disconnect=disconnect)
        if backup_file is not None:
            _back_up(settings, backup_file, speaks, quiet=format is Format.JSON)
        else:
            err.print(text(speaks, "upkeep.upgrade.advice"), soft_wrap=True)
            if sys.stdin.isatty() and not yes:
                typer.confirm(text(speaks, "upkeep.upgrade.ask"), abort=True, err=True)
    with _steps(speaks) as (tell, waits):
        found, wanted = upkeep.upgrade(settings, disconnect=disconnect, tell=tell, waits=waits)
    if format is Format.JSON:
        print_json({"from": found, "to": wanted})
        return
    said = "new" if found is None else "same" if found == wanted else "done"
    key = f"upkeep.upgrade.{said}"
    out.print(text(speaks, key, found=found or "-", wanted=wanted or "-"), soft_wrap=True)


@app.command(epilog="Ví dụ: dondoc db check    |    dondoc db check --rebuild")
def check(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Ghi lại từ sổ theo dõi các dòng không khớp.")
    ] = False,
    of_all: Annotated[
        bool, typer.Option("--all", help="Cả các đợt thực hiện đã kết thúc.")
    ] = False,
    format: Printed = Format.TEXT,
    lang: Spoken = None,
) -> None:
    """Kiểm tra cơ sở dữ liệu – is it whole, ours, and what the ledger says? Exit 1 on a finding."""
    from flows import moment
    from services import upkeep
    from services.settings import Settings

    speaks, settings = language(lang), Settings()
    found: list[Finding] = []
    with _runs(speaks) as progress:
        for one in upkeep.check(
            settings,
            now=moment.now(settings),
            of_all=of_all,
            rebuild=rebuild,
            progress=progress,
        ):
            found.append(one)
            if format is Format.TEXT:
                _show(one, speaks)
    is_good = not any(one.is_fault for one in found)
    if format is Format.JSON:
        print_json({"ok": is_good, "points": [_as_json(one, speaks) for one in found]})
    sys.exit(0 if is_good else 1)


@app.command(epilog="Ví dụ: dondoc db backup /backup/dondoc.dump")
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[TỆP]", help="Tệp mới; mặc định trong DONDOC_HOME/backups."),
    ] = None,
    format: Printed = Format.TEXT,
    lang: Spoken = None,
) -> None:
    """Sao lưu ra một tệp mới, không phải dừng gì – a consistent copy while everything runs."""
    from services.settings import Settings

    made = _back_up(Settings(), file, language(lang), quiet=format is Format.JSON)
    if format is Format.JSON:
        print_json(made)


def _back_up(
    settings: Settings, file: Path | None, speaks: str, *, quiet: bool = False
) -> dict[str, object]:
    from flows import moment
    from language.catalogue import text
    from services import upkeep

    with err.status(text(speaks, "upkeep.backup.under-way")):
        made = upkeep.backup(settings, file, now=moment.wall().astimezone())
    if not quiet:
        values = {"file": str(made.file), "size": f"{made.size / 1024**2:.1f}"}
        out.print(text(speaks, "upkeep.backup.done", **values), soft_wrap=True)
        out.print(text(speaks, "upkeep.backup.restore"), soft_wrap=True)
    return {"file": str(made.file), "bytes": made.size, "of": made.of}


@contextmanager
def _steps(
    speaks: str,
) -> Iterator[tuple[Callable[[Step], None], Callable[[Sequence[str]], None]]]:
    """Show which step of the upgrade is under way, or who is waited for; else as lines."""
    from language.catalogue import text

    shown = ""
    with err.status("") as status:

        def show(said: str) -> None:
            nonlocal shown
            if said == shown:
                return
            shown = said
            status.update(said) if err.is_terminal else err.print(said, soft_wrap=True)

        def tell(step: Step) -> None:
            values = {"revision": step.revision, "number": step.number, "of": step.of}
            show(text(speaks, "upkeep.upgrade.step", **values))

        def waits(others: Sequence[str]) -> None:
            show(text(speaks, "upkeep.upgrade.waits", others=", ".join(others) or "?"))

        yield tell, waits


@contextmanager
def _runs(speaks: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many runs have been looked at, on a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from language.catalogue import text

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
    )
    said = text(speaks, "upkeep.projection.under-way")
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        shown = bar.add_task(said, total=1.0, visible=False)

        def progress(done: int, of: int) -> None:
            bar.update(shown, completed=done, total=of, visible=True)

        yield progress


def _show(one: Finding, speaks: str) -> None:
    sign, style = ("✗", "bold red") if one.is_fault else ("✓", "green")
    out.print(f"{sign} ", style=style, end="")
    out.print(one.say(speaks), soft_wrap=True)
    if way_out := one.help(speaks):
        out.print(f"    → {way_out}", soft_wrap=True)


def _as_json(one: Finding, speaks: str) -> dict[str, object]:
    return {
        "point": one.point,
        "ok": not one.is_fault,
        "found": one.said,
        "said": one.say(speaks),
        "help": one.help(speaks),
    }
