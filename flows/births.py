"""Births: flow runs that are made for several plan runs at once, in one request.

Their key finds them afterwards: made twice, by whichever process, they are there once. So no
lock is needed, and what nobody comes to use is used by the next who shows the plan run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentFlowRunCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Running, to_state_create

from flows.looks import state_of
from services.views.run_views import Look, RunView

OPENING = "Opening"
# Flow runs made in one request, which is one transaction: half of Prefect's own limit.
RUNS_MADE = 50
RUNS_ASKED = 200  # flow runs asked about in one request: Prefect's own limit
MADE = "CREATED"


@dataclass(frozen=True, slots=True)
class Birth:
    """A flow run that is to be there: of which deployment, by which key, and what it shows."""

    deployment: str
    key: str
    view: RunView
    parameters: Mapping[str, Any]

    @property
    def state(self) -> State[Any]:
        """The state that it is born in.

        What is red or green is born so. What waits is born running, because one born suspended
        is shown as "late" for as long as it waits; no worker takes it up, no process is held.
        """
        waits = self.view.look is Look.WAITS
        return Running(name=OPENING) if waits else state_of(self.view)


class Nursery:
    """Makes flow runs; it knows the deployments, for as long as it lives."""

    def __init__(self, client: PrefectClient, deployments: dict[str, UUID]) -> None:
        self._client, self._deployments = client, deployments

    async def make(self, birth: Birth) -> FlowRun:
        """Make one, or return the one that its key finds."""
        return await self._client.create_flow_run_from_deployment(
            await self._deployment(birth.deployment),
            name=birth.view.called,
            parameters=dict(birth.parameters),
            idempotency_key=birth.key,
            tags=birth.view.tags,
            state=birth.state,
        )

    async def make_all(self, births: Iterable[Birth]) -> dict[str, FlowRun]:
        """Make some, or find them; return them by their keys, those that could be made."""
        made: dict[str, UUID] = {}
        ordered = sorted(births, key=lambda one: one.deployment)
        for deployment, group in groupby(ordered, key=lambda one: one.deployment):
            where, wanted = await self._deployment(deployment), [*group]
            for first in range(0, len(wanted), RUNS_MADE):
                made |= await self._make_some(where, wanted[first : first + RUNS_MADE])
        found = await those_there(self._client, list(made.values()))
        return {key: found[str(one)] for key, one in made.items() if str(one) in found}

    async def _make_some(self, deployment: UUID, births: Sequence[Birth]) -> dict[str, UUID]:
        # Prefect's own client knows no method for it.
        answer = await self._client.request(
            "POST",
            "/deployments/{id}/create_flow_run/bulk",  # type: ignore[arg-type]
            path_params={"id": str(deployment)},
            json=[_body(one) for one in births],
        )
        return {
            one.key: UUID(result["flow_run_id"])
            for one, result in zip(births, answer.json()["results"], strict=True)
            if result["status"] == MADE
        }

    async def _deployment(self, name: str) -> UUID:
        if name not in self._deployments:
            found = await self._client.read_deployment_by_name(name)
            self._deployments[name] = found.id
        return self._deployments[name]


def _body(birth: Birth) -> dict[str, Any]:
    wanted = DeploymentFlowRunCreate(
        name=birth.view.called,
        parameters=dict(birth.parameters),
        idempotency_key=birth.key,
        tags=list(birth.view.tags),
        state=to_state_create(birth.state),
    )
    return wanted.model_dump(mode="json", exclude_unset=True)


async def those_there(client: PrefectClient, ids: list[UUID]) -> dict[str, FlowRun]:
    """Return the flow runs that Prefect has of these, by their ids."""
    found: dict[str, FlowRun] = {}
    for first in range(0, len(ids), RUNS_ASKED):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[first : first + RUNS_ASKED]))
        for one in await client.read_flow_runs(flow_run_filter=wanted, limit=RUNS_ASKED):
            found[str(one.id)] = one
    return found


def is_in_flight(state: State[Any]) -> bool:
    """Say whether a worker has a flow run, or is to have it."""
    types = {StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}
    return state.type in types and state.name != OPENING
