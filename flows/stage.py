"""Stage: one flow run per stage of a plan run, suspended for as long as the stage waits.

No process is held while it waits. Its state's name says at a glance what it waits for
(`Waiting 12/27`), the message who is missing and until when. When the gate holds it is
resumed, runs once more from the top, and completes. Resumed by hand before its time it
looks at the database and goes back to waiting: the database is the truth.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.states import Completed, Suspended

from flows import moment, office, quiet
from services import board
from services.board import StageView

quiet.install()


def waiting(view: StageView) -> State[Any]:
    """Return the state of a stage that waits: suspended, without a time-out."""
    return Suspended(message=view.message).model_copy(update={"name": view.name})


@flow(name="stage", flow_run_name="{run}/{stage}", persist_result=False)
async def stage(run: str, stage: str) -> State[Any]:
    """Show one stage of a plan run: wait for its gate, then complete.

    Args:
        run: the plan run, as `dondoc status` names it
        stage: the stage's id in the plan file
    """
    parts = office.parts()
    now: datetime = moment.now(parts.settings)
    view = next(one for one in board.read(parts, run, now).stages if one.id == stage)
    if view.is_done:
        return Completed(name=view.name, message=view.message)
    async with get_client() as client:
        put = await client.set_flow_run_state(runtime.flow_run.id, waiting(view), force=True)
    raise Pause(state=put.state)
