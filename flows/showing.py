"""Showing: keeps what Prefect shows of a plan run in step with the database.

The flow runs of a plan run (the plan, its stages, its escalations) are made, renamed,
resumed, and made again where they were lost; so are its artifacts. Prefect shows the
truth, it does not hold it: all of this can be done again at any time, by any process.
Which plan run is shown next is `flows.rounds`' business.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound, PrefectException

from flows import artifacts, moment
from flows.artifacts import Page
from flows.births import Birth, Nursery, is_in_flight, those_there
from flows.looks import state_of
from services.errors import one_line
from services.tables.markdown import artifact_key
from services.views import board, run_views
from services.views.board import Board
from services.views.run_views import PLAN, Look, RunView
from services.views.stage_views import BLOCKED
from services.wiring import Parts
from storage import ledger, stage_runs
from storage.stage_runs import Mark, StageRun

log = logging.getLogger(__name__)

TYPES = {
    Look.WAITS: StateType.PAUSED,
    Look.ALARMS: StateType.FAILED,
    Look.IS_DONE: StateType.COMPLETED,
}
STUCK = timedelta(minutes=5)
LEASE = timedelta(seconds=60)  # that showing one run may take
PAUSE = 0.1  # seconds between looks whether another process is done
RESUMED = "resumed"  # a look that is noted until a worker has completed the run


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of showing a run: whether no worker has to complete anything, and it is all."""

    is_settled: bool
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known and made of a run before it is its turn, in requests for several.

    `born` are its new flow runs, by their keys; with `is_told` their logs tell of their first
    state. With `no_pages` Prefect had none of its pages.
    """

    seen: Board
    born: Mapping[str, FlowRun]
    no_pages: bool
    is_told: bool


class Busy(Exception):
    """Another process is showing the run just now."""


async def show(parts: Parts, run: str, now: datetime) -> None:
    """Bring the flow runs and artifacts of a run up to the database, those that changed.

    What was recorded stands, whether Prefect takes it or not: a failure is logged, and the
    next sweep makes up for it.
    """
    try:
        async with get_client() as client:
            await bring_up(parts, client, run, now, found=None)
    except Exception as error:
        its_own = isinstance(error, httpx.HTTPError | PrefectException | OSError)
        log.warning(
            "run %s is shown by the next sweep: %s",
            run,
            one_line(error),
            exc_info=not its_own,
            extra={"action": "not-shown"},
        )


def today_of(parts: Parts) -> date:
    """Return today by the wall's clock, as Prefect's lists know it, where the office is."""
    return moment.wall().astimezone(ZoneInfo(parts.settings.time_zone)).date()


def flow_runs_of(shown: Mapping[str, StageRun]) -> Iterator[StageRun]:
    """Yield what shows the plan, its stages and its escalations."""
    return (one for one in shown.values() if not one.stage.startswith(stage_runs.ARTIFACT))


def pages_of(shown: Mapping[str, StageRun]) -> Iterator[StageRun]:
    """Yield the artifacts."""
    return (one for one in shown.values() if one.stage.startswith(stage_runs.ARTIFACT))


def stands(
    shown: Mapping[str, StageRun], found: Mapping[str, FlowRun], today: date, lasts: int = 0
) -> bool:
    """Say whether Prefect still shows what was put there, on a plan's run that is new enough.

    That is today's, or one of `lasts` days before.
    """
    runs = {one.flow_run for one in flow_runs_of(shown)}
    if any(one.shown.split(" ")[0] not in runs for one in pages_of(shown) if one.flow_run):
        return False  # a process died between renewing the plan's run and its pages
    for one in flow_runs_of(shown):
        says = _says(one)
        if one.flow_run is None and one.stage != PLAN:
            continue  # put off: it comes with the rest
        flow_run = found.get(one.flow_run or "")
        if flow_run is None:
            if _may_be_gone(one, says):
                continue
            return False
        if not _still_says(flow_run, says):
            return False
    return PLAN in shown and _is_of(shown[PLAN], today, lasts)


def is_red(shown: Mapping[str, StageRun]) -> bool:
    """Say whether somebody was late when the run was last shown."""
    return PLAN in shown and _says(shown[PLAN]).get("look") == Look.ALARMS


def _says(one: StageRun) -> dict[str, Any]:
    """Return what was put there; an earlier version of the program kept it in another form."""
    says = json.loads(one.shown or "{}")
    return says if isinstance(says, dict) else {}


def _still_says(flow_run: FlowRun, says: Mapping[str, Any]) -> bool:
    state, look = flow_run.state, says.get("look")
    return (
        state is not None
        and look in TYPES
        and state.type is TYPES[Look(look)]
        and (state.name, state.message) == (says["state"], says["message"])
        and (flow_run.name, {*flow_run.tags}) == (says["called"], {*says["tags"]})
    )


def _is_of(plan: StageRun, today: date, lasts: int) -> bool:
    """Say whether the plan's run is new enough; of machines whose clocks differ one is ahead."""
    first, last = (today + timedelta(days=days) for days in (-lasts, 1))
    return first.isoformat() <= str(_says(plan).get("day", "")) <= last.isoformat()


def _may_be_gone(one: StageRun, says: Mapping[str, Any]) -> bool:
    """An escalation that was answered may have been cleaned away; nobody misses it."""
    return one.stage.startswith(stage_runs.ESCALATION) and says.get("look") == Look.IS_DONE


async def bring_up(
    parts: Parts,
    client: PrefectClient,
    run: str,
    now: datetime,
    *,
    found: Mapping[str, FlowRun] | None,
    lost: Collection[str] = (),
    wait: bool = True,
    nursery: Nursery | None = None,
    lasts: int = 0,
    whole: bool = True,
    ahead: Ahead | None = None,
) -> Shown:
    """Bring a run up, one process at a time, so that nothing is made twice and the newest is last.

    `found` is what Prefect has; None to trust what was shown before. `lost` are artifacts
    that are gone; `lasts` is for how many days more than its own the plan's run does;
    `ahead` is what was done ahead of time. Where it is not to be the `whole`, nothing is made that
    nobody waits for now: stages that are blocked or done, pages with no news. Raises Busy
    where another process shows it and we do not `wait`, TimeoutError where Prefect takes
    longer than a claim lasts.
    """
    async with _alone(parts, run, wait=wait) as marks, asyncio.timeout(LEASE.total_seconds()):
        seen = ahead.seen if ahead is not None else None
        if seen is None or not _is_current(parts, seen):
            seen = board.read(parts, run, now)
        showing = _Showing(parts, client, seen, found, lost, lasts=lasts, whole=whole)
        await showing.bring_up(nursery or Nursery(client, {}), ahead)
        until = _fresh_until(seen) if showing.is_whole else stage_runs.IN_PART
        marks.append(Mark(seen.seq, until))
    return Shown(showing.is_settled, showing.is_whole)


async def look_ahead(
    parts: Parts,
    client: PrefectClient,
    runs: Mapping[str, int],
    now: datetime,
    *,
    found: Mapping[str, FlowRun],
    nursery: Nursery,
    whole: bool,
) -> dict[str, Ahead]:
    """Make what several runs lack, in few requests for all of them; of each so much is done.

    `runs` says for how many days more than its own each plan's run lasts. One that fails is
    left out: it fails again, and is told of, when it is its turn. So is one that another process
    is at.
    """
    views: dict[str, _Showing] = {}
    for run, lasts in runs.items():
        with suppress(Exception):
            seen = board.read(parts, run, now)
            views[run] = _Showing(parts, client, seen, found, (), lasts=lasts, whole=whole)
    lacking = {run: {one.key: one for one in view.lacking()} for run, view in views.items()}
    births = [one for some in lacking.values() for one in some.values()]
    if not births:
        return {
            run: Ahead(view.seen, {}, no_pages=False, is_told=False) for run, view in views.items()
        }
    born = await nursery.make_all(births)
    for run in _in_other_hands(parts, views):  # whose logs are told there
        del views[run], lacking[run]
    # Where it is one alone, whoever has recorded the change shows it as well: its turn tells.
    is_told = len(runs) > 1
    lines = [
        line
        for run, some in (lacking.items() if is_told else ())
        for key, one in some.items()
        if key in born and not _says_of(views[run].known.get(one.view.id))
        for line in _lines(client, run, born[key], one.view, is_new=True)
    ]
    if lines:
        await client.create_logs(lines)
    keys = [key for view in views.values() for key in artifacts.keys(view.seen)]
    no_pages = await artifacts.count(client, keys) == 0
    return {run: Ahead(view.seen, born, no_pages, is_told) for run, view in views.items()}


def _in_other_hands(parts: Parts, views: Mapping[str, _Showing]) -> set[str]:
    """Return the runs that another process shows now, or has shown since they were looked at."""
    with parts.database.reading() as connection:
        known = stage_runs.of_runs(connection, list(views))
        held = stage_runs.held(connection, list(views), moment.wall())
    return held | {run for run, view in views.items() if known[run] != view.known}


def _is_current(parts: Parts, seen: Board) -> bool:
    with parts.database.reading() as connection:
        return ledger.places(connection, [seen.run]).get(seen.run, 0) == seen.seq


@asynccontextmanager
async def _alone(parts: Parts, run: str, *, wait: bool) -> AsyncIterator[list[Mark]]:
    """Hold the run's lock; wait for whoever shows it, at most as long as a claim lasts.

    The last of the marks that are appended says afterwards what is shown.
    """
    owner, database = uuid4().hex, parts.database
    marks: list[Mark] = []

    def claims() -> bool:
        with database.writing() as connection:
            return stage_runs.claim(
                database, connection, run, owner, now=moment.wall(), lease=LEASE
            )

    while not claims():
        if not wait:
            raise Busy(run)
        await asyncio.sleep(PAUSE)  # until another process gives it back
    try:
        yield marks
    finally:
        with database.writing() as connection:
            stage_runs.release(connection, run, owner, marks[-1] if marks else None)


def _fresh_until(seen: Board) -> datetime:
    """Return when the board says something else although nothing is recorded."""
    local = seen.now.astimezone(seen.plan.zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(0), seen.plan.zone)
    turns = [
        one.due.late_from
        for one in seen.state.obligations.values()
        if one.is_open and one.due is not None and one.due.late_from > seen.now
    ]
    return min([midnight, *turns])


def _says_of(known: StageRun | None) -> dict[str, Any]:
    return {} if known is None else _says(known)


def _lines(
    client: PrefectClient, run: str, flow_run: FlowRun, view: RunView, *, is_new: bool
) -> list[dict[str, Any]]:
    """Return what the run's own log tells: the first page that an operator sees of it."""
    lines = [f"{view.state}: {view.message}"]
    if is_new:
        kinds = ("board", "late", "escalations", "mail")
        ui = str(client.api_url).rstrip("/").removesuffix("/api")
        lines += [f"{ui}/v2/artifacts/key/{artifact_key(kind, run)}" for kind in kinds]
    level = logging.WARNING if view.state.startswith(("Overdue", "Escalated")) else logging.INFO
    about = {"name": "dondoc", "flow_run_id": str(flow_run.id)}
    levels = [level, *[logging.INFO] * (len(lines) - 1)]
    return [
        about | {"message": line, "level": level, "timestamp": moment.wall().isoformat()}
        for line, level in zip(lines, levels, strict=True)
    ]


class _Showing:
    """One board on its way to Prefect."""

    def __init__(
        self,
        parts: Parts,
        client: PrefectClient,
        seen: Board,
        found: Mapping[str, FlowRun] | None,
        lost: Collection[str],
        *,
        lasts: int,
        whole: bool,
    ) -> None:
        self.parts, self.client, self.seen, self.found = parts, client, seen, found
        self.lost, self.lasts, self.whole = lost, lasts, whole
        self.is_settled = self.is_whole = True
        with parts.database.reading() as connection:
            self.known = dict(stage_runs.of_run(connection, seen.run))
        self._asked = found
        self._noted: dict[str, StageRun] = {}
        self._lines: list[dict[str, Any]] = []  # of the runs' own logs, sent in one request

    def lacking(self) -> list[Birth]:
        """Return the flow runs that are to be made."""
        day, _ = self._day()
        return [one for one, matters in self._births(day) if self._is_lacking(one, matters)]

    def _is_lacking(self, birth: Birth, matters: bool) -> bool:
        view = birth.view
        if view.id == PLAN and self._day()[1]:
            return True
        known = self.known.get(view.id)
        if self._there(view.id) is not None or not (matters or self.whole):
            return False
        gone = known is not None and _may_be_gone(known, _says(known))
        return not (gone and view.look is Look.IS_DONE)

    def _births(self, day: str) -> Iterator[tuple[Birth, bool]]:
        """Yield every flow run of the run, and whether somebody waits for it now."""
        seen = self.seen

        def birth(view: RunView, deployment: str, **parameters: Any) -> Birth:
            parts = (seen.run, view.id, day if view.id == PLAN else "")
            key = "/".join(part for part in parts if part)
            return Birth(deployment, key, view, {"run": seen.run, **parameters})

        yield birth(run_views.of_plan(seen), PLAN), True
        for stage in seen.stages:
            view = run_views.of_stage(seen, stage)
            is_awaited = stage.is_open or (not stage.is_done and stage.name != BLOCKED)
            yield birth(view, "stage/stage", stage=stage.id), is_awaited
        for one in seen.escalations:
            view = run_views.of_escalation(seen, one)
            is_awaited = view.look is not Look.IS_DONE
            yield birth(view, "escalation/escalation", message=one.message.id), is_awaited

    async def bring_up(self, nursery: Nursery, ahead: Ahead | None) -> None:
        self._nursery, self._ahead = nursery, ahead
        try:
            await self._all()
        except Exception:
            with suppress(Exception):  # what is noted already is told of only now
                await self._send_lines()
            raise
        finally:  # where Prefect went away in between, what it has already is not made again
            self._save()

    async def _all(self) -> None:
        day, is_new = self._day()
        if is_new:
            await self._drop_plan()
        for birth, matters in self._births(day):
            if birth.view.id == PLAN or not self._may_wait(birth.view.id, matters):
                await self._show(birth, day if birth.view.id == PLAN else "")
        await self._send_lines()
        await self._pages()

    def _artifacts(self) -> dict[str, str]:
        """Return the artifacts that are there, by their kind: what the board links to."""
        return {
            one.stage.removeprefix(stage_runs.ARTIFACT): one.flow_run
            for one in pages_of(self.known)
            if one.flow_run and one.flow_run not in self.lost
        }

    def _may_wait(self, view: str, matters: bool) -> bool:
        """Put off what is not there and does not matter now, unless the whole is wanted."""
        if self.whole or matters or self._there(view) is not None:
            return False
        self.is_whole = False
        known = self.known.get(view)
        if known is not None and known.flow_run is not None:
            self._note(view, None, "")  # lost with Prefect's database, as a rule
        return True

    def _there(self, view: str) -> str | None:
        """Return the id of a view's flow run, or of a page, if Prefect has it."""
        known = self.known.get(view)
        if known is None or known.flow_run is None:
            return None
        if view.startswith(stage_runs.ARTIFACT):
            return known.flow_run if known.flow_run not in self.lost else None
        is_there = self.found is None or known.flow_run in self.found
        return known.flow_run if is_there else None

    def _wants(self, page: str, of: str, matters: bool) -> bool:
        if self._may_wait(page, matters):
            return False
        view = self.known.get(of)
        return view is not None and view.flow_run is not None

    async def _pages(self) -> None:
        wanted: list[Page] = []
        made: dict[str, str] = {}
        for page in artifacts.pages(self.seen, self._artifacts, self._wants):
            wanted.append(page)
            flow_run = self.known[page.of].flow_run
            assert flow_run is not None
            known = self.known.get(page.id)
            if known is not None and known.flow_run in self.lost:
                known = None
            artifact, shows = await artifacts.publish(
                self.client, page, known=known, flow_run=flow_run
            )
            if known is None or known.flow_run != artifact:
                made[page.key] = artifact
            if known is None or known.shown != shows:
                self._note(page.id, artifact, shows)
        if self._ahead is None or not self._ahead.no_pages:
            await artifacts.forget_others(self.client, made)
        for one in pages_of(dict(self.known)):
            if one.flow_run in self.lost and one.stage not in {page.id for page in wanted}:
                self._note(one.stage, None, "")  # a page of an earlier version of the plan

    def _day(self) -> tuple[str, bool]:
        """Return the day that the plan's run is of, and whether that is a new one.

        The plan is shown on a new run: Prefect's default views go back a day or a week.
        """
        old, today = self.known.get(PLAN), today_of(self.parts)
        if old is not None and _is_of(old, today, self.lasts):
            return str(_says(old)["day"]), False
        return today.isoformat(), old is not None

    async def _drop_plan(self) -> None:
        """Delete the run of an earlier day; where this fails nothing is noted."""
        old = self.known.pop(PLAN)
        try:
            if old.flow_run is not None:
                await self.client.delete_flow_run(UUID(old.flow_run))
        except ObjectNotFound:  # it went with Prefect's database
            pass

    async def _show(self, birth: Birth, day: str) -> None:
        view = birth.view
        known = self.known.get(view.id)
        says = {
            "called": view.called,
            "state": view.state,
            "message": view.message,
            "look": view.look,
            "tags": view.tags,
        }
        wanted = json.dumps(says | ({"day": day} if day else {}), ensure_ascii=False)
        if known is not None and known.flow_run is not None and known.shown == wanted:
            if self.found is None:
                return
            if known.flow_run not in self.found and _may_be_gone(known, says):
                return
        flow_run, is_told = await self._flow_run(birth)
        put = await self._put(flow_run, view)
        self.is_settled &= put not in (None, RESUMED)
        if put is None:  # not noted as shown: a sweep looks again
            if known is None or known.flow_run != str(flow_run.id):
                self._note(view.id, str(flow_run.id), json.dumps({"day": day} if day else {}))
            return
        before = _says_of(known)
        is_news = before.get("state") != view.state
        # What holds a blocked stage up is told by the log of the stage that does.
        is_news |= before.get("message") != view.message and view.state != BLOCKED
        if is_news and not is_told:
            self._lines += _lines(self.client, self.seen.run, flow_run, view, is_new=not before)
        if set(flow_run.tags) != set(view.tags) or flow_run.name != view.called:
            await self.client.update_flow_run(flow_run.id, name=view.called, tags=view.tags)
        noted = says | {"look": put} | ({"day": day} if day else {})
        self._note(view.id, str(flow_run.id), json.dumps(noted, ensure_ascii=False))

    async def _flow_run(self, birth: Birth) -> tuple[FlowRun, bool]:
        """Return the flow run of a view, and whether its log tells of it already.

        Its key finds it; only a deleted one is made anew.
        """
        known = self.known.get(birth.view.id)
        there = (await self._those_there()).get((known.flow_run or "") if known else "")
        if there is not None:
            return there, False
        born = self._ahead.born.get(birth.key) if self._ahead is not None else None
        if self._ahead is not None and born is not None:
            return born, self._ahead.is_told and self._ahead.seen is self.seen
        return await self._nursery.make(birth), False

    async def _those_there(self) -> Mapping[str, FlowRun]:
        """Return what Prefect has of the run: asked for once, where something has changed."""
        if self._asked is None:
            ids = [UUID(one.flow_run) for one in flow_runs_of(self.known) if one.flow_run]
            self._asked = await those_there(self.client, ids)
        return self._asked

    async def _put(self, flow_run: FlowRun, view: RunView) -> str | None:
        """Make the flow run say what the view says, whatever happened to it.

        Returns the look that it has now; None while a worker is at it.
        """
        state = flow_run.state
        assert state is not None
        says = (state.name, state.message) == (view.state, view.message)
        if says and state.type is TYPES[view.look]:
            return view.look
        age = moment.wall() - state.timestamp
        if is_in_flight(state) and age < STUCK:
            # A worker has it: it looks at the database by itself, and would die of being
            # set by force just before it starts.
            return None
        if view.look is Look.IS_DONE and state.type is StateType.PAUSED and view.id != PLAN:
            # A stage is resumed and completes; what was cancelled or lost is set by force.
            await self.client.resume_flow_run(flow_run.id)
            return RESUMED
        wanted: State[Any] = state_of(view)
        await self.client.set_flow_run_state(flow_run.id, wanted, force=True)
        return view.look

    async def _send_lines(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            await self.client.create_logs(lines)

    def _note(self, view: str, prefect_id: str | None, shown: str) -> None:
        self.known[view] = self._noted[view] = StageRun(self.seen.run, view, prefect_id, shown)

    def _save(self) -> None:
        """Keep what is shown where, in one transaction."""
        if not self._noted:
            return
        database = self.parts.database
        with database.writing() as connection:
            stage_runs.save(database, connection, self._noted.values())
        self._noted = {}
