"""Processes: Prefect's server and worker as children of ours, started and ended cleanly."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

import httpx

from services.errors import Unavailable

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
POOL = "dondoc"
TAG = "dondoc"  # on every run of ours: what has it may be cleaned away
READY_WITHIN = 90.0  # seconds; a first start migrates Prefect's own database
PR_SET_PDEATHSIG = 1  # prctl(2)
GRACE = 10.0  # seconds that a child gets to end by itself
PREFECT_FILE = Path(__file__).parent.parent / "prefect.yaml"


@dataclass(frozen=True)
class Address:
    """Where a Prefect server of ours lives, and the environment that its clients need."""

    home: Path
    port: int

    @property
    def api(self) -> str:
        """The address of the API."""
        return f"http://{HOST}:{self.port}/api"

    @property
    def ui(self) -> str:
        """The address of the pages."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return what server, worker and clients must agree on. Nothing phones home."""
        home = self.home.resolve()
        return {
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": self.api,
            "PREFECT_UI_API_URL": self.api,
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home}/prefect.db",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "0.5",
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
            "PREFECT_CLI_COLORS": "false",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
        }


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Say whether somebody listens on `port` of the loopback address."""
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


class Child:
    """One child process in a group of its own, its output in a file."""

    def __init__(
        self, name: str, arguments: list[str], environment: Mapping[str, str], log_file: Path
    ):
        self.name = name
        self._arguments = arguments
        self._environment = dict(environment)
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._out: IO[bytes] | None = None

    def start(self) -> None:
        """Start it. A session of its own keeps a Ctrl-C meant for us from it."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._out = self.log_file.open("ab")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, *self._arguments],
            env=kept | self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._out,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        log.info("%s started", self.name, extra={"action": "child-started"})

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    async def stop(self) -> None:
        """End it and everything that it started: asked first, then made to."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            await _until(lambda: process.poll() is not None, GRACE)
        for force in (signal.SIGTERM, signal.SIGKILL):
            if not _group_lives(process.pid):
                break
            os.killpg(process.pid, force)
            await _until(lambda: process.poll() is not None and not _group_lives(process.pid), 3)
        process.wait()
        if self._out is not None:
            self._out.close()
        self._process = None
        log.info("%s stopped", self.name, extra={"action": "child-stopped"})


def _die_with_parent() -> None:
    """Ask Linux to end this child when we are killed: an orphan would go on without a clock."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _until(holds: object, seconds: float) -> None:
    """Wait until `holds()` or the time is over."""
    assert callable(holds)
    for _ in range(int(seconds / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)


def _last_line(log_file: Path) -> str:
    """Return the last line of a log: it may be gone with its folder when somebody looks."""
    lines = log_file.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def server(address: Address, settings: Mapping[str, str] | None = None) -> Child:
    """Return the Prefect server as a child; `settings` are more of Prefect's own."""
    arguments = [
        "-m",
        "flows.server",
        "server",
        "start",
        "--host",
        HOST,
        "--port",
        str(address.port),
    ]
    environment = address.environment() | dict(settings or {})
    return Child("server", arguments, environment, address.home / "server.log")


def worker(address: Address, settings: Mapping[str, str]) -> Child:
    """Return a worker of the pool as a child; `settings` are those of `dondoc` for its flows."""
    arguments = ["-m", "flows.worker"]
    environment = address.environment() | dict(settings)
    return Child("worker", arguments, environment, address.home / "worker.log")


async def _create_pool(address: Address) -> None:
    """Create the work pool by the API: its command line takes two seconds to start."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        answer = await http.post(
            f"{address.api}/work_pools/", json={"name": POOL, "type": "process"}
        )
    if answer.status_code != httpx.codes.CONFLICT:  # there already
        answer.raise_for_status()


def is_ready(address: Address) -> bool:
    """Say whether the server answers."""
    try:
        # Only our own loopback address is asked: no certificates to load.
        with urllib.request.urlopen(f"{address.api}/health", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


async def wait_until_ready(address: Address, child: Child) -> None:
    """Wait until the server answers. Raises Unavailable if it ends or takes too long."""
    for _ in range(int(READY_WITHIN / 0.1)):
        if await asyncio.to_thread(is_ready, address):
            return
        if not child.is_running:
            break
        await asyncio.sleep(0.1)
    log_file = child.log_file
    raise Unavailable("error.server-did-not-start", log=str(log_file), last=_last_line(log_file))


async def deploy(address: Address) -> None:
    """Create the work pool and everything in `prefect.yaml`; done twice it changes nothing."""
    await _create_pool(address)
    arguments = ["-m", "prefect", "--no-prompt", "deploy", "--all"]
    arguments += ["--prefect-file", str(PREFECT_FILE)]
    log_file = address.home / "deploy.log"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    with log_file.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=kept | address.environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
    if code != 0:
        raise Unavailable("error.deploy-failed", log=str(log_file), last=_last_line(log_file))
