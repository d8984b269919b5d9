"""Start: begin a run of a plan, and show its stages."""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import forms, moment, office
from flows.chase import BRIEFLY, chase
from flows.entering import ascii_name
from flows.refusals import as_state
from flows.results import HERE
from language.catalogue import text
from plan_definitions import Bundle, PlanFaults
from services import choices, naming, runs
from services.errors import Refused
from services.runs import Started
from services.views import board
from services.wiring import Parts


def _name() -> str:
    """Name a run by its plan file: a choice has letters that the run graph does not show."""
    return ascii_name(f"start {Path(naming.id_of(runtime.flow_run.parameters['plan'])).name}")


@flow(name="start-plan", flow_run_name=_name, persist_result=False, result_storage=HERE)
@as_state
async def start_plan(
    plan: str,
    by: str,
    started_at: datetime | None = None,
    run: str | None = None,
    now: datetime | None = None,
) -> State[Any]:
    """Start a run of a plan file. Starting it twice changes nothing.

    Args:
        plan: the plan file: as the form offers it, or its path, or that within DONDOC_PLANS
        by: who starts it
        started_at: lets the run begin in the past, as after an outage
        run: a name for the run; by default the plan's id
        now: for rehearsals; by default the present
    """
    parts = office.parts()
    given, now = now, now or moment.now(parts.settings)
    if started_at is not None and started_at.tzinfo is None:
        started_at = started_at.replace(tzinfo=ZoneInfo(parts.settings.time_zone))
    file = choices.plan_file(parts.settings, plan)
    started = _start(parts, file, now=now, by=by, started_at=started_at, run=(run or "").strip())
    await chase(now=given, show=started.run, seconds=BRIEFLY, return_state=True)
    await forms.show(parts)
    language = parts.settings.language
    if not started.is_new:
        return Completed(message=text(language, "start.already", run=started.run))
    said = text(language, "start.started", run=started.run)
    seen = board.read(parts, started.run, now)
    if seen.late and started_at is None:
        # Started long after its dates: the ladder before the start is none, so say so.
        issued = seen.plan.issued.isoformat()
        said += "\n" + text(language, "start.late", count=len(seen.late), issued=issued)
    return Completed(message=said)


def _start(
    parts: Parts, file: Path, *, now: datetime, by: str, started_at: datetime | None, run: str
) -> Started:
    """Start the plan; of a file with faults say the first, and how to see them all."""
    try:
        return runs.start(
            parts, Bundle.read(file), now=now, by=by, started_at=started_at, run=run or None
        )
    except PlanFaults as faults:
        first, *more = faults.diagnostics
        raise Refused(
            "refused.plan-faults" if more else "refused.plan-fault",
            line=first.line,
            name=Path(first.file).name,
            first=first.message(parts.settings.language),
            count=len(more),
            file=file,
        ) from None
