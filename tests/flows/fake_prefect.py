"""Fake Prefect: a server's flow runs and artifacts in memory, with every request counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

DEPLOYED = ("plan/plan", "stage/stage", "escalation/escalation")
Hook = Callable[[str], Any]


class FakePrefect:
    """What `get_client` gives. `before` is called, and awaited, before each request."""

    api_url = "http://127.0.0.1:4200/api/"

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self.wall = wall
        self.runs: dict[UUID, FlowRun] = {}
        self.keys: dict[tuple[UUID, str], UUID] = {}
        self.artifacts: dict[UUID, SimpleNamespace] = {}
        self.deployments = {name: uuid4() for name in DEPLOYED}
        self.logged: list[str] = []
        self.asked: Counter[str] = Counter()
        self.before: Hook | None = None

    @asynccontextmanager
    async def client(self, **_: object) -> AsyncIterator[Self]:
        """Stand in for `get_client()`."""
        yield self

    def run(self, name: str) -> FlowRun:
        """The one run of a name."""
        [found] = [one for one in self.runs.values() if one.name == name]
        return found

    def says(self, name: str) -> tuple[StateType, str]:
        """The type and the name of a run's state."""
        state = self.run(name).state
        assert state is not None
        return state.type, str(state.name)

    @property
    def names(self) -> list[str]:
        """The names of all runs: a twin stands out."""
        return sorted(one.name for one in self.runs.values())

    @property
    def pages(self) -> list[str]:
        """The keys of all artifacts: a second version stands out."""
        return sorted(one.key for one in self.artifacts.values())

    def put(self, name: str, state: State[Any]) -> None:
        """Set a run's state, as an operator or a worker does."""
        self.run(name).state = state

    def wipe(self) -> None:
        """Lose everything but the deployments."""
        self.runs, self.keys, self.artifacts = {}, {}, {}

    async def _ask(self, what: str) -> None:
        self.asked[what] += 1
        await asyncio.sleep(0)
        if self.before is not None:
            await self.before(what)

    async def request(
        self, method: str, path: str, *, json: Any, path_params: Mapping[str, str] | None = None
    ) -> Any:
        await self._ask(f"{method} {path}")
        if path.endswith("/create_flow_run/bulk"):
            made = [self._make(UUID((path_params or {})["id"]), **one) for one in json]
            results = [{"flow_run_id": str(one.id), "status": "CREATED"} for one in made]
            return SimpleNamespace(json=lambda: {"results": results})
        if method == "PATCH":
            return self._update_artifact(UUID((path_params or {})["id"]), json["data"])
        if "key" in json["artifacts"]:
            keys = json["artifacts"]["key"]["any_"]
            count = sum(one.key in keys for one in self.artifacts.values())
        else:
            wanted = json["artifacts"]["id"]["any_"]
            count = sum(UUID(one) in self.artifacts for one in wanted)
        return SimpleNamespace(json=lambda: count)

    async def read_deployment_by_name(self, name: str) -> Any:
        await self._ask("read_deployment")
        if name not in self.deployments:
            raise ObjectNotFound(Exception(name))
        return SimpleNamespace(id=self.deployments[name])

    async def create_flow_run_from_deployment(
        self,
        deployment: UUID,
        *,
        name: str,
        parameters: dict[str, Any],
        idempotency_key: str,
        tags: Sequence[str],
        state: State[Any],
    ) -> FlowRun:
        await self._ask("create_flow_run")
        born = state.model_dump(mode="json", include={"type", "name", "message"})
        return self._make(
            deployment,
            name=name,
            parameters=parameters,
            idempotency_key=idempotency_key,
            tags=tags,
            state=born,
        )

    def _make(
        self,
        deployment: UUID,
        *,
        name: str,
        parameters: dict[str, Any],
        idempotency_key: str,
        tags: Sequence[str],
        state: Mapping[str, Any],
    ) -> FlowRun:
        if deployment not in self.deployments.values():
            raise ObjectNotFound(Exception("deployment"))
        known = self.keys.get((deployment, idempotency_key))
        if known in self.runs:
            return self.runs[known].model_copy()
        made = FlowRun(
            flow_id=deployment,
            deployment_id=deployment,
            name=name,
            parameters=parameters,
            tags=list(tags),
            state=State(
                type=StateType(state["type"]),
                name=state["name"],
                message=state.get("message"),
                timestamp=self.wall(),
            ),
        )
        self.keys[deployment, idempotency_key] = made.id
        self.runs[made.id] = made
        return made.model_copy()

    async def read_flow_runs(
        self, *, flow_run_filter: FlowRunFilter, flow_filter: FlowFilter | None = None, limit: int
    ) -> list[FlowRun]:
        await self._ask("read_flow_runs")
        found = list(self.runs.values())
        if flow_run_filter.id is not None:
            assert len(flow_run_filter.id.any_ or []) <= limit == 200
            found = [one for one in found if one.id in (flow_run_filter.id.any_ or [])]
        if flow_run_filter.state is not None and flow_run_filter.state.type is not None:
            types = flow_run_filter.state.type.any_ or []
            found = [one for one in found if one.state is not None and one.state.type in types]
        return [one.model_copy() for one in found]

    async def set_flow_run_state(self, run: UUID, state: State[Any], *, force: bool) -> None:
        await self._ask("set_state")
        assert force
        if run not in self.runs:
            raise ObjectNotFound(Exception("run"))
        self.runs[run].state = state.model_copy(update={"timestamp": self.wall()})

    async def resume_flow_run(self, run: UUID) -> None:
        await self._ask("resume")
        self.runs[run].state = Scheduled(name="Resuming").model_copy(
            update={"timestamp": self.wall()}
        )

    async def update_flow_run(self, run: UUID, *, name: str, tags: Sequence[str]) -> None:
        await self._ask("update_flow_run")
        self.runs[run].name, self.runs[run].tags = name, list(tags)

    async def delete_flow_run(self, run: UUID) -> None:
        await self._ask("delete_flow_run")
        if self.runs.pop(run, None) is None:
            raise ObjectNotFound(Exception("run"))

    async def create_logs(self, logs: list[dict[str, Any]]) -> None:
        await self._ask("create_logs")
        self.logged += [one["message"] for one in logs]

    async def create_artifact(self, artifact: ArtifactCreate) -> Any:
        await self._ask("create_artifact")
        made = SimpleNamespace(id=uuid4(), **artifact.model_dump())
        self.artifacts[made.id] = made
        return made

    def _update_artifact(self, artifact: UUID, data: Any) -> None:
        if artifact not in self.artifacts:
            request = httpx.Request("PATCH", self.api_url)
            answer = httpx.Response(httpx.codes.NOT_FOUND, request=request)
            raise httpx.HTTPStatusError("404", request=request, response=answer)
        self.artifacts[artifact].data = data

    async def delete_artifact(self, artifact: UUID) -> None:
        await self._ask("delete_artifact")
        if self.artifacts.pop(artifact, None) is None:
            raise ObjectNotFound(Exception("artifact"))

    async def read_artifacts(self, *, artifact_filter: ArtifactFilter, limit: int) -> list[Any]:
        await self._ask("read_artifacts")
        found = list(self.artifacts.values())
        if artifact_filter.key is not None:
            found = [one for one in found if one.key in (artifact_filter.key.any_ or [])]
        if artifact_filter.id is not None:
            found = [one for one in found if one.id in (artifact_filter.id.any_ or [])]
        return found[:limit]
