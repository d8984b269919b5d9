"""Processes: what they are told, by the environment and never on a command line."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import client, deploying, processes
from flows.processes import Address, Child, Reach, address_of
from flows.supervising import Pace, Watched
from services.errors import Unavailable
from services.settings import Settings

LOGIN = "an:bi-mat"
QUICK = Pace(look_every=0.02, first_wait=0.02, ask_every=0.02, silent_for=0.1)


@contextmanager
def server(login: str = "") -> Iterator[int]:
    """Something that answers as Prefect does, to whoever knows the login."""
    wanted = Address(Path(), 0, login=login).headers.get("Authorization")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = wanted is None or self.headers.get("Authorization") == wanted
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield listening.server_port
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def test_the_password_reaches_server_and_clients_by_the_environment(tmp_path: Path):
    """Everybody may read a command line."""
    settings = Settings(home=tmp_path, prefect_auth=LOGIN, pool="phong")
    address = address_of(settings, port=4200)
    told = address.environment()
    assert told["PREFECT_API_AUTH_STRING"] == told["PREFECT_SERVER_API_AUTH_STRING"] == LOGIN
    assert LOGIN not in repr(address)
    for child in (processes.server(address), processes.worker(address, {})):
        assert not any("bi-mat" in argument for argument in child._arguments)
    assert "phong" in processes.worker(address, {})._arguments


def test_an_office_behind_a_proxy_asks_its_own_server_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The proxy is for the world outside, and would answer that there is nothing."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "noi-bo.example.vn")
    with server() as port:
        assert processes.reach(Address(tmp_path, port)) is Reach.GOOD
    told = Address(tmp_path, port).environment()["NO_PROXY"].split(",")
    assert told == ["noi-bo.example.vn", "127.0.0.1", "localhost"]


def test_another_server_in_the_persons_shell_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is entered is recorded here, and must run and show here."""
    with monkeypatch.context() as shell:
        shell.setenv("PREFECT_API_URL", "https://elsewhere.example.vn/api")
        shell.setenv("PREFECT_API_KEY", "theirs")
        own = Address(tmp_path, 4321)
        for name, value in own.environment().items():
            shell.setenv(name, value)  # so that they are put back afterwards
        shell.setenv("PREFECT_API_URL", "https://elsewhere.example.vn/api")

        client.point_at(own)

        assert os.environ["PREFECT_API_URL"] == own.api
        assert "PREFECT_API_KEY" not in os.environ


def test_a_server_elsewhere_is_the_one_that_is_asked(tmp_path: Path):
    """With its address, our port means nothing."""
    address = address_of(Settings(home=tmp_path, prefect_api="https://p.example.vn"), port=4200)
    assert address.environment()["PREFECT_API_URL"] == "https://p.example.vn/api"
    assert address.ui == "https://p.example.vn"


def test_more_of_prefects_settings_are_handed_on(tmp_path: Path):
    """They win over ours: whoever wrote them knows why."""
    file = tmp_path / "prefect.env"
    file.write_text("PREFECT_WORKER_QUERY_SECONDS=9\n", encoding="utf-8")
    url = "postgresql+asyncpg://p:x@db/prefect"
    settings = Settings(home=tmp_path, prefect_settings=file, prefect_database_url=url)
    told = address_of(settings, port=4200).environment()
    assert told["PREFECT_WORKER_QUERY_SECONDS"] == "9"
    assert told["PREFECT_API_DATABASE_CONNECTION_URL"] == url


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        ("", "", Reach.GOOD),
        (LOGIN, LOGIN, Reach.GOOD),
        ("", LOGIN, Reach.REFUSED),
        ("an:sai", LOGIN, Reach.REFUSED),
    ],
)
def test_a_server_that_refuses_us_is_told_from_one_that_is_away(
    tmp_path: Path, ours: str, theirs: str, found: Reach
):
    """The way out is another one."""
    with server(theirs) as port:
        address = Address(tmp_path, port, login=ours)
        assert processes.reach(address) is found
        if found is Reach.REFUSED:
            with pytest.raises(Unavailable, match="mật khẩu"):
                processes.is_ready(address)
    assert processes.reach(address) is Reach.NONE


class Counted(Child):
    """A child that says when it has been started for the last time that is waited for."""

    def __init__(self, body: str, log: Path, starts: int) -> None:
        super().__init__("child", ["-c", body], {}, log)
        self.left, self.enough = starts, asyncio.Event()

    def start(self) -> None:
        super().start()
        self.left -= 1
        if self.left == 0:
            self.enough.set()


def watch(log: Path, body: str, *, starts: int, answers: bool = True) -> list[str]:
    """Watch a child, in a hurry, until it was started so often; return what was said."""
    said: list[str] = []

    async def asked() -> bool:
        return answers

    async def watching() -> None:
        child = Counted(body, log, starts)
        child.start()
        one = Watched(child, lambda key, **_: said.append(key), asked, QUICK)
        keeping = asyncio.create_task(one.keep())
        await child.enough.wait()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await child.stop()

    asyncio.run(asyncio.wait_for(watching(), 60))
    return said


def test_a_child_that_ends_is_started_again(tmp_path: Path):
    """And the person at the terminal is told, each time."""
    log = tmp_path / "child.log"
    assert watch(log, "print('here', flush=True)", starts=3) == ["up.ended", "up.ended"]
    assert log.read_text(encoding="utf-8").count("here") >= 2


def test_a_child_that_hangs_is_ended_and_started_again(tmp_path: Path):
    """Alive is not enough for a server."""
    body = "import time; time.sleep(600)"
    assert watch(tmp_path / "child.log", body, starts=2, answers=False) == ["up.hangs"]


def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path):
    """After SIGKILL nothing goes on unseen."""
    if sys.platform != "linux":
        pytest.skip("Linux alone ends children with their parent")
    killed = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from flows.processes import Child\n"
        "child = Child('c', ['-c', 'import time; time.sleep(600)'], {}, Path(sys.argv[1]))\n"
        "child.start()\n"
        "print(child._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", killed, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return int(out)

    orphan = asyncio.run(run())
    for _ in range(500):
        if not _lives(orphan):
            break
        asyncio.run(asyncio.sleep(0.02))
    assert not _lives(orphan)


def _lives(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_was_deployed_is_known_by_its_mark(tmp_path: Path):
    """Deploying costs seconds at each start; another pool, server or language needs it."""
    settings = Settings(home=tmp_path)
    address = Address(tmp_path, 4200)
    mark = deploying.fingerprint(address, settings)
    assert not deploying.is_kept(address, mark)
    deploying.keep(address, mark)
    assert deploying.is_kept(address, mark)
    for other in (Address(tmp_path, 4201), Address(tmp_path, 4200, pool="phong")):
        assert not deploying.is_kept(address, deploying.fingerprint(other, settings))
    deploying.forget(address)
    assert not deploying.is_kept(address, mark)


def test_another_pool_is_written_into_every_deployment(tmp_path: Path):
    """The file that ships names `dondoc`."""
    assert deploying._with_pool("dondoc", tmp_path) == processes.PREFECT_FILE
    read = yaml.safe_load(deploying._with_pool("phong", tmp_path).read_text(encoding="utf-8"))
    assert {one["work_pool"]["name"] for one in read["deployments"]} == {"phong"}
    assert [one["name"] for one in read["deployments"]] == deploying.names()
