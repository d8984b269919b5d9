"""Stage: one flow run per stage of a plan run, suspended for as long as the stage waits.

No process is held while it waits. Its state's name says at a glance what it waits for
(`Waiting 12/27`), the message who is missing and until when. When the gate holds it is
resumed, runs once more from the top, and completes. Resumed by hand before its time it
looks at the database and goes back to waiting: the database is the truth.
"""

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


@flow(name="stage", persist_result=False, result_storage=HERE)
@as_state
async def stage(run: str, stage: str) -> State[Any]:
    """Show one stage of a plan run: wait for its gate, then complete.

    Args:
        run: the plan run, as `dondoc status` names it
        stage: the stage's id in the plan file
    """

    def view(seen: Board) -> RunView:
        found = [one for one in seen.stages if one.id == stage]
        if not found:
            known = ", ".join(one.id for one in seen.stages)
            raise Refused("refused.unknown-stage", stage=stage, known=known)
        return run_views.of_stage(seen, found[0])

    return await looks.settle(run, view)
