"""Looking: `status` and `ledger`. They read the database, change nothing, and need no server."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.console import Format, Language, language, print_json

RunName = Annotated[str | None, typer.Argument(help="Đợt thực hiện; bỏ trống nếu chỉ có một.")]
Printed = Annotated[Format, typer.Option("--format", help="Cách in.")]
Spoken = Annotated[Language | None, typer.Option("--lang", help="Ngôn ngữ.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Ví dụ: dondoc status    |    dondoc status kh37-2020 --format json")(status)
    app.command(epilog="Ví dụ: dondoc ledger kh37-2020 --as-of 2020-05-12T09:00+07:00")(ledger)


def status(run: RunName = None, format: Printed = Format.TEXT, lang: Spoken = None) -> None:
    """Đang chờ gì, chờ ai, đến bao giờ – what a run is waiting for, on whom, until when.

    Có nhiều đợt đang thực hiện mà không ghi rõ đợt nào: mỗi đợt một dòng, đợt quá hạn nhiều
    nhất đứng đầu – without a run where several are active: one line for each, the worst first.
    """
    from cli import tables
    from flows import moment
    from services import runs, wiring
    from services.views import board, overview

    speaks = language(lang)
    with wiring.opened() as parts:
        now = moment.now(parts.settings)
        if run is None and overview.has_several(parts):
            if format is Format.JSON:
                print_json(overview.as_json(overview.read(parts, now, limit=None)))
            else:
                several = overview.read(parts, now, limit=overview.MOST_ROWS)
                tables.print_overview(several, speaks)
            return
        run = runs.find(parts, run)
        seen = board.read(parts, run, now)
        if format is Format.JSON:
            print_json(board.summary(seen))
        else:
            tables.print_board(seen, speaks)


def ledger(
    run: RunName = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Sổ theo dõi như đã ghi đến lúc này (2020-05-12T09:00+07:00)."),
    ] = None,
    format: Printed = Format.TEXT,
    lang: Spoken = None,
) -> None:
    """Sổ theo dõi: việc gì, lúc nào, ai ghi, theo văn bản nào – everything that was recorded."""
    from cli import tables
    from services import runs, wiring
    from services.views import reports
    from storage import ledger as stored
    from storage import plans

    speaks = language(lang)
    with wiring.opened() as parts:
        run = runs.find(parts, run)
        with parts.database.reading() as connection:
            found = plans.find_run(connection, run)
            assert found is not None
            plan = parts.plan(found.plan_version)
            until = None if as_of is None else _moment(as_of)
            if until is not None and until.tzinfo is None:
                until = until.replace(tzinfo=plan.zone)
            entries = stored.entries(connection, run, as_of=until)
        if format is Format.JSON:
            print_json([reports.entry_json(entry, plan.zone) for entry in entries])
        else:
            tables.print_ledger(entries, plan, speaks)


def _moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written!r}: 2020-05-12T09:00+07:00") from None
