"""Addresses: `dondoc address` says what is known of mail addresses beside the registers.

Mail that comes back marks an address by itself; people say the rest: who is away, and
which address takes whose place. It reads and writes the database and needs no server.
"""

from __future__ import annotations

import getpass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.console import Format, language, out, print_json, say, table

if TYPE_CHECKING:
    from storage.addresses import Noted

Address = Annotated[str, typer.Argument(help="Địa chỉ thư điện tử.")]
By = Annotated[
    str | None, typer.Option("--by", help="Người ghi nhận; mặc định người đang dùng máy.")
]
Printed = Annotated[Format, typer.Option("--format", help="Cách in.")]

app = typer.Typer(
    help="Địa chỉ thư: bị trả lại, vắng mặt, thay thế – what is known of addresses.",
    no_args_is_help=True,
)


def register(main: typer.Typer) -> None:
    """Add the commands."""
    app.command("list", epilog="Ví dụ: dondoc address list")(list_all)
    app.command(epilog="Ví dụ: dondoc address show vanthu@sonoivu.example")(show)
    app.command(
        epilog="Ví dụ: dondoc address away an@so.example --from 04/5/2020 --until 15/5/2020"
        " --substitute binh@so.example"
    )(away)
    app.command("replace", epilog="Ví dụ: dondoc address replace cu@so.example moi@so.example")(
        take_place
    )
    app.command(epilog="Ví dụ: dondoc address restore an@so.example")(restore)
    main.add_typer(app, name="address")


def list_all(format: Printed = Format.TEXT) -> None:
    """Mọi địa chỉ đã ghi nhận điều gì – every address of which anything is noted."""
    from services import wiring
    from services.mail import addressing

    with wiring.opened() as parts:
        found = addressing.every(parts)
        zone = ZoneInfo(parts.settings.time_zone)
    if format is Format.JSON:
        print_json([_json(one, zone) for one in found])
    elif found:
        _print(found, zone)
    else:
        say("address.none")


def show(address: Address, format: Printed = Format.TEXT) -> None:
    """Đã ghi nhận gì về một địa chỉ – what is noted of an address."""
    from services import wiring
    from services.mail import addressing

    with wiring.opened() as parts:
        found = addressing.find(parts, address)
        replies = addressing.replies(parts, address)
        zone = ZoneInfo(parts.settings.time_zone)
    if format is Format.JSON:
        print_json(None if found is None else _json(found, zone))
    elif found is None:
        say("address.unknown", address=address)
    else:
        _print([found], zone)
    if format is Format.TEXT:
        for one in replies:
            say("address.reply", at=one.read_at.astimezone(zone), detail=one.detail)


def away(
    address: Address,
    first: Annotated[str, typer.Option("--from", help="Ngày đầu vắng mặt (04/5/2020).")],
    last: Annotated[str, typer.Option("--until", help="Ngày cuối vắng mặt (15/5/2020).")],
    substitute: Annotated[
        str, typer.Option("--substitute", help="Địa chỉ nhận thay trong thời gian đó.")
    ] = "",
    by: By = None,
) -> None:
    """Ghi người đọc một địa chỉ vắng mặt, ai nhận thư thay – note an absence."""
    from flows import moment
    from services import wiring
    from services.mail import addressing

    with wiring.opened() as parts:
        noted = addressing.away(
            parts,
            address,
            first=_day(first),
            last=_day(last),
            substitute=substitute,
            now=moment.now(parts.settings),
            by=_who(by),
        )
    values = {"address": noted.address, "first": noted.absent_from, "last": noted.absent_until}
    if noted.substitute:
        say("address.is-away-substitute", substitute=noted.substitute, **values)
    else:
        say("address.is-away", **values)


def take_place(
    old: Annotated[str, typer.Argument(help="Địa chỉ cũ.")],
    new: Annotated[str, typer.Argument(help="Địa chỉ mới.")],
    by: By = None,
) -> None:
    """Thay một địa chỉ bằng địa chỉ khác – let another address take its place."""
    from flows import moment
    from services import wiring
    from services.mail import addressing

    with wiring.opened() as parts:
        now = moment.now(parts.settings)
        noted = addressing.take_place(parts, old, new, now=now, by=_who(by))
    say("address.is-replaced", old=noted.address, new=noted.replaced_by)


def restore(address: Address, by: By = None) -> None:
    """Khôi phục một địa chỉ như trong danh bạ – an address is good again."""
    from flows import moment
    from services import wiring
    from services.mail import addressing

    with wiring.opened() as parts:
        now = moment.now(parts.settings)
        noted = addressing.restore(parts, address, now=now, by=_who(by))
    say("address.is-restored", address=noted.address)


def _print(found: list[Noted], zone: ZoneInfo) -> None:
    from language.catalogue import text

    spoken = language()
    heads = (text(spoken, f"address.heads-{head}") for head in ("address", "state", "noted"))
    made = table(*heads)
    for one in found:
        noted = text(spoken, "address.noted", day=_local(one.noted_at, zone), by=one.noted_by)
        made.add_row(one.address, _state(one, spoken, zone), noted)
    out.print(made)


def _state(one: Noted, spoken: str, zone: ZoneInfo) -> str:
    from language.catalogue import text

    said = []
    if one.bounced_at is not None:
        day = _local(one.bounced_at, zone)
        said.append(text(spoken, "address.bounced", day=day, why=one.why))
    if one.replaced_by:
        said.append(text(spoken, "address.replaced", address=one.replaced_by))
    if one.away is not None:
        said.append(text(spoken, "address.away", first=one.away.first, last=one.away.last))
    if one.substitute:
        said.append(text(spoken, "address.substitute", address=one.substitute))
    return "; ".join(said) or text(spoken, "address.good")


def _json(one: Noted, zone: ZoneInfo) -> dict[str, Any]:
    def moment(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).isoformat()

    return {
        "address": one.address,
        "bounced_at": moment(one.bounced_at),
        "why": one.why,
        "absent_from": one.absent_from and one.absent_from.isoformat(),
        "absent_until": one.absent_until and one.absent_until.isoformat(),
        "substitute": one.substitute,
        "replaced_by": one.replaced_by,
        "noted_at": moment(one.noted_at),
        "noted_by": one.noted_by,
    }


def _local(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _day(written: str) -> date:
    from plan_definitions import parse_date

    found = parse_date(written)
    if found is None:
        raise typer.BadParameter(f"“{written}” – ghi như, write as: 2020-05-08, 08/5/2020")
    return found
