"""Looks: the Prefect state that a view of a run calls for.

What waits is suspended, without a time-out and without a process. What somebody must see
is red: of type FAILED under a name of its own, so that no automation takes it for a
failure. What is done is green.
"""

from __future__ import annotations

from typing import Any

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.states import Completed, Failed, Suspended

from flows import moment, office
from services import board
from services.board import Board
from services.run_views import Look, RunView


def state_of(view: RunView) -> State[Any]:
    """Return the state that says what the view says."""
    match view.look:
        case Look.WAITS:
            return Suspended(message=view.message).model_copy(update={"name": view.state})
        case Look.ALARMS:
            return Failed(name=view.state, message=view.message)
        case Look.IS_DONE:
            return Completed(name=view.state, message=view.message)


async def settle(view: RunView) -> State[Any]:
    """End this flow run as the database says: waiting again, red, or done."""
    if view.look is not Look.WAITS:
        return state_of(view)
    async with get_client() as client:
        put = await client.set_flow_run_state(runtime.flow_run.id, state_of(view), force=True)
    raise Pause(state=put.state)


def look(run: str) -> Board:
    """Return the board of a run as it stands now."""
    parts = office.parts()
    return board.read(parts, run, moment.now(parts.settings))
