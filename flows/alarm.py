"""Alarm: a run that an operator notices, started by the automations in `prefect.yaml`.

It ends red, under a name that says what is wrong, with one sentence on what to do. It is
of type FAILED by intent, under a name of its own, so that it sets off no alarm itself.
What comes from a trigger may be empty or odd: a template that fails would make no run.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect import flow, runtime
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import moment, office
from flows.results import HERE
from services import alarming
from services.alarming import Alarm
from services.mail import delivering
from services.wiring import Parts

NAMES = {
    alarming.CLOCK_SILENT: "Clock silent",
    alarming.FLOW_CRASHED: "Flow crashed",
    alarming.MAIL_UNDELIVERABLE: "Mail undeliverable",
    alarming.RUN_UNREADABLE: "Run unreadable",
}
CLOCK = "dondoc.clock."


def _name() -> str:
    """Name a run by what it is about: `alarm mail-undeliverable kh37-2020`."""
    given = runtime.flow_run.parameters
    about = str(given.get("name") or given.get("subject") or "").removeprefix(CLOCK)
    said = f"alarm {given.get('kind')} {about}"
    return re.sub(r"[^\x20-\x7e]+", "-", said).strip()[:120]


@flow(name="alarm", flow_run_name=_name, persist_result=False, result_storage=HERE)
async def alarm(
    kind: str, subject: str = "", name: str = "", detail: str = "", at: str = ""
) -> State[Any]:
    """Tell the operator that something is wrong, in red, and by mail where one is set.

    Args:
        kind: clock-silent, flow-crashed, mail-undeliverable, run-unreadable, or another
            program's word
        subject: what it is about: dondoc.clock.MACHINE, prefect.flow-run.ID, the plan run
            or how many of them
        name: the subject's name, if it has another
        detail: what is known of it; of mail the numbers of the messages, of runs their names
        at: when it happened, as an ISO 8601 instant; by default now
    """
    parts = office.parts()
    now = moment.wall()
    async with get_client() as client:
        ui = str(client.api_url).rstrip("/").removesuffix("/api")
        raised = await _judge(parts, client, kind, subject, name, detail, _instant(at, now), ui)
    if raised.is_over:
        return Completed(name="Over", message=raised.said)
    page = f"{ui}/v2/runs/flow-run/{runtime.flow_run.id}"
    async with delivering.way_out(parts) as way:
        told = await alarming.mail(parts, raised, way, page=page, now=now)
    message = f"{raised.said} {told}".strip()
    return Failed(name=NAMES.get(kind, "Alarm"), message=message)


async def _judge(
    parts: Parts,
    client: PrefectClient,
    kind: str,
    subject: str,
    name: str,
    detail: str,
    at: datetime,
    ui: str,
) -> Alarm:
    """Look again whether it holds, and put it into a sentence."""
    match kind:
        case alarming.CLOCK_SILENT:
            clock = subject.removeprefix(CLOCK)
            return alarming.clock_silent(parts, clock, at, moment.wall())
        case alarming.FLOW_CRASHED:
            number = subject.removeprefix("prefect.flow-run.")
            return alarming.flow_crashed(
                parts,
                await _flow_of(client, number) or name or number,
                name=name or number,
                detail=_first_line(detail),
                page=f"{ui}/v2/runs/flow-run/{number}",
                at=at,
            )
        case alarming.MAIL_UNDELIVERABLE:
            numbers = [int(one) for one in re.findall(r"\d+", detail)]
            return alarming.mail_undeliverable(parts, subject, numbers)
        case alarming.RUN_UNREADABLE:
            count = int(subject) if subject.isdecimal() else 0
            return alarming.run_unreadable(parts, detail.split(), count)
        case _:
            return alarming.other(parts, kind, subject, detail)


async def _flow_of(client: PrefectClient, number: str) -> str:
    """Return the name of the flow that a run is of; it may be gone."""
    with suppress(Exception):
        flow_run = await client.read_flow_run(UUID(number))
        return (await client.read_flow(flow_run.flow_id)).name
    return ""


def _instant(written: str, now: datetime) -> datetime:
    with suppress(ValueError):
        found = datetime.fromisoformat(written)
        return found if found.tzinfo else now
    return now


def _first_line(detail: str) -> str:
    lines = [line.strip() for line in detail.splitlines() if line.strip()]
    return lines[0][:300] if lines else "?"
