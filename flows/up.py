"""Up: everything that runs, under one supervisor: server, worker, clock, local mailbox.

The server and the worker are children, started again when they end; the clock runs in
this process. A clean stop on Ctrl-C and SIGTERM leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from flows import client, moment, processes
from flows.processes import Address, Child
from services.errors import Refused, Unavailable
from services.settings import Settings
from services.wiring import opened

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between looks at the children


class Say(Protocol):
    """Says a sentence of the catalogue to the person at the terminal."""

    def __call__(self, key: str, **values: object) -> None: ...


def main(settings: Settings, say: Say, *, pretend: datetime | None = None) -> None:
    """Run until Ctrl-C or SIGTERM. Raises Refused for a second one on the same folder.

    `say` is given the keys of the catalogue for what a person at the terminal should know.
    """
    with opened(settings):
        pass  # a database that does not open must be said now, not in a log
    address = Address(client.prefect_home(settings.home), settings.server_port)
    with _alone(settings.home):
        if processes.is_taken(address.port):
            raise Unavailable("error.port-taken", port=address.port)
        moment.pretend(settings.home, pretend)
        # Prefect reads its settings when it is imported: ours must stand before.
        os.environ.update(address.environment() | client.QUIET)
        os.environ["DONDOC_HOME"] = str(settings.home.resolve())
        try:
            asyncio.run(_run(settings, address, say))
        finally:
            (settings.home / client.UP_FILE).unlink(missing_ok=True)
            moment.pretend(settings.home, None)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; the system gives it back even if we are killed."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("error.up-already", home=str(home)) from None
        yield


async def _run(settings: Settings, address: Address, say: Say) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = processes.server(address)
    worker = processes.worker(address, {"DONDOC_HOME": str(settings.home.resolve())})
    running = asyncio.create_task(_serve(settings, address, server, worker, say, stop))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            say("up.stopping")
            running.cancel()
        await asyncio.gather(running, return_exceptions=stop.is_set())
    finally:
        stopping.cancel()
        await worker.stop()
        await server.stop()


async def _serve(
    settings: Settings,
    address: Address,
    server: Child,
    worker: Child,
    say: Say,
    stop: asyncio.Event,
) -> None:
    say("up.starting")
    server.start()
    await processes.wait_until_ready(address, server)
    await processes.deploy(address)
    worker.start()
    from flows import clock, forms, office

    await forms.show(office.parts())
    (settings.home / client.UP_FILE).write_text(
        json.dumps({"port": address.port, "pid": os.getpid()}), encoding="utf-8"
    )
    now = moment.now(settings).astimezone(ZoneInfo(settings.time_zone))
    say("up.ready", ui=runs_page(address), mailbox=settings.mailbox_folder, now=now)
    ticking = asyncio.create_task(clock.run(stop))
    try:
        await _supervise([server, worker])
    finally:
        stop.set()
        await ticking


async def _supervise(children: list[Child]) -> None:
    """Start a child again that has ended, a little later each time, up to a minute."""
    ended = dict.fromkeys((child.name for child in children), 0)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for child in children:
            if not child.is_running:
                ended[child.name] += 1
                log.warning("%s ended", child.name, extra={"action": "child-ended"})
                await asyncio.sleep(min(2 ** ended[child.name], 60))
                await child.stop()
                child.start()


def runs_page(address: Address) -> str:
    """Return the page with every run, however long ago it began: the list shows a week."""
    return f"{address.ui}/v2/runs?start=2020-01-01T00:00:00Z&end=2040-01-01T00:00:00Z"
