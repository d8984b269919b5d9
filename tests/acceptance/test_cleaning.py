"""What Prefect forgets of a plan, on a real server, and what it must not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.client import prefect_home
from flows.processes import Address
from tests.acceptance.office import PLAN, ROOT, Office, eventually
from tests.acceptance.prefect_api import ask, count_of_runs, runs_of

VIEWS = ("plan", "stage", "escalation")
SHORT = """\
plan: short
number: 1/KH-UBND
title: Một việc
issued: 06/4/2020
issuer: ubnd-tinh
coordinator: so-noi-vu
superior: ubnd-tinh
time_zone: Asia/Ho_Chi_Minh
language: vi
agencies: ../agencies/tuyen-quang-2020.yaml
calendar: ../calendars/viet-nam.yaml
stages:
  report:
    title: Báo cáo
    tasks:
      report: {title: Báo cáo, by: so-tu-phap, to: so-noi-vu, due: trước ngày 15/5/2020}
    gate: all
ladders:
  standard: {send_at: "08:00", remind: [1]}
"""
CLEAN = """
import asyncio, sys
from datetime import timedelta
from prefect.client.orchestration import get_client
from flows import cleaning, moment, office

async def main():
    parts, keep = office.parts(), timedelta(days=float(sys.argv[1]))
    async with get_client() as client:
        print(await cleaning.clean(parts, client, now=moment.now(parts.settings), keep=keep))

asyncio.run(main())
"""


def clean(office: Office, days: float) -> int:
    """Clean in a process of its own, as a clock does."""
    address = Address(prefect_home(office.home), office.port)
    done = subprocess.run(
        [sys.executable, "-c", CLEAN, str(days)],
        env=office.environment | address.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.timeout(400)
def test_what_ended_goes_and_what_shows_an_active_plan_stays(office: Office, tmp_path: Path):
    """A plan of fifteen months must neither fill the server nor lose what it is watched by."""
    office.up("--pretend", "2020-05-11T08:00:10+07:00")
    office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert eventually(lambda: len(runs_of(office, "escalation")) == 2, 120)
    short = _short(tmp_path)
    assert office.run("start", str(short)).returncode == 0
    submitted = office.run("submit", "report/report/so-tu-phap", "--run", "short")
    assert submitted.returncode == 0, submitted.stderr
    assert eventually(
        lambda: {run["state"]["type"] for run in _views(office, "short")} == {"COMPLETED"}
    )
    chased = _run(office, "chase")
    foreign = _foreign(office)
    stay, pages = _views(office, "kh37-2020"), _pages(office)
    assert len(stay) == 7
    assert _types(office, "kh37-2020") == {"PAUSED", "FAILED"}
    assert len(_views(office, "short")) == 2

    # Nothing is as old as it is kept.
    assert clean(office, 1) == 0

    assert clean(office, 0) >= 8
    assert _views(office, "kh37-2020") == stay
    assert _views(office, "short") == []
    mine = {key: data for key, data in pages.items() if "short" not in key}
    assert len(mine) < len(pages)
    assert _pages(office) == mine
    left = {run["id"] for run in ask(office, "flow_runs/filter", {})}
    assert left == {run["id"] for run in stay} | {foreign}
    assert eventually(lambda: _logs(office, chased) == 0, 30)
    assert _logs(office, stay[0]["id"]) > 0

    # Sweeps with nothing to do make nothing.
    assert clean(office, 0) == 0
    assert not eventually(lambda: count_of_runs(office) != len(left), 8)
    assert _views(office, "kh37-2020") == stay

    # What is gone from Prefect is in the database still.
    assert office.json("ledger", "short")
    assert office.down() == 0


def _short(folder: Path) -> Path:
    for name in ("agencies", "calendars"):
        shutil.copytree(PLAN.parents[1] / name, folder / name)
    file = folder / "plans" / "short.yaml"
    file.parent.mkdir()
    file.write_text(SHORT, encoding="utf-8")
    return file


def _views(office: Office, run: str) -> list[dict[str, Any]]:
    """What shows a plan run, without the seconds that pass."""
    found = [one for view in VIEWS for one in runs_of(office, view) if f"run:{run}" in one["tags"]]
    kept = ("id", "name", "state")
    return [{key: one[key] for key in kept} for one in found]


def _types(office: Office, run: str) -> set[str]:
    return {one["state"]["type"] for one in _views(office, run)}


def _pages(office: Office) -> dict[str, str]:
    return {one["key"]: one["id"] for one in ask(office, "artifacts/filter", {"limit": 200})}


def _logs(office: Office, run: str) -> int:
    return len(ask(office, "logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}}))


def _run(office: Office, name: str) -> str:
    """Run a deployment through the worker, to its end."""
    found = ask(office, "deployments/filter", {"deployments": {"name": {"any_": [name]}}})
    wanted = {"state": {"type": "SCHEDULED"}}
    run = str(ask(office, f"deployments/{found[0]['id']}/create_flow_run", wanted)["id"])
    ended = {"id": {"any_": [run]}, "state": {"type": {"any_": ["COMPLETED"]}}}
    assert eventually(lambda: bool(ask(office, "flow_runs/filter", {"flow_runs": ended})), 60)
    return run


def _foreign(office: Office) -> str:
    """A run of somebody else's flow, of our flow's name, that ended."""
    flow = ask(office, "flows/", {"name": "chase"})["id"]
    ended = {"flow_id": flow, "name": "theirs", "state": {"type": "COMPLETED"}}
    return str(ask(office, "flow_runs/", ended)["id"])
