"""Bouncing: `dondoc bounces` reads the mailbox for mail that comes back, now.

The clock does the same every few minutes; this shows what there is. It needs no server: where
Prefect is there, it hears of what nobody got, for its alarms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import Format, print_json, say

if TYPE_CHECKING:
    from services.mail.returning import Reading, Taken
    from services.wiring import Parts


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Ví dụ: dondoc bounces    |    dondoc bounces --format json")(bounces)


def bounces(
    format: Annotated[Format, typer.Option("--format", help="Cách in.")] = Format.TEXT,
) -> None:
    """Đọc ngay hộp thư nhận thư bị trả lại – read the mailbox for mail that came back."""
    from flows import client, moment
    from services import wiring
    from services.errors import Refused
    from services.mail import returning

    with wiring.opened() as parts:
        if not returning.is_on(parts.settings):
            raise Refused("refused.no-inbox")
        reading = returning.read(parts, moment.now(parts.settings))
        if format is Format.JSON:
            print_json(
                {
                    "counts": {came.value: count for came, count in reading.counts.items()},
                    "taken": [_json(one) for one in reading.taken],
                }
            )
        else:
            _print(parts, reading)
        if reading.undeliverable:
            client.raise_alarm(parts.settings, reading.undeliverable)


def _print(parts: Parts, reading: Reading) -> None:
    from services.mail.returning import Came

    counts = reading.counts
    if not counts.total():
        say("bounces.none")
        return
    say(
        "bounces.found",
        bounced=counts[Came.BOUNCED],
        delayed=counts[Came.DELAYED],
        replies=counts[Came.AUTO_REPLY],
        letters=counts[Came.LETTER] + counts[Came.EARLY],
    )
    for one in reading.taken:
        if one.came in (Came.BOUNCED, Came.DELAYED, Came.AUTO_REPLY):
            values = {"name": _name(parts, one), "address": one.address, "detail": one.detail}
            say(f"bounces.{one.came.value}", **values)
        if one.sent_to:
            say("bounces.sent-to", addresses=", ".join(one.sent_to))
        if one.given_up is not None:
            say("bounces.nowhere", number=one.given_up.message)


def _name(parts: Parts, one: Taken) -> str:
    from services import briefing

    return briefing.plan_of(parts, one.run).agencies[one.recipient].name


def _json(one: Taken) -> dict[str, Any]:
    return {
        "what": one.came.value,
        "run": one.run,
        "message": one.message,
        "recipient": one.recipient,
        "address": one.address,
        "verdict": one.verdict and one.verdict.value,
        "status": one.status,
        "detail": one.detail,
        "sent_to": list(one.sent_to),
        "given_up": one.given_up and one.given_up.message,
    }
