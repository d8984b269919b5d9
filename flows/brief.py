"""Brief: tell the coordinator now how the whole run stands, as an operator's form.

What is due goes out first, so that the brief tells of it; then one mail is queued and
delivered. Asked for twice within a minute, it is one mail.
"""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import events, moment, office
from flows.chase import BRIEFLY, chase
from flows.refusals import as_state
from flows.results import HERE
from language.catalogue import text
from services import briefing, chasing, naming
from services.briefing import Requested
from services.errors import Refused
from services.mail import delivering
from services.wiring import Parts
from storage import outbox
from storage.outbox import Status


def _name() -> str:
    """Name a run so that it sorts: `kh37-2020/brief 2020-05-11 08:00`."""
    parameters, parts = runtime.flow_run.parameters, office.parts()
    now = parameters.get("now") or moment.now(parts.settings)
    what = f"brief {now.astimezone(ZoneInfo(parts.settings.time_zone)):%Y-%m-%d %H:%M}"
    try:
        return f"{naming.find_run(parts, parameters.get('run'))}/{what}"
    except Refused:
        return what


@flow(name="daily-brief", flow_run_name=_name, persist_result=False, result_storage=HERE)
@as_state
async def daily_brief(
    by: str = "operator", run: str | None = None, now: datetime | None = None
) -> State[Any]:
    """Send the coordinator a brief of the run now: what is late, due, changed, and what is next.

    Args:
        by: who asks for it
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
    """
    parts = office.parts()
    given, now = now, now or moment.now(parts.settings)
    run = naming.find_run(parts, run)
    if chasing.is_anything_due(parts, now):
        await chase(now=given, show=run, seconds=BRIEFLY, return_state=True)
    asked = briefing.send(parts, run, now=now, by=by)
    async with delivering.way_out(parts) as way:
        delivered = await delivering.deliver(parts, way, now, only=[asked.message])
    await events.tell_all(events.undeliverable(delivered))
    return _told(parts, asked)


def _told(parts: Parts, asked: Requested) -> State[Any]:
    """Say what became of the mail; one that can't be delivered fails the run."""
    with parts.database.reading() as connection:
        message = outbox.find(connection, asked.message)
    assert message is not None
    plan = briefing.plan_of(parts, asked.run)

    def say(key: str, **values: Any) -> str:
        name, address = asked.recipient.name, asked.recipient.email
        return text(parts.settings.language, key, name=name, address=address, **values)

    match message.status:
        case Status.SENT:
            return Completed(
                name="Sent", message=say("brief.sent" if asked.is_new else "brief.once")
            )
        case Status.UNDELIVERABLE | Status.EXPIRED:
            said = say("brief.undeliverable", why=message.error, number=message.id)
            return Failed(name="Undeliverable", message=said)
        case Status.LATER | Status.UNCERTAIN:
            again = (message.next_try_at or message.send_at).astimezone(plan.zone)
            return Completed(
                name="Put off", message=say("brief.later", why=message.error, at=again)
            )
        case _:
            return Completed(name="Queued", message=say("brief.queued", number=message.id))
