"""Processes: Prefect's server and worker as children of ours, started and ended cleanly.

Secrets go from process to process in the environment, never on a command line.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import IO, NoReturn

import httpx

from services.errors import Unavailable
from services.settings import Settings

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
POOL = "dondoc"
TAG = "dondoc"  # on every run of ours: what has it may be cleaned away
READY_WITHIN = 90.0  # seconds; a first start migrates Prefect's own database
DEPLOYED_WITHIN = 180.0  # seconds; a server that hangs meanwhile would hold it for ever
PR_SET_PDEATHSIG = 1  # prctl(2)
GRACE = 10.0  # seconds that a child gets to end by itself
PREFECT_FILE = Path(__file__).parent.parent / "prefect.yaml"
# A proxy of the office's is for the world outside, and knows nothing of our server.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Reach(Enum):
    """How a server answers us."""

    GOOD = "good"
    REFUSED = "refused"  # it is there, and asks for another password
    NONE = "none"


@dataclass(frozen=True)
class Address:
    """Where a Prefect server is, and the environment that server and clients need.

    `home` is the folder of Prefect's own files; `port` and `host` are those of a server on
    this machine; `elsewhere` is the API of one that is not ours to run.
    """

    home: Path
    port: int
    host: str = HOST
    elsewhere: str = ""
    login: str = field(default="", repr=False)
    database: str = field(default="", repr=False)
    pool: str = POOL
    more: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def api(self) -> str:
        """The address of the API."""
        return self.elsewhere or f"http://{HOST}:{self.port}/api"

    @property
    def ui(self) -> str:
        """The address of the pages."""
        return self.api.removesuffix("/api")

    @property
    def headers(self) -> dict[str, str]:
        """What every request must carry."""
        if not self.login:
            return {}
        token = base64.b64encode(self.login.encode()).decode("ascii")
        return {"Authorization": f"Basic {token}"}

    def environment(self) -> dict[str, str]:
        """Return what server, worker and clients must agree on. Nothing phones home."""
        home = self.home.resolve()
        login = {}
        if self.login:
            names = ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
            login = dict.fromkeys(names, self.login)
        database = self.database or f"sqlite+aiosqlite:///{home}/prefect.db"
        direct = [*filter(None, os.environ.get("NO_PROXY", "").split(",")), HOST, "localhost"]
        return {
            "NO_PROXY": ",".join(dict.fromkeys(direct)),
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": self.api,
            "PREFECT_UI_API_URL": self.api,
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "0.5",
            "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
            "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
            "PREFECT_CLI_COLORS": "false",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            **login,
            **self.more,
        }


def address_of(settings: Settings, *, port: int) -> Address:
    """Return the address that an installation's settings mean."""
    return Address(
        settings.home / "prefect",
        port,
        host=settings.server_host,
        elsewhere=settings.prefect_api,
        login=settings.login,
        database=settings.prefect_database_url.get_secret_value(),
        pool=settings.pool,
        more=settings.prefects_own,
    )


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
            preexec_fn=_dying_with(os.getpid()),
        )
        log.info("%s started", self.name, extra={"action": "child-started"})

    def become(self) -> NoReturn:
        """Be it, in the place of this process: signals and the terminal are its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *self._arguments], kept | self._environment)  # noqa: S606

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


def _dying_with(parent: int) -> Callable[[], None]:
    """Return what asks Linux to end a child with `parent`: an orphan would go on unseen."""

    def ask() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it was killed while we began
                os._exit(1)

    return ask


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
    arguments = ["-m", "flows.server", "server", "start"]
    arguments += ["--host", address.host, "--port", str(address.port)]
    environment = address.environment() | dict(settings or {})
    return Child("server", arguments, environment, address.home / "server.log")


def worker(address: Address, settings: Mapping[str, str]) -> Child:
    """Return a worker of the pool as a child; `settings` are those of `dondoc` for its flows."""
    arguments = ["-m", "flows.worker", "--pool", address.pool]
    environment = address.environment() | dict(settings)
    return Child("worker", arguments, environment, address.home / "worker.log")


def clock(address: Address, settings: Mapping[str, str]) -> Child:
    """Return a clock as a child; `settings` are those of `dondoc`."""
    return Child(
        "clock",
        ["-m", "flows.clock"],
        address.environment()
        | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
        | dict(settings),
        address.home / "clock.log",
    )


def asking(address: Address, *, patience: float) -> httpx.AsyncClient:
    """Return a client for the API; it gives up after `patience` seconds.

    It believes the authorities that the machine and SSL_CERT_FILE name: an office has its
    own. No proxy stands between.
    """
    return httpx.AsyncClient(
        timeout=patience, trust_env=False, headers=address.headers, verify=_trusted()
    )


def asking_now(address: Address, *, patience: float) -> httpx.Client:
    """Return the same for who does not run an event loop; paths are those of the API."""
    return httpx.Client(
        base_url=address.api,
        timeout=patience,
        trust_env=False,
        headers=address.headers,
        verify=_trusted(),
    )


def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def reach(address: Address) -> Reach:
    """Say how the server answers: what is asked for needs the password, where there is one."""
    # Nothing but the address of our own settings is asked.
    request = urllib.request.Request(f"{address.api}/admin/version", headers=address.headers)  # noqa: S310
    try:
        with DIRECT.open(request, timeout=5) as answer:
            return Reach.GOOD if answer.status == HTTPStatus.OK else Reach.NONE
    except urllib.error.HTTPError as error:
        refused = error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        return Reach.REFUSED if refused else Reach.NONE
    except (OSError, ValueError):
        return Reach.NONE


def is_ready(address: Address) -> bool:
    """Say whether the server answers. Raises Unavailable where it refuses our password."""
    found = reach(address)
    if found is Reach.REFUSED:
        raise Unavailable("error.auth-refused", address=address.ui)
    return found is Reach.GOOD


async def wait_until_ready(address: Address, child: Child | None) -> None:
    """Wait until the server answers. Raises Unavailable if it ends or takes too long.

    Without a `child` the server is somebody else's to start.
    """
    for _ in range(int(READY_WITHIN / 0.1)):
        if await asyncio.to_thread(is_ready, address):
            return
        if child is not None and not child.is_running:
            break
        await asyncio.sleep(0.1)
    if child is None:
        raise Unavailable("error.no-server", address=address.ui)
    log_file = child.log_file
    raise Unavailable("error.server-did-not-start", log=str(log_file), last=_last_line(log_file))


async def create_pool(address: Address) -> None:
    """Create the work pool by the API: its command line takes two seconds to start."""
    async with asking(address, patience=30) as http:
        answer = await http.post(
            f"{address.api}/work_pools/", json={"name": address.pool, "type": "process"}
        )
    if answer.status_code != httpx.codes.CONFLICT:  # there already
        answer.raise_for_status()


async def deploy(
    address: Address,
    settings: Mapping[str, str] | None = None,
    *,
    once: Callable[[], Awaitable[object]] | None = None,
) -> None:
    """Create the work pool and everything in `prefect.yaml`; done twice it changes nothing.

    With the `settings` of an installation its forms are brought up as well. What deploys is
    started at once, and goes on `once` the server is there: reading Prefect takes seconds.
    """
    log_file = address.home / "deploy.log"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    arguments = ["-m", "flows.deploying", *([] if settings is None else ["--forms"])]
    with log_file.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=kept | address.environment() | dict(settings or {}) | {"DONDOC_POOL": address.pool},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),
        )
        try:
            if once is not None:
                await once()
            await create_pool(address)
            await asyncio.wait_for(process.communicate(b""), DEPLOYED_WITHIN)  # its input ends
            code = await process.wait()
        except BaseException as error:
            with suppress(ProcessLookupError):
                process.kill()
            code = await process.wait()
            if not isinstance(error, TimeoutError):
                raise
    if code != 0:
        raise Unavailable("error.deploy-failed", log=str(log_file), last=_last_line(log_file))
