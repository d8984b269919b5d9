"""Escalation: a run for each report to somebody above, red until whoever it named has answered."""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import looks, quiet
from flows.refusals import as_state
from flows.results import HERE
from services.errors import Refused
from services.views import run_views
from services.views.board import Board
from services.views.run_views import RunView

quiet.install()


@flow(name="escalation", persist_result=False, result_storage=HERE)
@as_state
async def escalation(run: str, message: int) -> State[Any]:
    """Show one escalation: to whom, about whom, and who is still late.

    Args:
        run: the plan run
        message: the number of the message in the outbox
    """

    def view(seen: Board) -> RunView:
        found = [one for one in seen.escalations if one.message.id == message]
        if not found:
            raise Refused("refused.unknown-message", number=message)
        return run_views.of_escalation(seen, found[0])

    return await looks.settle(run, view)
