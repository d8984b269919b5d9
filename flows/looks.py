"""Looks: the Prefect state that a view of a run calls for.

What waits is suspended, without a time-out and without a process. What somebody must see
is red: of type FAILED under a name of its own, so that no automation takes it for a
failure. What is done is green.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.states import Completed, Failed, Suspended

from flows import moment, office
from language.catalogue import text
from services import runs
from services.views import board
from services.views.board import Board
from services.views.run_views import Look, RunView
from storage import stage_runs


def state_of(view: RunView) -> State[Any]:
    """Return the state that says what the view says."""
    match view.look:
        case Look.WAITS:
            return Suspended(message=view.message).model_copy(update={"name": view.state})
        case Look.ALARMS:
            return Failed(name=view.state, message=view.message)
        case Look.IS_DONE:
            return Completed(name=view.state, message=view.message)


async def settle(run: str, view: Callable[[Board], RunView]) -> State[Any]:
    """End this flow run as the database says: waiting again, red, or done.

    One that an operator started beside the run that shows the view already ends at once:
    a twin would say what nobody keeps up to date. Raises Refused for an unknown run.
    """
    parts = office.parts()
    found = runs.find(parts, run)
    wanted = view(board.read(parts, found, moment.now(parts.settings)))
    with parts.database.reading() as connection:
        shown = stage_runs.of_run(connection, found).get(wanted.id)
    if shown is not None and shown.flow_run not in (None, str(runtime.flow_run.id)):
        said = text(parts.settings.language, "look.twin", name=wanted.called)
        return Completed(name="Not needed", message=said)
    if wanted.look is not Look.WAITS:
        return state_of(wanted)
    async with get_client() as client:
        put = await client.set_flow_run_state(runtime.flow_run.id, state_of(wanted), force=True)
    raise Pause(state=put.state)
