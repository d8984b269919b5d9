"""Artifacts: the pages of a plan run, by stable keys, brought up to the board.

One that says what it said before is left alone. They belong to the flow run that shows
the plan, a stage's card to that of the stage: its page lists them. Prefect keeps every
version of a key; ours are changed in place, and one that moves to another flow run takes
the old version with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterId, ArtifactFilterKey
from prefect.exceptions import ObjectNotFound

from language.catalogue import text
from services.tables import cards, late, mail, overview, rows
from services.tables.markdown import artifact_key
from services.views.board import Board
from services.views.run_views import PLAN
from storage.stage_runs import StageRun

ARTIFACTS_ASKED = 200  # artifacts asked about in one request


@dataclass(frozen=True, slots=True)
class Page:
    """One artifact as it should be; `of` is the view whose flow run it belongs to.

    `as_of` is the line that says when it was made: alone it makes no other page.
    """

    id: str
    key: str
    type: str
    data: str | float
    of: str
    title: str
    as_of: str

    @property
    def digest(self) -> str:
        """What tells this page from another."""
        said = str(self.data).replace(self.as_of, "")
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def pages(
    board: Board,
    ids: Callable[[], Mapping[str, str]],
    wants: Callable[[str, str, bool], bool] = lambda _id, _of, _matters: True,
) -> Iterator[Page]:
    """Yield the pages of a run, in the plan's language; those that link to others last.

    `ids` gives the artifacts that are there by now, by their kind. One that `wants` says no
    to is not written: it is given the page's id, the view that it belongs to, and whether
    the page says something that somebody is waiting for.
    """
    run, language = board.run, board.plan.language
    as_of = text(language, "screen.as-of", at=board.now.astimezone(board.plan.zone))

    def page(kind: str, data: str | float, type: str = "markdown") -> Page:
        title = f"{text(language, f'screen.{kind}-page')} – {board.plan.number}"
        return Page(f"artifact/{kind}", artifact_key(kind, run), type, data, PLAN, title, as_of)

    def is_wanted(kind: str, matters: object = False) -> bool:
        return wants(f"artifact/{kind}", PLAN, bool(matters))

    if is_wanted("late", board.late):
        yield page("late", late.late_markdown(board, language))
    if is_wanted("escalations", board.escalations):
        yield page("escalations", late.escalations_markdown(board, language))
    if is_wanted("mail", mail.troubled(board)):
        yield page("mail", mail.mail_markdown(board, language))
    if is_wanted("agencies"):
        yield page("agencies", overview.agencies_markdown(board, language))
    if is_wanted("obligations"):
        found = rows.obligation_rows(board, language)
        yield page("obligations", json.dumps(found, ensure_ascii=False), "table")
    if is_wanted("progress"):
        total = board.total()
        done = 100 * (total.on_time + total.late) / max(total.owed, 1)
        yield page("progress", round(done, 1), "progress")
    if is_wanted("board", matters=True):
        yield page("board", overview.board_markdown(board, language, ids()))
    for stage in board.stages:
        name = f"artifact/stage/{stage.id}"
        if wants(name, stage.id, False):
            key = artifact_key("stage", run, stage.id)
            card = cards.stage_markdown(board, stage, language, ids())
            title = f"{board.plan.number} – {stage.title or stage.id}"
            yield Page(name, key, "markdown", card, stage.id, title, as_of)


async def publish(
    client: PrefectClient, page: Page, *, known: StageRun | None, flow_run: str
) -> tuple[str, str]:
    """Bring one page up to the board; return the artifact's id and what it now shows.

    `known` is where it was shown before, `flow_run` where it belongs now. Of a page that is
    made anew there may be other versions: `forget_others`.
    """
    shows = f"{flow_run} {page.digest}"
    if known is not None and known.flow_run is not None:
        if known.shown == shows:
            return known.flow_run, shows
        if known.shown.split(" ")[0] == flow_run and await _changed(client, known, page.data):
            return known.flow_run, shows
    made = await client.create_artifact(
        ArtifactCreate(
            key=page.key,
            type=page.type,
            data=page.data,
            description=page.title,
            flow_run_id=UUID(flow_run),
        )
    )
    if known is not None and known.flow_run is not None:
        with suppress(ObjectNotFound):
            await client.delete_artifact(UUID(known.flow_run))
    return str(made.id), shows


KINDS = ("late", "escalations", "mail", "agencies", "obligations", "progress", "board")


def keys(board: Board) -> list[str]:
    """Return the keys of every page of a run."""
    cards = [artifact_key("stage", board.run, stage.id) for stage in board.stages]
    return [artifact_key(kind, board.run) for kind in KINDS] + cards


async def count(client: PrefectClient, keys: Sequence[str]) -> int:
    """Return how many artifacts Prefect has under these keys, each version counted."""
    body = {"artifacts": {"key": {"any_": [*keys]}}}
    answer = await client.request("POST", "/artifacts/count", json=body)
    return int(answer.json())


async def are_there(client: PrefectClient, ids: Sequence[str]) -> bool:
    """Say whether Prefect has all of these artifacts. Counting them spares it their texts."""
    for first in range(0, len(ids), ARTIFACTS_ASKED):
        some = ids[first : first + ARTIFACTS_ASKED]
        body = {"artifacts": {"id": {"any_": some}}}
        answer = await client.request("POST", "/artifacts/count", json=body)
        if answer.json() != len(some):
            return False
    return True


async def gone(client: PrefectClient, ids: Sequence[str]) -> set[str]:
    """Return which of these artifacts Prefect has no more."""
    missing: set[str] = set()
    for first in range(0, len(ids), ARTIFACTS_ASKED):
        some = ids[first : first + ARTIFACTS_ASKED]
        if await are_there(client, some):
            continue
        wanted = ArtifactFilter(id=ArtifactFilterId(any_=[UUID(one) for one in some]))
        found = await client.read_artifacts(artifact_filter=wanted, limit=ARTIFACTS_ASKED)
        missing |= {*some} - {str(one.id) for one in found}
    return missing


async def _changed(client: PrefectClient, known: StageRun, data: Any) -> bool:
    """Put new data into the artifact; say whether it is still there.

    Prefect's own method tells its event bus the whole page each time, and knows no 404.
    """
    try:
        where = {"id": known.flow_run}
        await client.request("PATCH", "/artifacts/{id}", path_params=where, json={"data": data})
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return False
    return True


async def forget_others(client: PrefectClient, kept: Mapping[str, str]) -> None:
    """Delete the other versions of keys, one that a killed process left among them.

    As a rule a count says that there are none: it spares Prefect the pages' texts.
    """
    if not kept or await count(client, [*kept]) == len(kept):
        return
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[*kept]))
    for one in await client.read_artifacts(artifact_filter=wanted, limit=ARTIFACTS_ASKED):
        if str(one.id) != kept[str(one.key)]:
            with suppress(ObjectNotFound):
                await client.delete_artifact(one.id)
