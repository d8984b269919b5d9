"""Opening: from an outside event, posted to Prefect, to the stage that waited for it.

On a real `dondoc up` with the shipped settings: several runs of plan 37, each waiting for
an event of its own period, its fourth stage freed of what it needs from the third.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import Figure, figure
from flows.processes import free_port

ROOT = Path(__file__).parent.parent
DEFINITIONS = ROOT / "plan_definitions"
PLAN = DEFINITIONS / "tuyen-quang/37-kh-ubnd-2020.yaml"
EVENT = "government.programme-issued"
STAGE = "stage:plan-2021-2030"
TIMES = 11
LOOK_EVERY = 0.05  # seconds
AT_MOST = 60.0  # seconds for anything that is waited for
# `dondoc start` for each of these files, in one process: eleven would import Prefect each.
START = """
import sys
from flows.client import run_flow

for number, file in enumerate(sys.argv[1:]):
    run_flow("start", "start_plan", plan=file, by="benchmark", run=f"n{number}")
"""


def opening() -> Figure:
    """The median of the seconds until the stage's run says that it is open."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _up(folder) as http:
            _start(folder)
            runs = [_waiting(http, number) for number in range(TIMES)]
            seconds = [_open(http, number, run) for number, run in enumerate(runs)]
    middle = statistics.median(seconds)
    return figure("event to opened stage, seconds, median", middle, 3.0, better="lower")


@contextmanager
def _up(folder: Path) -> Iterator[httpx.Client]:
    """Run `dondoc up` on the day that plan 37 was issued; give a client of its API."""
    port = free_port()
    up = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--pretend", "2020-04-06T09:00+07:00"],
        env=_environment(folder) | {"DONDOC_SERVER_PORT": str(port)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert up.stdout is not None
        if not any("Ctrl-C" in line for line in up.stdout):
            raise SystemExit("`dondoc up` did not start")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/", timeout=30, trust_env=False
        ) as http:
            yield http
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(timeout=AT_MOST)


def _environment(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DONDOC_"))}
    return kept | {"DONDOC_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}


def _start(folder: Path) -> None:
    """Start the runs, `n0` and so on."""
    for shared in ("agencies", "calendars"):
        shutil.copytree(DEFINITIONS / shared, folder / shared)
    (folder / "plans").mkdir()
    files = [folder / f"plans/{number}.yaml" for number in range(TIMES)]
    for number, file in enumerate(files):
        file.write_text(_plan(number), encoding="utf-8")
    command = [sys.executable, "-c", START, *map(str, files)]
    subprocess.run(command, env=_environment(folder), cwd=ROOT, check=True, capture_output=True)


def _waiting(http: httpx.Client, number: int) -> str:
    """Return the flow run of the stage that waits for the event."""
    return str(_found(http, {"tags": {"all_": [f"run:n{number}", STAGE]}})[0]["id"])


def _plan(number: int) -> str:
    """Return plan 37, its event told from others by a period, its last stage waiting for it."""
    text = PLAN.read_text(encoding="utf-8")
    for old, new in (
        (f"\n  {EVENT}:\n", f'\n  {EVENT}:\n    correlate: {{period: "{number}"}}\n'),
        ("    needs: [draft-summary]\n    when:", "    when:"),
    ):
        if old not in text:
            raise SystemExit(f"plan 37 no longer reads {old!r}")
        text = text.replace(old, new)
    return text


def _open(http: httpx.Client, number: int, flow_run: str) -> float:
    """Post the event of one run, and return the seconds until its stage says it is open."""

    def state() -> str:
        return str(http.get(f"flow_runs/{flow_run}").json()["state"]["name"])

    _until(lambda: state() == "Awaiting event")
    event = {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": EVENT,
        "resource": {"prefect.resource.id": "dondoc.event.government"},
        "payload": {
            "document": f"{number}/NQ-CP",
            "date": "2020-04-05",
            "values": {"period": str(number)},
        },
    }
    began = time.monotonic()
    _post(http, "events", [event])
    _until(lambda: state().startswith("Waiting"))
    seconds = time.monotonic() - began
    _until_idle(http)
    return seconds


def _until_idle(http: httpx.Client) -> None:
    """Wait for what runs: it would be measured with the next."""
    busy = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}}
    _until(lambda: not _found(http, busy))


def _found(http: httpx.Client, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _post(http, "flow_runs/filter", {"flow_runs": wanted})
    return found


def _post(http: httpx.Client, path: str, body: object) -> Any:
    """Post, again for as long as Prefect's SQLite is busy, as its own client does."""
    while (answer := http.post(path, json=body)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(LOOK_EVERY)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + AT_MOST
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("waited in vain for Prefect")
        time.sleep(LOOK_EVERY)
