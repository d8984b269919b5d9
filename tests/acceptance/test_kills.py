"""Kills, for real: SIGKILL at the moments that hurt, and Prefect's memory lost under way."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient

from engine.ledger import EntryKind
from flows import moment, orphans
from plan_definitions import Bundle
from services import runs
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger, outbox
from storage.outbox import Status
from tests.acceptance.clocks import clock
from tests.acceptance.office import PLAN, Office, eventually
from tests.acceptance.post import DOT, HELLO, Post
from tests.acceptance.prefect_api import ask, runs_of

EIGHT = datetime.fromisoformat("2020-05-11T08:00:00+07:00")
ISSUED = datetime.fromisoformat("2020-04-06T08:00:00+07:00")
LEASE = timedelta(minutes=16)  # after which a claim has lapsed
MAILS = 30
PAGES = 11  # seven of the run, one of each stage
MOST_COPIES = 8  # per kill: what `docs` and services/mail/delivering promise
FINAL = "agency-reports/final-report"


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server of the test's."""
    with Post() as opened_post:
        yield opened_post


@pytest.fixture
def parts(office: Office, post: Post) -> Iterator[Parts]:
    """Plan 37 on the first morning after its deadline; its mail goes to the post."""
    office.environment |= post.settings
    moment.pretend(office.home, EIGHT)
    with database(office) as found:
        now = moment.now(found.settings)
        runs.start(found, Bundle.read(PLAN), now=now, by="văn thư", started_at=ISSUED)
        yield found


def database(office: Office) -> AbstractContextManager[Parts]:
    """Open the office's database beside its own processes: asking them costs a second each."""
    return opened(Settings(home=office.home, database_url=""))


def sent(parts: Parts) -> int:
    """How many messages went out, as the outbox knows it."""
    with parts.database.reading() as connection:
        return sum(one.status is Status.SENT for one in outbox.of_run(connection))


def issued_once(parts: Parts) -> bool:
    """Say whether notices are in the ledger, and none twice."""
    with parts.database.reading() as connection:
        entries = ledger.entries(connection, "kh37-2020", kinds=[EntryKind.NOTICE_ISSUED])
    told = Counter((one.obligation, str(one.data)) for one in entries)
    return bool(told) and set(told.values()) == {1}


@pytest.mark.timeout(300)
def test_a_clock_killed_at_any_moment_of_a_chase_goes_on(office: Office, parts: Parts, post: Post):
    """Before the notices are committed, after, between dot and mark: nothing lost, few doubled."""
    # While somebody else writes it cannot: wherever it is, it has committed nothing.
    with parts.database.writing(), clock(office, "may-1") as first:
        assert eventually(lambda: _has_open(office.home / "dondoc.sqlite3", first.log))
        first.end(signal.SIGKILL)
    assert not issued_once(parts)

    post.stop_at(HELLO, 1)
    with clock(office, "may-2") as second:
        assert post.reached.wait(60)
        second.end(signal.SIGKILL)
    assert issued_once(parts)
    assert post.ids == []

    # The dead one's claim has lapsed, and the next dies between the third dot and its mark.
    post.go_on()
    post.stop_at(DOT, 3)
    moment.pretend(office.home, EIGHT + LEASE)
    with clock(office, "may-3") as third:
        assert post.reached.wait(60)
        third.end(signal.SIGKILL)
    assert len(post.ids) >= 3
    assert sent(parts) < len(post.ids)

    post.go_on()
    moment.pretend(office.home, EIGHT + 2 * LEASE)
    with clock(office, "may-4"):
        assert eventually(lambda: sent(parts) == MAILS)
    assert len(set(post.ids)) == MAILS
    assert 1 <= post.doubled <= MOST_COPIES
    assert issued_once(parts)


@pytest.mark.timeout(400)
def test_a_running_office_gets_over_kills_and_a_loss_of_memory(office: Office, post: Post):
    """A chase killed at the dot, five at once, deployments gone, Prefect's database gone."""
    office.environment |= post.settings
    office.up("--pretend", "2020-05-11T07:59:50+07:00")
    done = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert done.returncode == 0, done.stderr
    with database(office) as parts:
        _injure(office, post, parts)
    assert office.down() == 0


def _injure(office: Office, post: Post, parts: Parts) -> None:
    assert eventually(lambda: sent(parts) == MAILS, 120)
    assert eventually(lambda: len(_names(office)) == 5)
    before = _names(office)

    # Tuesday's chase, by hand: its process dies between the dot and the mark.
    post.stop_at(DOT, 2)
    killed = _start(office, "chase/chase", {"now": "2020-05-12T08:00:00+07:00"})
    assert post.reached.wait(90)
    os.kill(post.who_waits(), signal.SIGKILL)
    post.go_on()
    assert eventually(lambda: _state(office, killed) == "CRASHED", 60)
    # Its sub-run is shown as running for half an hour: then it is put right as an orphan.
    [orphan] = [one for one in runs_of(office, "deliver") if one["state"]["type"] == "RUNNING"]
    assert asyncio.run(_end_or_restart_later(office)) >= 1  # the alarm may be starting
    assert _state(office, orphan["id"]) == "CRASHED"
    # Five at once when the claim has lapsed: they share what is left.
    five = [_start(office, "chase/chase", {"now": "2020-05-12T08:16:00+07:00"}) for _ in range(5)]
    assert eventually(lambda: {_state(office, one) for one in five} == {"COMPLETED"}, 120)
    with parts.database.reading() as connection:
        assert {one.status for one in outbox.of_run(connection)} == {Status.SENT}
    assert sent(parts) == len(set(post.ids)) > MAILS
    assert 1 <= post.doubled <= MOST_COPIES
    assert issued_once(parts)

    # Deployments and the pool are deleted on their pages: they are made again.
    for name in ("stage/stage", "record-submission/record-submission"):
        found = ask(office, f"deployments/name/{name}", None, "GET")
        ask(office, f"deployments/{found['id']}", {}, "DELETE")
    ask(office, "work_pools/dondoc", {}, "DELETE")
    assert eventually(lambda: _has_stage(office), 90), _deployed(office)
    _enters(office, "so-cong-thuong")

    # Prefect's database goes, and the server with it, while all else runs.
    mails, entries = len(post.ids), _entries(parts)
    for file in (office.home / "prefect").glob("prefect.db*"):
        file.unlink()
    for number, command in office.running():
        if "server start" in command:
            os.kill(number, signal.SIGKILL)
    assert eventually(lambda: _names(office) == before, 120), _names(office)
    assert eventually(lambda: len(_pages(office)) == PAGES, 60), _pages(office)
    assert len(set(_pages(office))) == PAGES
    assert eventually(lambda: _has_stage(office), 60)
    assert (len(post.ids), _entries(parts)) == (mails, entries)
    # The worker works again, and the form has its pickers.
    _enters(office, "so-y-te")
    assert eventually(lambda: bool(_offered(office)))


async def _end_or_restart_later(office: Office) -> int:
    """Look for orphans as a sweep does that comes in an hour."""
    api = f"http://127.0.0.1:{office.port}/api"
    async with PrefectClient(api) as client:
        return await orphans.end_or_restart(client, moment.wall() + timedelta(hours=1), "vi")


def _names(office: Office) -> list[str]:
    """The names of the runs that show something; a twin makes a name twice."""
    try:
        return [one["name"] for view in ("plan", "stage") for one in runs_of(office, view)]
    except OSError:  # the server is away
        return []


def _pages(office: Office) -> list[str]:
    """The keys of the artifacts; a second version makes a key twice."""
    return [str(one["key"]) for one in ask(office, "artifacts/filter", {"limit": 200})]


def _deployed(office: Office) -> list[Any]:
    try:
        return list(ask(office, "deployments/filter", {}))
    except OSError:
        return []


def _has_stage(office: Office) -> bool:
    names = {one["name"] for one in _deployed(office) if one["work_pool_name"] == "dondoc"}
    return {"stage", "record-submission"} <= names


def _enters(office: Office, agency: str) -> None:
    """Enter a submission by form, and wait until a worker has recorded it."""
    entry = {"run": "kh37-2020", "obligation": f"{FINAL}/{agency}", "by": "văn thư"}
    entered = _start(office, "record-submission/record-submission", entry)
    assert eventually(lambda: _state(office, entered) == "COMPLETED", 90), agency


def _offered(office: Office) -> list[str]:
    """The agencies that the form for submissions offers."""
    form = ask(office, "deployments/name/record-submission/record-submission", None, "GET")
    return list(form["parameter_openapi_schema"]["properties"]["agency"].get("enum", []))


def _start(office: Office, deployment: str, parameters: dict[str, Any]) -> str:
    """Start a run of a deployment, as its page does, and return its id."""
    found = ask(office, f"deployments/name/{deployment}", None, "GET")
    wanted = {"parameters": parameters, "enforce_parameter_schema": False}
    return str(ask(office, f"deployments/{found['id']}/create_flow_run", wanted)["id"])


def _state(office: Office, run: str) -> str:
    return str(ask(office, f"flow_runs/{run}", None, "GET")["state"]["type"])


def _entries(parts: Parts) -> int:
    with parts.database.reading() as connection:
        return len(ledger.entries(connection, "kh37-2020"))


def _has_open(file: Path, log: Path) -> bool:
    """Say whether the process that writes this log has the file open."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            links = {str(entry.readlink()) for entry in folder.iterdir()}
        except OSError:
            continue
        if {str(file), str(log)} <= links and int(folder.parts[2]) != os.getpid():
            return True
    return False
