"""Plan: the run that shows a whole plan run, renewed each day so that the lists show it.

Prefect's lists go back a week and its dashboard a day, by when a run was first expected;
a plan runs for months. So each day a run takes the place of yesterday's.
"""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import looks, quiet
from flows.refusals import as_state
from flows.results import HERE
from services.views import run_views

quiet.install()


@flow(name="plan", persist_result=False, result_storage=HERE)
@as_state
async def plan(run: str) -> State[Any]:
    """Show where a plan run stands: every stage, who is late, what comes next.

    Args:
        run: the plan run, as `dondoc status` names it
    """
    return await looks.settle(run, run_views.of_plan)
