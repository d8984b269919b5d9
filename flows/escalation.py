"""Escalation: a run for each report to somebody above, red until whoever it named has answered."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows import looks, quiet
from services import run_views

quiet.install()


@flow(name="escalation", persist_result=False)
async def escalation(run: str, message: int) -> State[Any]:
    """Show one escalation: to whom, about whom, and who is still late.

    Args:
        run: the plan run
        message: the number of the message in the outbox
    """
    seen = looks.look(run)
    one = next(one for one in seen.escalations if one.message.id == message)
    return await looks.settle(run_views.of_escalation(seen, one))
