"""Record: what agencies and the coordinator do, as flows that an operator can start.

Each takes who records it, because Prefect does not know; a wrong entry ends the run with
one plain sentence and changes nothing.
"""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
import json
from datetime import date, datetime
from typing import Annotated, Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from flows import moment, office, showing
from flows.chase import chase
from flows.refusals import as_state
from language.catalogue import text
from services import chasing, recording, runs
from services.errors import Refused
from services.recording import Recorded, Source
from services.wiring import Parts


def _name() -> str:
    parameters = runtime.flow_run.parameters
    what = parameters.get("obligation") or parameters.get("event")
    return f"{runtime.flow_run.flow_name} {what}"


@flow(name="record-submission", flow_run_name=_name, persist_result=False)
@as_state
async def record_submission(
    obligation: str,
    by: str,
    dated: date | None = None,
    document: str = "",
    run: str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Record that an agency has submitted what it owes; nothing more is sent about it.

    Args:
        obligation: stage/task/agency, as the board shows it
        by: who records it
        dated: the date on the document, from which it counts; by default today
        document: its number, e.g. 120/BC-STP
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    parts, now = _begin(now)
    run = runs.find(parts, run)
    recorded = recording.submit(parts, run, obligation, Source(by, document, dated), now=now)
    return await _finish(parts, recorded, obligation, now, show=show)


@flow(name="return-report", flow_run_name=_name, persist_result=False)
@as_state
async def return_report(
    obligation: str,
    by: str,
    why: str,
    days: Annotated[int, Field(ge=1, le=recording.LONGEST_RETURN)] | None = None,
    dated: date | None = None,
    document: str = "",
    run: str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Return a submitted report for completion.

    Args:
        obligation: stage/task/agency
        by: who records it
        why: what is to be completed, as the agency will read it
        days: working days for the new report; by default the old deadline stands
        dated: the date of the return; by default today
        document: the number of the returning letter, if any
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    parts, now = _begin(now)
    run = runs.find(parts, run)
    source = Source(by, document, dated)
    recorded = recording.send_back(parts, run, obligation, source, why=why, days=days, now=now)
    return await _finish(parts, recorded, obligation, now, show=show)


@flow(name="accept-report", flow_run_name=_name, persist_result=False)
@as_state
async def accept_report(
    obligation: str,
    by: str,
    run: str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Accept a submitted report.

    Args:
        obligation: stage/task/agency
        by: who records it
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    parts, now = _begin(now)
    run = runs.find(parts, run)
    recorded = recording.accept(parts, run, obligation, Source(by), now=now)
    return await _finish(parts, recorded, obligation, now, show=show)


@flow(name="extend-deadline", flow_run_name=_name, persist_result=False)
@as_state
async def extend_deadline(
    obligation: str,
    by: str,
    until: date,
    document: str,
    why: str = "",
    run: str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Give an agency until the end of a later day.

    Args:
        obligation: stage/task/agency
        by: who records it
        until: the new last day
        document: the number of the document that approves it
        why: the reason
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    _require(document)
    parts, now = _begin(now)
    run = runs.find(parts, run)
    source = Source(by, document)
    recorded = recording.extend(parts, run, obligation, source, until=until, why=why, now=now)
    return await _finish(parts, recorded, obligation, now, show=show)


@flow(name="waive-obligation", flow_run_name=_name, persist_result=False)
@as_state
async def waive_obligation(
    obligation: str,
    by: str,
    why: str,
    document: str = "",
    run: str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Say that an obligation is owed no more.

    Args:
        obligation: stage/task/agency
        by: who records it
        why: the reason
        document: the number of the document that says so
        run: the plan run; not needed while only one is active
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    parts, now = _begin(now)
    run = runs.find(parts, run)
    recorded = recording.waive(parts, run, obligation, Source(by, document), why=why, now=now)
    return await _finish(parts, recorded, obligation, now, show=show)


@flow(name="announce-event", flow_run_name=_name, persist_result=False)
@as_state
async def announce_event(
    event: str,
    document: str,
    by: str = "prefect-event",
    dated: date | None = None,
    values: dict[str, str] | str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Record an outside event, and open what waited for it. Sent twice it counts once.

    Args:
        event: its name in the plan file, e.g. government.programme-issued
        document: the document that it came with, e.g. 76/NQ-CP
        by: who announces it
        dated: the date on the document; by default today
        values: what tells this event from others of its name, as the plan's `correlate` asks
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    _require(document)
    carried = _carried(values)
    parts, now = _begin(now)
    recorded = recording.announce(
        parts,
        event,
        Source(by, document, dated),
        values=carried,
        now=now,
    )
    for one in recorded:
        await _finish(parts, one, event, now, show=show)
    key = "record.event" if recorded else "record.event-known"
    language = parts.settings.language
    return Completed(message=text(language, key, event=event, document=document))


def _carried(values: dict[str, str] | str | None) -> dict[str, str]:
    """Return the values that an event carries; a trigger's template hands them over as JSON."""
    if isinstance(values, str):
        try:
            values = json.loads(values or "{}")
        except ValueError:
            raise Refused("refused.event-values", written=str(values)[:80]) from None
    if not isinstance(values, dict | None):
        raise Refused("refused.event-values", written=str(values)[:80])
    return {key: str(value) for key, value in (values or {}).items()}


def _require(document: str) -> None:
    """What moves a deadline or opens a stage rests on a document: people must name it."""
    if not document.strip():
        raise Refused("refused.empty-document")


def _begin(now: datetime | None) -> tuple[Parts, datetime]:
    parts = office.parts()
    return parts, now or moment.now(parts.settings)


async def _finish(
    parts: Parts, recorded: Recorded, what: str, now: datetime, *, show: bool
) -> State[Any]:
    """Show the change, before the mail that may take its time; issue at once what it made due."""
    if show:
        await showing.show(parts, recorded.run, now)
    if show and chasing.is_anything_due(parts, now):
        await chase(now=now, return_state=True)
    language = parts.settings.language
    said = [text(language, f"record.{recorded.entries[0].kind.value}", what=what)]
    said += [
        text(language, f"record.{entry.kind.value}", what=entry.stage) for entry in recorded.turned
    ]
    return Completed(message=" ".join(said))
