"""Our worker, for real: a run in a process of its own, killed, cancelled, beside others."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.office import PLAN, Office, eventually
from tests.acceptance.prefect_api import ask


@pytest.fixture
def silence() -> Iterator[int]:
    """A mail server that takes calls and says nothing: whoever delivers to it hangs."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as listening:
        yield int(listening.getsockname()[1])


def create(office: Office, name: str) -> str:
    """Ask for a run of a deployment, as its form does; return the run's id."""
    found = ask(office, "deployments/filter", {"deployments": {"name": {"any_": [name]}}})
    wanted = {"state": {"type": "SCHEDULED"}}
    return str(ask(office, f"deployments/{found[0]['id']}/create_flow_run", wanted)["id"])


def run_of(office: Office, run: str) -> dict[str, Any]:
    """A run as Prefect has it."""
    found = ask(office, "flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    return dict(found[0])


def state(office: Office, run: str) -> str:
    """The name of the state that a run is in."""
    return str(run_of(office, run)["state"]["name"])


def process(office: Office, run: str) -> int:
    """The process that a run runs in."""
    assert eventually(lambda: run_of(office, run)["infrastructure_pid"] is not None, 30)
    return int(str(run_of(office, run)["infrastructure_pid"]).split(":")[-1])


@pytest.mark.timeout(300)
def test_a_run_has_a_process_of_its_own_that_can_be_killed_or_cancelled(
    office: Office, silence: int
):
    """Forked warm or not, Prefect must see what became of it, and the others go on."""
    office.environment |= {
        "DONDOC_SMTP_HOST": "127.0.0.1",
        "DONDOC_SMTP_PORT": str(silence),
        "DONDOC_SMTP_TLS": "off",
        "DONDOC_SWEEP_SECONDS": "3600",
    }
    office.up("--pretend", "2020-04-06T09:00+07:00")
    # Some thirty mails, eight to whoever delivers: this command, the clock, the runs below.
    starting = office.begin("start", str(PLAN))
    assert eventually(lambda: _delivering(office) > 0, 60)
    killed, cancelled = create(office, "deliver"), create(office, "deliver")
    assert eventually(lambda: _has_begun(office, killed) and _has_begun(office, cancelled), 60)
    pids = {process(office, run) for run in (killed, cancelled)}
    assert len(pids) == 2
    assert os.getpid() not in pids

    os.kill(process(office, killed), signal.SIGKILL)
    assert eventually(lambda: state(office, killed) == "Crashed", 30), state(office, killed)
    assert "-9" in run_of(office, killed)["state"]["message"]
    assert state(office, cancelled) == "Running"

    ask(office, f"flow_runs/{cancelled}/set_state", {"state": {"type": "CANCELLING"}})
    assert eventually(lambda: state(office, cancelled) == "Cancelled", 60)
    assert not any(_lives(pid) for pid in pids)

    # The worker goes on: what is started next begins, and ends with it.
    last = create(office, "deliver")
    assert eventually(lambda: _has_begun(office, last), 60)
    starting.kill()
    starting.communicate()
    assert office.down() == 0
    assert office.processes() == []


def _delivering(office: Office) -> int:
    wanted: dict[str, Any] = {"flows": {"name": {"any_": ["deliver"]}}}
    wanted["flow_runs"] = {"state": {"type": {"any_": ["RUNNING"]}}}
    return len(ask(office, "flow_runs/filter", wanted))


def _has_begun(office: Office, run: str) -> bool:
    """Say whether the run's own log has its first line: logs of the forked process arrive."""
    found = ask(office, "logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
    return any("Beginning flow run" in str(one["message"]) for one in found)


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
