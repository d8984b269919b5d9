"""Doctor: the points of a checkup that ask the Prefect server.

By its HTTP interface alone: importing Prefect takes longer than all the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from flows import client, deploying, moment, processes
from flows.processes import Address, Reach
from services import checkup
from services.checkup import Finding, bad, care, failed, good
from services.errors import DondocError
from services.settings import Settings

HEARD = timedelta(minutes=1)  # a worker tells each half of it that it is alive
ASTRAY = timedelta(seconds=5)  # by which two machines' clocks may differ


def look(settings: Settings) -> Iterator[Finding]:
    """Look at everything: first what needs no server, then the server."""
    now, shift = moment.wall(), timedelta(0)
    try:
        shift = moment.shift(settings.home)
    except DondocError as error:
        yield failed("pretence", error)
    yield from checkup.here(settings, now=now + shift, shift=shift)
    yield from server(client.address(settings))


def server(address: Address) -> Iterator[Finding]:
    """Look at the server; where it does not answer, that is all there is to say."""
    found = processes.reach(address)
    if found is not Reach.GOOD:
        yield bad("server", "none" if found is Reach.NONE else "refused", address=address.ui)
        return
    with processes.asking_now(address, patience=15) as http:
        try:
            answer = http.get("/admin/version")
        except httpx.HTTPError as error:  # it went away in between
            yield failed("server", error)
            return
        yield good(
            "server", "good" if address.login else "open", address=address.ui, version=answer.json()
        )
        looks: Mapping[str, Callable[[], Finding]] = {
            "machine-clock": lambda: machine_clock(answer, moment.wall()),
            "pool": lambda: pool(http, address.pool),
            "deployments": lambda: deployments(http),
            "worker": lambda: worker(http, address.pool, moment.wall()),
            "automations": lambda: automations(http),
        }
        for point, ask in looks.items():
            try:
                yield ask()
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                yield failed(point, error)


def machine_clock(answer: httpx.Response, now: datetime) -> Finding:
    """Say whether this machine's clock goes with the server's."""
    told = answer.headers.get("date")
    if told is None:
        return care("machine-clock", "untold")
    seconds = round((now - parsedate_to_datetime(told)).total_seconds())
    if abs(seconds) > ASTRAY.total_seconds():
        return bad("machine-clock", "astray", seconds=abs(seconds))
    return good("machine-clock")


def pool(http: httpx.Client, name: str) -> Finding:
    """Say whether the work pool is there and gives out runs."""
    answer = http.get(f"/work_pools/{name}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return bad("pool", "none", name=name)
    answer.raise_for_status()
    return (
        bad("pool", "paused", name=name) if answer.json()["is_paused"] else good("pool", name=name)
    )


def deployments(http: httpx.Client) -> Finding:
    """Say whether every deployment is there."""
    wanted = deploying.names()
    asked = {"deployments": {"name": {"any_": wanted}}}
    count = int(_post(http, "/deployments/count", asked))
    if count >= len(wanted):
        return good("deployments", count=count)
    there = {one["name"] for one in _post(http, "/deployments/filter", asked)}
    return bad("deployments", "missing", names=", ".join(n for n in wanted if n not in there))


def worker(http: httpx.Client, pool: str, now: datetime) -> Finding:
    """Say whether a worker of the pool was heard of lately."""
    answer = http.post(f"/work_pools/{pool}/workers/filter", json={})
    if answer.status_code == httpx.codes.NOT_FOUND:
        return bad("worker", "none", name=pool)
    answer.raise_for_status()
    heard = [_instant(one["last_heartbeat_time"]) for one in answer.json()]
    lately = sum(now - at <= HEARD for at in heard)
    if not lately:
        return bad("worker", "silent" if heard else "none", name=pool)
    return good("worker", count=lately)


def automations(http: httpx.Client) -> Finding:
    """Say whether what fires on events is there and switched on."""
    found = {one["name"]: one["enabled"] for one in _post(http, "/automations/filter", {})}
    missing = [name for name in deploying.triggers() if name not in found]
    off = [name for name in deploying.triggers() if not found.get(name, True)]
    if missing:
        return bad("automations", "missing", names=", ".join([*missing, *off]))
    if off:
        return bad("automations", "off", names=", ".join(off))
    return good("automations", names=", ".join(deploying.triggers()))


def _post(http: httpx.Client, path: str, asked: Any) -> Any:
    answer = http.post(path, json=asked)
    answer.raise_for_status()
    return answer.json()


def _instant(written: str) -> datetime:
    at = datetime.fromisoformat(written)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
