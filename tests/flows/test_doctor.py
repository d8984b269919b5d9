"""Doctor: what the Prefect server answers, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows import deploying, doctor, processes
from flows.processes import Address
from language.catalogue import LANGUAGES
from services.checkup import Finding, Grade

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def answering(**answers: Any) -> httpx.Client:
    """A server that gives these answers by the last part of the path; 404 where there is none."""

    def answer(request: httpx.Request) -> httpx.Response:
        key = "_".join(request.url.path.strip("/").split("/")[-2:]).replace("-", "_")
        if key not in answers:
            return httpx.Response(404)
        return httpx.Response(200, json=answers[key])

    return httpx.Client(base_url="http://prefect.test/api", transport=httpx.MockTransport(answer))


def assert_said(found: Finding, grade: Grade, said: str) -> None:
    """It stands so, and both languages say it; what is bad has a way out."""
    assert (found.grade, found.said) == (grade, said)
    for language in LANGUAGES:
        assert found.say(language)
        assert bool(found.help(language)) == (grade is Grade.BAD)


def test_a_server_that_is_away_is_said_once(tmp_path: Path):
    """The rest can't be looked at: one ✗, not six."""
    found = list(doctor.server(Address(tmp_path, processes.free_port())))
    assert len(found) == 1
    assert_said(found[0], Grade.BAD, "none")


def test_a_server_that_goes_away_in_between_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As one whose certificate only half of the questions believed."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("gone", request=request)

    def asking_now(*_: object, **__: object) -> httpx.Client:
        return httpx.Client(base_url="http://prefect.test/api", transport=httpx.MockTransport(away))

    monkeypatch.setattr(processes, "reach", lambda _: processes.Reach.GOOD)
    monkeypatch.setattr(processes, "asking_now", asking_now)

    (found,) = doctor.server(Address(tmp_path, 1))

    assert found.grade is Grade.BAD


@pytest.mark.parametrize(
    ("pool", "grade", "said"),
    [
        ({"pools_dondoc": {}}, Grade.BAD, "none"),
        ({"work_pools_dondoc": {"is_paused": True}}, Grade.BAD, "paused"),
        ({"work_pools_dondoc": {"is_paused": False}}, Grade.GOOD, "good"),
    ],
)
def test_a_pool_that_gives_out_no_runs_is_bad(pool: dict[str, Any], grade: Grade, said: str):
    """Somebody paused it, or the database was wiped."""
    assert_said(doctor.pool(answering(**pool), "dondoc"), grade, said)


def test_deployments_that_are_missing_are_named():
    """A form that is gone from the pages."""
    names = deploying.names()
    assert len(names) > 10
    whole = answering(deployments_count=len(names))
    assert_said(doctor.deployments(whole), Grade.GOOD, "good")
    some = [{"name": name} for name in names if name != "chase"]
    found = doctor.deployments(answering(deployments_count=len(some), deployments_filter=some))
    assert_said(found, Grade.BAD, "missing")
    assert found.values == {"names": "chase"}


@pytest.mark.parametrize(
    ("heard", "grade", "said"),
    [
        ([], Grade.BAD, "none"),
        ([timedelta(minutes=5)], Grade.BAD, "silent"),
        ([timedelta(minutes=5), timedelta(seconds=20)], Grade.GOOD, "good"),
    ],
)
def test_workers_that_are_silent_are_bad(heard: list[timedelta], grade: Grade, said: str):
    """What is sent by a form would wait for ever."""
    workers = [{"last_heartbeat_time": (NOW - ago).isoformat()} for ago in heard]
    assert_said(doctor.worker(answering(workers_filter=workers), "dondoc", NOW), grade, said)


@pytest.mark.parametrize(
    ("change", "grade", "said"),
    [
        (lambda found: found, Grade.GOOD, "good"),
        (lambda found: found[1:], Grade.BAD, "missing"),
        (lambda found: [found[0] | {"enabled": False}, *found[1:]], Grade.BAD, "off"),
    ],
)
def test_automations_that_are_off_are_bad(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], grade: Grade, said: str
):
    """An outside event would come to nothing."""
    found = [{"name": name, "enabled": True} for name in deploying.triggers()]
    assert found
    asked = doctor.automations(answering(automations_filter=change(found)))
    assert_said(asked, grade, said)


@pytest.mark.parametrize(
    ("astray", "grade", "said"),
    [(0, Grade.GOOD, "good"), (-4, Grade.GOOD, "good"), (70, Grade.BAD, "astray")],
)
def test_a_machines_clock_that_is_astray_is_bad(astray: int, grade: Grade, said: str):
    """The hour at which mail goes out is this machine's."""
    answer = httpx.Response(200, headers={"date": "Mon, 02 Mar 2026 01:00:00 GMT"})
    assert_said(doctor.machine_clock(answer, NOW + timedelta(seconds=astray)), grade, said)
