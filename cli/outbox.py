"""Outbox: `dondoc outbox`: list the mail that goes out, show one, try again, take back."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from cli.console import Format, err, language, print_json, say
from storage.outbox import Status

if TYPE_CHECKING:
    from services.errors import Refused

MOST = 50  # mails that a screen lists

app = typer.Typer(invoke_without_command=True)

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="[SỐ...]", max=2**31, help="Số của các thư.")
]
Statuses = Annotated[
    list[Status] | None,
    typer.Option("--status", help="Chỉ thư ở trạng thái này; ghi nhiều lần được."),
]
RunName = Annotated[str | None, typer.Option("--run", help="Chỉ một đợt thực hiện.")]
AgencyName = Annotated[
    str | None, typer.Option("--agency", metavar="CƠ-QUAN", help="Chỉ thư gửi cơ quan này.")
]
AddressName = Annotated[
    str | None,
    typer.Option("--address", metavar="ĐỊA-CHỈ", help="Chỉ thư đã thử gửi tới địa chỉ này."),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="NGÀY",
        help="Chỉ thư từ ngày (12/5/2020) hoặc từ lúc (2020-05-12T09:00) này trở đi.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="SỐ-THƯ",
        help="Nhiều nhất mấy thư, thư cần xử lý trước, rồi thư mới nhất."
        " Mặc định 50; với --format json: tất cả, theo giờ gửi.",
    ),
]
Printed = Annotated[Format, typer.Option("--format", help="Cách in.")]


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(
        app,
        name="outbox",
        help="Hộp thư đi – the outbox: list it, show a mail, try again, take back.",
        epilog="Ví dụ: dondoc outbox    |    dondoc outbox list --status undeliverable"
        "    |    dondoc outbox show 12    |    dondoc outbox retry 12 13",
    )


@app.callback()
def outbox(
    context: typer.Context,
    run: RunName = None,
    status: Statuses = None,
    agency: AgencyName = None,
    address: AddressName = None,
    since: Since = None,
    limit: Limit = None,
    format: Printed = Format.TEXT,
) -> None:
    """List the outbox where no other command is given."""
    if context.invoked_subcommand is None:
        listed(run, status, agency, address, since, limit, format)


@app.command("list", epilog="Ví dụ: dondoc outbox list --status later --status uncertain")
def listed(
    run: RunName = None,
    status: Statuses = None,
    agency: AgencyName = None,
    address: AddressName = None,
    since: Since = None,
    limit: Limit = None,
    format: Printed = Format.TEXT,
) -> None:
    """Liệt kê thư: gửi ai, tới đâu, thử mấy lần – each mail, its addresses, what became of it."""
    from services import naming, runs, wiring
    from services.mail import outgoing
    from storage.outbox import Sought

    with wiring.opened() as parts:
        if run is not None:
            runs.find(parts, run)  # a mistyped one is no run without mail
        if agency is not None:
            agency = naming.addressee_of(parts, run, agency)
        from_then = None if since is None else _moment(since, parts.settings.time_zone)
        sought = Sought(run, tuple(status or ()), agency, from_then, address)
        if format is Format.JSON and limit is None:
            print_json([outgoing.to_json(one) for one in outgoing.listed(parts, sought)])
            return
        shown = outgoing.gravest(parts, sought, limit=limit or MOST)
    if format is Format.JSON:
        print_json([outgoing.to_json(one) for one in shown.found])
    else:
        from cli import outbox_tables

        outbox_tables.print_list(shown, language())


@app.command(epilog="Ví dụ: dondoc outbox show 12")
def show(
    number: Annotated[int, typer.Argument(metavar="SỐ", max=2**31, help="Số của thư.")],
    format: Printed = Format.TEXT,
) -> None:
    """Xem một thư như đã gửi hoặc sẽ gửi – a mail as it looked or would look, and its story."""
    from services import wiring
    from services.mail import outgoing

    with wiring.opened() as parts:
        found = outgoing.one(parts, number)
        proof, remark = outgoing.proof(parts, number)
    if format is Format.JSON:
        shown = {"attempts": outgoing.attempts_json(found), "back": outgoing.back_json(found)}
        body = {"headers": dict(proof.headers), "text": proof.text} if proof else {}
        print_json({**outgoing.to_json(found), **shown, "instead": found.instead, **body})
    else:
        from cli import outbox_tables

        outbox_tables.print_one(found, proof, remark, language())


@app.command(epilog="Ví dụ: dondoc outbox retry 12 13    |    dondoc outbox retry --status expired")
def retry(numbers: Numbers = None, status: Statuses = None, run: RunName = None) -> None:
    """Gửi lại thư không gửi được hoặc đang hoãn – try again what was given up or put off."""
    from flows import moment
    from services import wiring
    from services.mail import outgoing

    if not numbers and not status:
        raise typer.BadParameter("số của các thư, hoặc --status – which mails?")
    with wiring.opened() as parts:
        now = moment.now(parts.settings)
        done, refused = outgoing.retry_all(parts, numbers or (), status or (), now, run=run)
    _tell("outbox.queued", done, refused)


@app.command(epilog="Ví dụ: dondoc outbox cancel 12 --why 'Đã gửi công văn giấy'")
def cancel(
    numbers: Annotated[list[int], typer.Argument(metavar="SỐ...", max=2**31, help="Số của thư.")],
    why: Annotated[str, typer.Option("--why", metavar="LÝ-DO", help="Vì sao; được ghi vào sổ.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Người quyết định; mặc định người đang dùng máy.")
    ] = None,
) -> None:
    """Rút lại thư chưa gửi – take back mail that has not gone out; the ledger says who and why."""
    from flows import moment
    from services import wiring
    from services.errors import Refused
    from services.mail import outgoing

    if not why.strip():
        raise Refused("refused.empty-why")
    with wiring.opened() as parts:
        done, refused = outgoing.cancel_all(
            parts,
            numbers,
            by=by or getpass.getuser(),
            why=why.strip(),
            now=moment.now(parts.settings),
        )
    _tell("outbox.taken-back", done, refused)


def _tell(key: str, done: Sequence[int], refused: Sequence[Refused]) -> None:
    """Say what was done, and what was not; end with 1 where anything was not."""
    for number in done:
        say(key, number=number)
    for error in refused:
        err.print(error.say(language()), style="bold red", soft_wrap=True)
    if not done and not refused:
        say("outbox.none-such")
    if refused:
        sys.exit(1)


def _moment(written: str, zone: str) -> datetime:
    from plan_definitions import parse_date

    if (day := parse_date(written)) is not None:
        return datetime.combine(day, time(), ZoneInfo(zone))
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        wanted = "12/5/2020, 2020-05-12, 2020-05-12T09:00+07:00"
        raise typer.BadParameter(f"“{written}” – ghi như, write as: {wanted}") from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
