"""Client: run one flow from the command line, against the server of `dondoc up`."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from flows.processes import TAG, Address, address_of, is_ready
from services.errors import Refused, Unavailable
from services.settings import Settings

if TYPE_CHECKING:
    from services.mail.delivering import Undeliverable

UP_FILE = "up.json"
# The run's page has the log lines; on a terminal the command itself says how it went.
QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


def address(settings: Settings) -> Address:
    """Return where the server of this home folder is, running or not."""
    file = settings.home / UP_FILE
    port = settings.server_port
    with suppress(OSError, ValueError, KeyError):  # not running, or the file was cut short
        port = int(json.loads(file.read_text(encoding="utf-8"))["port"])
    return address_of(settings, port=port)


def prefect_home(home: Path) -> Path:
    """Return the folder in which Prefect keeps its own data."""
    return home / "prefect"


def point_at(found: Address) -> None:
    """Point this process at a server, whatever the person's shell has set for another.

    Call it before Prefect is imported: its settings are read then.
    """
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(found.environment() | QUIET)


def connect(settings: Settings) -> Address:
    """Point this process at the server. Raises Unavailable where none answers."""
    found = address(settings)
    point_at(found)
    if not is_ready(found):
        raise Unavailable("error.no-server", address=found.ui)
    return found


def run_flow(module: str, name: str, **parameters: Any) -> str:
    """Run a flow of ours to its end in this process, and return what its state says.

    Raises Unavailable where no server answers (nothing is run then), Refused where the
    flow refuses what is asked, Unavailable where it fails for another reason.
    """
    connect(Settings())
    flow = getattr(importlib.import_module(f"flows.{module}"), name)
    try:
        state = asyncio.run(_tagged(flow, parameters))
    except httpx.HTTPError as error:
        raise Unavailable("error.server-lost", detail=type(error).__name__) from error
    message = state.message or ""
    if state.is_completed():
        return message
    raise (Refused if state.name == "Refused" else Unavailable)("error.plain", message=message)


def raise_alarm(settings: Settings, lost: Iterable[Undeliverable]) -> None:
    """Tell the server what can't be delivered, as the clock does; nothing where it is away."""
    found = address(settings)
    point_at(found)
    if is_ready(found):
        events = importlib.import_module("flows.events")
        asyncio.run(events.tell_all(events.given_up(lost)))


async def _tagged(flow: Any, parameters: dict[str, Any]) -> Any:
    """Run a flow with our tag on it, which a run of no deployment does not get by itself."""
    from prefect import tags

    with tags(TAG):
        return await flow(**parameters, return_state=True)
