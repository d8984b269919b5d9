"""Scale-out, for real: both databases on PostgreSQL, two machines, a password on the server.

The two machines are two home folders with a worker and a clock each; what they share goes
over the network, as between machines.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from flows import moment
from flows.processes import HOST, free_port
from tests.acceptance.office import PLAN, ROOT, Office, eventually
from tests.acceptance.prefect_api import ask, runs_of
from tests.acceptance.test_forms import WHO, Pages
from tests.postgres import Postgres

LOGIN = "dondoc:mat-khau: dai/#%"
EARLY = "2020-05-11T07:00:00+07:00"  # before the hour at which mail goes out
MORNING = "2020-05-11T07:59:55+07:00"
MAILS = 30
FINAL = "agency-reports/final-report"


@dataclass
class Relay:
    """The office's mail server: it keeps what it is given."""

    taken: list[tuple[str, str]] = field(default_factory=list)
    """(Message-ID, recipient) of each mail, as it came."""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take a mail."""
        mail = message_from_bytes(envelope.content, policy=default)
        self.taken += [(str(mail["Message-ID"]), to) for to in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def relay() -> Iterator[tuple[Relay, int]]:
    """A mail server for both machines, and its port."""
    handler = Relay()
    server = Controller(handler, hostname=HOST, port=free_port())
    server.start()
    yield handler, server.port
    server.stop()


class Machine(Office):
    """One of several: what it runs, it runs by the commands of its own role."""

    def __init__(self, home: Path, shared: dict[str, str]) -> None:
        super().__init__(home)
        self.environment |= shared | {"DONDOC_CLOCK_NAME": home.name}
        token = base64.b64encode(LOGIN.encode()).decode()
        self.headers["authorization"] = f"Basic {token}"
        self.port = int(shared["DONDOC_SERVER_PORT"])
        home.mkdir(parents=True)

    @contextmanager
    def playing(self, role: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a role until the end of the test, born as a shell's `&` would have it."""
        with (self.home / f"{role}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", role],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )
            try:
                yield process
            finally:
                kill(process, signal.SIGTERM)


def kill(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGKILL) -> None:
    """End a process; what does not end by itself is killed with all that it started."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def set_clocks(machines: list[Machine], moment_: str) -> None:
    """Let all machines pretend the same time."""
    first, *others = machines
    moment.pretend(first.home, datetime.fromisoformat(moment_))
    for other in others:
        shutil.copy(first.home / moment.SHIFT_FILE, other.home / moment.SHIFT_FILE)


def state(machine: Machine, name: str) -> str:
    """The name of the state that a stage's run is in."""
    return next(
        (str(r["state"]["name"]) for r in runs_of(machine, "stage") if r["name"] == name), ""
    )


@pytest.mark.timeout(280)
def test_two_machines_share_the_work_and_one_is_enough(
    postgres: Postgres, relay: tuple[Relay, int], tmp_path: Path
):
    """Nothing is mailed twice by two clocks, and nothing stops when one machine dies."""
    mail, smtp_port = relay
    with ExitStack() as stack:
        ours, prefects = (stack.enter_context(postgres.database()) for _ in range(2))
        port = str(free_port())
        shared = {
            "DONDOC_DATABASE_URL": ours.render_as_string(hide_password=False),
            "DONDOC_PREFECT_DATABASE_URL": prefects.set(
                drivername="postgresql+asyncpg"
            ).render_as_string(hide_password=False),
            "DONDOC_PREFECT_API": f"http://{HOST}:{port}/api",
            "DONDOC_PREFECT_AUTH": LOGIN,
            "DONDOC_SERVER_PORT": port,
            "DONDOC_SMTP_HOST": HOST,
            "DONDOC_SMTP_PORT": str(smtp_port),
            "DONDOC_SMTP_TLS": "off",
        }
        one, two = machines = [Machine(tmp_path / name, shared) for name in ("may-1", "may-2")]
        set_clocks(machines, EARLY)
        stack.enter_context(one.playing("server"))
        deployed = one.run("deploy")
        assert deployed.returncode == 0, deployed.stderr
        workers = [stack.enter_context(machine.playing("worker")) for machine in machines]
        clocks = [stack.enter_context(machine.playing("clock")) for machine in machines]

        assert _answer(two, {}) == HTTPStatus.UNAUTHORIZED
        assert _answer(two, two.headers) == HTTPStatus.OK

        # Started on one machine at seven; at eight the clocks of both wake in the same second.
        started = two.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
        assert started.returncode == 0, started.stderr
        assert mail.taken == []
        set_clocks(machines, MORNING)
        assert eventually(lambda: len(mail.taken) >= MAILS, 60), len(mail.taken)
        assert eventually(lambda: _statuses(one) == {"sent": MAILS}, 30), _statuses(one)
        assert all(process.poll() is None for process in (*workers, *clocks))
        assert state(one, "kh37-2020/1-agency-reports") == "Overdue 27/27"
        assert state(one, "kh37-2020/2-topic-reports") == "Blocked"
        assert {run["state"]["type"] for run in runs_of(one, "chase")} <= {"COMPLETED", "RUNNING"}

        # Power cut at the first machine: its worker and its clock are gone.
        kill(workers[0])
        kill(clocks[0])
        pages = Pages(two)
        report = {"task": FINAL, "dated": "2020-05-08", **WHO}
        recorded = [
            pages.submit("record-submission", agency=agency, **report)
            for agency in ("so-tu-phap", "so-y-te")
        ]
        assert [name for name, _ in pages.outcomes(*recorded)] == ["Completed"] * 2
        assert eventually(lambda: state(two, "kh37-2020/1-agency-reports") == "Overdue 25/27", 30)

        # The clock that is left puts right what somebody cancels.
        run = next(r for r in runs_of(two, "stage") if r["name"].endswith("2-topic-reports"))
        cancelled = {"state": {"type": "CANCELLED"}, "force": True}
        ask(two, f"flow_runs/{run['id']}/set_state", cancelled)
        assert eventually(lambda: state(two, "kh37-2020/2-topic-reports") == "Blocked", 30)

        counted = Counter(message_id for message_id, _ in mail.taken)
        assert len(counted) == MAILS
        assert set(counted.values()) == {1}
        assert len({to for _, to in mail.taken}) == MAILS

        # What is told to end does, long before systemd would kill it.
        for process in (clocks[1], workers[1]):
            process.terminate()
            process.wait(25)


def _answer(machine: Machine, headers: dict[str, str]) -> int:
    """How the API answers one who asks with these headers."""
    url = f"http://{HOST}:{machine.port}/api/admin/version"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=30
        ) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        return error.code


def _statuses(machine: Machine) -> Counter[str]:
    return Counter(one["status"] for one in machine.json("outbox"))
