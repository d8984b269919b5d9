"""Looking: `status`, `ledger` and `outbox`. They read the database and change nothing but
the queue, and need no server."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import Format, language, out, print_json, say

if TYPE_CHECKING:
    from services.wiring import Parts

RunName = Annotated[str | None, typer.Argument(help="Đợt thực hiện; bỏ trống nếu chỉ có một.")]
Printed = Annotated[Format, typer.Option("--format", help="Cách in.")]


class Action(StrEnum):
    """What to do with the outbox."""

    LIST = "list"
    SHOW = "show"
    RETRY = "retry"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Ví dụ: dondoc status    |    dondoc status kh37-2020 --format json")(status)
    app.command(epilog="Ví dụ: dondoc ledger kh37-2020 --as-of 2020-05-12T09:00+07:00")(ledger)
    app.command(epilog="Ví dụ: dondoc outbox    |    dondoc outbox show 12")(outbox)


def status(run: RunName = None, format: Printed = Format.TEXT) -> None:
    """Đang chờ gì, chờ ai, đến bao giờ – what a run is waiting for, on whom, until when."""
    from cli import tables
    from flows import moment
    from services import board, runs, wiring

    with wiring.opened() as parts:
        run = runs.find(parts, run)
        seen = board.read(parts, run, moment.now(parts.settings))
        if format is Format.JSON:
            print_json(board.summary(seen))
        else:
            tables.print_board(seen, language())


def ledger(
    run: RunName = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Sổ theo dõi như đã ghi đến lúc này (2020-05-12T09:00+07:00)."),
    ] = None,
    format: Printed = Format.TEXT,
) -> None:
    """Sổ theo dõi: việc gì, lúc nào, ai ghi, theo văn bản nào – everything that was recorded."""
    from cli import tables
    from services import reports, runs, wiring
    from storage import ledger as stored
    from storage import plans

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
            tables.print_ledger(entries, plan, language())


def outbox(
    action: Annotated[Action, typer.Argument(help="list, show hoặc retry.")] = Action.LIST,
    number: Annotated[
        int | None, typer.Argument(max=2**31, help="Số của thư, với show và retry.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Chỉ một đợt thực hiện.")] = None,
    format: Printed = Format.TEXT,
) -> None:
    """Hộp thư đi – the outbox: list it, show a mail as it would look, try one again."""
    from services import wiring

    if action is not Action.LIST and number is None:
        raise typer.BadParameter(f"{action.value}: số của thư? (dondoc outbox list)")
    with wiring.opened() as parts:
        match action:
            case Action.LIST:
                _list(parts, run, format)
            case Action.SHOW:
                assert number is not None
                _show(parts, number)
            case Action.RETRY:
                assert number is not None
                _retry(parts, number)


def _list(parts: Parts, run: str | None, format: Format) -> None:
    from cli import tables
    from services import reports

    found = reports.messages(parts, run)
    if format is Format.JSON:
        print_json(found)
    else:
        tables.print_outbox(found, language())


def _show(parts: Parts, number: int) -> None:
    from services import mailroom

    rendered = mailroom.rendered(parts, number)
    out.print(rendered.subject, style="bold", soft_wrap=True)
    out.print()
    out.print(rendered.text, soft_wrap=True)


def _retry(parts: Parts, number: int) -> None:
    from flows import moment
    from services import mailroom

    mailroom.retry(parts, number, moment.now(parts.settings))
    say("outbox.queued", number=number)


def _moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"{written!r}: 2020-05-12T09:00+07:00") from None
