"""Up: everything that runs, under one supervisor: server, worker, clock, local mailbox.

All are children, started again when they end; the server also when it is silent for a
minute. What is gone from the server (its database was wiped) is deployed again. A clean
stop on Ctrl-C and SIGTERM leaves nothing behind. Each part can also be run alone, on a
machine of its own, by the same settings: `dondoc server`, `worker`, `clock`, `deploy`.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn, Protocol
from zoneinfo import ZoneInfo

import httpx

from flows import client, deploying, moment, processes
from flows.processes import Address, Child, Reach
from flows.supervising import Watched
from services.errors import DondocError, Refused, Unavailable
from services.settings import Settings
from services.wiring import opened

log = logging.getLogger(__name__)

LOOK_AT_DEPLOYMENTS = 15.0  # seconds between looks whether all are there
TRY_AGAIN = 5.0  # seconds after a look that failed


class Say(Protocol):
    """Says a sentence of the catalogue to the person at the terminal."""

    def __call__(self, key: str, **values: object) -> None: ...


@dataclass(frozen=True)
class Office:
    """What runs here: its settings, where its server is, and whom to tell."""

    settings: Settings
    address: Address
    say: Say
    server: Child | None
    worker: Child
    clock: Child

    @property
    def children(self) -> list[Child]:
        """The children, in the order of starting."""
        return [child for child in (self.server, self.worker, self.clock) if child is not None]


def main(settings: Settings, say: Say, *, pretend: datetime | None = None) -> None:
    """Run until Ctrl-C or SIGTERM. Raises Refused for a second one on the same folder.

    `say` is given the keys of the catalogue for what a person at the terminal should know.
    """
    with opened(settings, to_write=True):
        pass  # a database that does not open must be said now, not in a log
    address = processes.address_of(settings, port=settings.server_port)
    with _alone(settings.home):
        _claim_port(address)
        moment.pretend(settings.home, pretend)
        try:
            asyncio.run(_run(_office(settings, address, say)))
        finally:
            (settings.home / client.UP_FILE).unlink(missing_ok=True)
            moment.pretend(settings.home, None)


def serve(settings: Settings) -> NoReturn:
    """Be the Prefect server alone. Raises Unavailable where its port is taken."""
    address = processes.address_of(settings, port=settings.server_port)
    if processes.is_taken(address.port):
        raise Unavailable("error.port-taken", port=address.port)
    address.home.mkdir(parents=True, exist_ok=True)
    processes.server(address).become()


def work(settings: Settings) -> NoReturn:
    """Be a worker alone, once the server answers. Raises Unavailable where it does not."""
    address = client.address(settings)
    asyncio.run(_pool_is_there(address))
    processes.worker(address, _ours(settings)).become()


def deploy(settings: Settings) -> None:
    """Bring everything in `prefect.yaml` to the server, once it answers."""
    with opened(settings):
        pass
    address = client.address(settings)
    address.home.mkdir(parents=True, exist_ok=True)
    asyncio.run(_deploy_once(settings, address))


async def _pool_is_there(address: Address) -> None:
    await processes.wait_until_ready(address, None)
    await processes.create_pool(address)


async def _deploy_once(settings: Settings, address: Address) -> None:
    await processes.wait_until_ready(address, None)
    await _deploy(settings, address, deploying.fingerprint(address, settings))


def _claim_port(address: Address) -> None:
    if not address.elsewhere and processes.is_taken(address.port):
        raise Unavailable("error.port-taken", port=address.port)


def _ours(settings: Settings) -> dict[str, str]:
    return {"DONDOC_HOME": str(settings.home.resolve())}


def _office(settings: Settings, address: Address, say: Say) -> Office:
    return Office(
        settings,
        address,
        say,
        server=None if address.elsewhere else processes.server(address),
        worker=processes.worker(address, _ours(settings)),
        clock=processes.clock(address, _ours(settings)),
    )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; the system gives it back even if we are killed."""
    home.mkdir(parents=True, exist_ok=True)  # with PostgreSQL nobody has made it yet
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("error.up-already", home=str(home)) from None
        yield


async def _run(office: Office) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    running = asyncio.create_task(_serve(office))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            office.say("up.stopping")
            running.cancel()
        await asyncio.gather(running, return_exceptions=stop.is_set())
    finally:
        stopping.cancel()
        # The clock first, while the server can still be told; the server last.
        for child in reversed(office.children):
            await child.stop()


async def _serve(office: Office) -> None:
    address, settings = office.address, office.settings
    office.say("up.starting" if office.server else "up.joining", ui=address.ui)
    address.home.mkdir(parents=True, exist_ok=True)
    if office.server:
        office.server.start()
    await processes.wait_until_ready(address, office.server)
    await processes.create_pool(address)
    office.worker.start()
    await _deploy_if_needed(office)
    office.clock.start()
    (settings.home / client.UP_FILE).write_text(
        json.dumps({"port": address.port}), encoding="utf-8"
    )
    now = moment.now(settings).astimezone(ZoneInfo(settings.time_zone))
    mail = settings.relay if settings.smtp_host else settings.mailbox_folder
    office.say("up.ready", ui=address.ui, mailbox=mail, now=now, pool=address.pool)
    async with asyncio.TaskGroup() as group:
        for child in office.children:
            answers = _asking(address) if child is office.server else None
            group.create_task(Watched(child, office.say, answers).keep())
        group.create_task(_keep_deployed(office))


def _asking(address: Address) -> Callable[[], Awaitable[bool]]:
    async def answers() -> bool:
        return await asyncio.to_thread(processes.reach, address) is not Reach.NONE

    return answers


async def _deploy_if_needed(office: Office) -> bool:
    """Deploy, unless it was this that was deployed last and all of it is there."""
    mark = deploying.fingerprint(office.address, office.settings)
    if deploying.is_kept(office.address, mark) and await deploying.are_there(office.address):
        return False
    await _deploy(office.settings, office.address, mark)
    return True


async def _deploy(settings: Settings, address: Address, mark: str) -> None:
    # Killed in between, the next start must not take the half for the whole.
    deploying.forget(address)
    await processes.deploy(address, _ours(settings))
    deploying.keep(address, mark)


async def _keep_deployed(office: Office) -> None:
    """Deploy again what is gone from the server, until cancelled."""
    wait, said = LOOK_AT_DEPLOYMENTS, ""
    while True:
        await asyncio.sleep(wait)
        wait = LOOK_AT_DEPLOYMENTS
        try:
            if await _deploy_if_needed(office):
                office.say("up.deployed-again")
            said = ""
        except httpx.HTTPError as error:
            # The server is away: whoever watches it says so.
            wait = TRY_AGAIN
            log.info("not deployed: %s", type(error).__name__, extra={"action": "not-deployed"})
        except DondocError as error:
            message = error.say(office.settings.language)
            if message != said:
                office.say("error.plain", message=message)
            wait, said = TRY_AGAIN, message
