"""Artifacts: the board, the obligations and the progress of a plan run, by stable keys."""

from __future__ import annotations

import json
import re
from uuid import UUID

from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
)
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound

from language.catalogue import text
from services import tables
from services.board import Board


def key(kind: str, run: str) -> str:
    """Return an artifact's key: `board-kh37-2020`. Keys know only [a-z0-9-]."""
    return re.sub("[^a-z0-9]+", "-", f"{kind}-{run}".lower()).strip("-")


async def publish(client: PrefectClient, board: Board) -> None:
    """Publish a run's board, table of obligations and progress. Call it within a flow run."""
    language = board.plan.language
    total = board.total()
    done = total.on_time + total.late
    await _markdown(client, key("board", board.run), tables.board_markdown(board, language), board)
    rows = tables.obligation_rows(board, language)
    name = key("obligations", board.run)
    if not await _update(client, name, json.dumps(rows, ensure_ascii=False)):
        await acreate_table_artifact(key=name, table=rows, description=_title(board))
    name, progress = key("progress", board.run), round(100 * done / max(total.owed, 1), 1)
    if not await _update(client, name, progress):
        await acreate_progress_artifact(key=name, progress=progress, description=_title(board))


async def publish_escalations(client: PrefectClient, board: Board) -> None:
    """Publish who is late, since when, and who was told. Call it within a flow run."""
    markdown = tables.escalations_markdown(board, board.plan.language)
    await _markdown(client, key("escalations", board.run), markdown, board)


async def _markdown(client: PrefectClient, name: str, markdown: str, board: Board) -> None:
    if not await _update(client, name, markdown):
        await acreate_markdown_artifact(key=name, markdown=markdown, description=_title(board))


_ids: dict[tuple[str, str], UUID] = {}  # by server and key: looking one up costs as much again


async def _update(client: PrefectClient, name: str, data: str | float) -> bool:
    """Put new data into the artifact of that key; say whether there is one."""
    place = (str(client.api_url), name)
    if place in _ids:
        try:
            await client.update_artifact(_ids[place], ArtifactUpdate(data=data))
        except ObjectNotFound:
            del _ids[place]
        else:
            return True
    found = await client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[name])),
        sort=ArtifactSort.UPDATED_DESC,
        limit=1,
    )
    if not found or found[0].id is None:
        return False
    _ids[place] = found[0].id
    await client.update_artifact(found[0].id, ArtifactUpdate(data=data))
    return True


def _title(board: Board) -> str:
    return text(board.plan.language, "screen.title", number=board.plan.number, run=board.run)
