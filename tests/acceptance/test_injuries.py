"""Injuries, for real: whatever happens to Prefect, nothing is lost, doubled or stuck."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.processes import free_port
from notifiers.wire import mailbox
from tests.acceptance.office import PLAN, ROOT, Office, eventually
from tests.acceptance.prefect_api import ask, runs_of

MONDAY = "2020-05-11T07:59:50+07:00"
FINAL = "agency-reports/final-report"
VIEWS = ("plan", "stage", "escalation")
MAILS = 30  # on the first morning after the deadline: 27 bodies, Sở Nội vụ and UBND tỉnh besides


def shown(office: Office) -> dict[str, tuple[str, str, str]]:
    """What the runs of the views say, by name; two of one name would not pass."""
    found = [run for view in VIEWS for run in runs_of(office, view)]
    assert len({run["name"] for run in found}) == len(found), [run["name"] for run in found]
    return {
        run["name"]: (run["state"]["type"], run["state"]["name"], run["state"]["message"])
        for run in found
    }


def names_of(office: Office) -> list[str]:
    """The names of the views' runs: a twin makes a name twice."""
    return sorted(str(run["name"]) for view in VIEWS for run in runs_of(office, view))


def pages(office: Office) -> dict[str, str]:
    """The artifacts by key, with what they say but for hours and ids; a second one stands out."""
    found: dict[str, str] = {}
    for one in ask(office, "artifacts/filter", {"limit": 200}):
        said = re.sub(r"Tính đến [^.]+\.|/artifact/[0-9a-f-]+", "", str(one["data"]))
        found[one["key"]] = f"{found[one['key']]} TWICE {said}" if one["key"] in found else said
    return found


def sent(office: Office) -> list[dict[str, Any]]:
    """The messages of the outbox that went out."""
    return [one for one in office.json("outbox") if one["status"] == "sent"]


def ids(home: Path) -> list[str]:
    """The Message-IDs in the mailbox."""
    return [mail.message_id for mail in mailbox.read(home / "mailbox")]


def set_state(office: Office, run: dict[str, Any], type_: str, name: str) -> None:
    """Put a run into a state by force, as a button of the pages does."""
    state = {"type": type_, "name": name}
    ask(office, f"flow_runs/{run['id']}/set_state", {"state": state, "force": True})


def delete(office: Office, what: str, id_: str) -> None:
    """Delete something, as a button of the pages does."""
    ask(office, f"{what}/{id_}", {}, "DELETE")


def begin(office: Office, pretend: str = MONDAY) -> None:
    """Run Plan 37 on the first morning after its deadline, until its mail has gone out."""
    office.up("--pretend", pretend)
    done = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert done.returncode == 0, done.stderr
    assert eventually(lambda: len(sent(office)) == MAILS, 120)
    assert eventually(lambda: len(names_of(office)) == 7, 60), names_of(office)
    assert eventually(lambda: shown(office)["kh37-2020"][1] == "Overdue 27/63", 30)


@pytest.mark.timeout(400)
def test_what_is_done_to_runs_by_hand_is_put_right(office: Office):
    """Cancelled, crashed, completed, renamed, deleted, retried, started beside: all as before."""
    begin(office)
    before, texts = shown(office), pages(office)
    stages = {name for name in before if "/" in name and "escalation" not in name}
    assert {before[name][0] for name in stages} == {"PAUSED"}
    assert before["kh37-2020"][0] == "FAILED"
    assert len(texts) == 11

    runs = {run["name"]: run for view in VIEWS for run in runs_of(office, view)}
    escalation = runs["kh37-2020/escalation 2020-05-11 to so-noi-vu"]
    set_state(office, runs["kh37-2020/2-topic-reports"], "CANCELLED", "Cancelled")
    set_state(office, runs["kh37-2020/3-draft-summary"], "CRASHED", "Crashed")
    set_state(office, runs["kh37-2020/4-plan-2021-2030"], "COMPLETED", "Completed")
    set_state(office, escalation, "COMPLETED", "Completed")
    ask(office, f"flow_runs/{runs['kh37-2020']['id']}", {"name": "something else"}, "PATCH")
    assert eventually(lambda: shown(office) == before, 60), shown(office)

    for name in ("kh37-2020", "kh37-2020/1-agency-reports", escalation["name"]):
        delete(office, "flow_runs", runs[name]["id"])
    artifacts = ask(office, "artifacts/filter", {"limit": 200})
    for key in ("board-kh37-2020", "stage-kh37-2020--draft-summary"):
        delete(office, "artifacts", next(one["id"] for one in artifacts if one["key"] == key))
    assert eventually(lambda: shown(office) == before, 60), shown(office)
    assert eventually(lambda: pages(office) == texts, 60), _differ(pages(office), texts)

    # Resumed and retried before their time: a worker looks at the database, and waits again.
    runs = {run["name"]: run for view in VIEWS for run in runs_of(office, view)}
    ask(office, f"flow_runs/{runs['kh37-2020/1-agency-reports']['id']}/resume", {})
    retried = runs[escalation["name"]]
    set_state(office, retried, "SCHEDULED", "AwaitingRetry")
    assert eventually(lambda: shown(office) != before, 30)
    assert eventually(lambda: shown(office) == before, 90), shown(office)

    # Started by hand beside those that are there: no twin stays, and what is unknown is refused.
    twin = _start(office, "stage/stage", {"run": "kh37-2020", "stage": "topic-reports"})
    wrong = _start(office, "stage/stage", {"run": "kh37-2020", "stage": "topics"})
    nobody = _start(office, "plan/plan", {"run": "kh38"})
    assert eventually(lambda: _ended(office, twin) == ("COMPLETED", "Not needed"), 60)
    assert eventually(lambda: _ended(office, wrong) == ("FAILED", "Refused"), 60)
    assert eventually(lambda: _ended(office, nobody) == ("FAILED", "Refused"), 60)
    for run in (twin, wrong, nobody):
        delete(office, "flow_runs", run)
    assert shown(office) == before

    assert len(set(ids(office.home))) == len(ids(office.home)) == MAILS
    assert office.down() == 0


@pytest.mark.timeout(400)
def test_a_plan_outlives_prefect_an_outage_and_its_server(office: Office, tmp_path: Path):
    """Prefect's database wiped, ten days off, another server: the newest rung, once."""
    begin(office)
    before = shown(office)
    office.run("submit", f"{FINAL}/so-tu-phap", "--date", "2020-05-08")
    assert office.down() == 0

    shutil.rmtree(office.home / "prefect")
    office.up("--pretend", "2020-05-11T09:00+07:00")
    assert eventually(lambda: set(shown(office)) == set(before), 60), shown(office)
    assert shown(office)["kh37-2020/1-agency-reports"][1] == "Overdue 26/27"
    assert eventually(lambda: len(pages(office)) == 11, 60), pages(office).keys()
    assert not any(" TWICE " in page for page in pages(office).values())
    assert len(ids(office.home)) == MAILS
    assert office.down() == 0

    # Ten days later: the stage has ended with its day, whoever is late hears once, the newest.
    office.up("--pretend", "2020-05-21T07:59:55+07:00")
    assert eventually(lambda: shown(office)["kh37-2020/1-agency-reports"][1] == "Done 1/27", 90)
    assert eventually(lambda: not _open(office), 90)
    late = [one for one in sent(office) if one["send_at"].startswith("2020-05-21")]
    counted = Counter(one["to"] for one in late)
    assert set(counted.values()) == {1}, counted
    assert {one["kind"] for one in late if one["to"] == "so-y-te"} == {"overdue"}
    rungs = {rung for one in late for rung in one["rungs"] if rung.startswith("overdue")}
    assert rungs == {"overdue-9"}
    assert len(set(ids(office.home))) == len(ids(office.home)) == len(sent(office))
    assert office.down() == 0

    # Only our database goes to the new machine.
    moved = Office(tmp_path / "moved")
    moved.home.mkdir()
    shutil.copy(office.home / "dondoc.sqlite3", moved.home)
    moved.port = free_port()
    moved.environment["DONDOC_SERVER_PORT"] = str(moved.port)
    ended = len(moved.json("ledger"))
    try:
        moved.up("--pretend", "2020-05-21T08:30+07:00")
        wanted = {f"kh37-2020/{stage}" for stage in ("1-agency-reports", "2-topic-reports")}
        assert eventually(lambda: wanted <= set(shown(moved)), 60), shown(moved)
        assert shown(moved)["kh37-2020/2-topic-reports"][1].startswith(("Waiting", "Overdue"))
        assert eventually(lambda: len(pages(moved)) == 11, 60), pages(moved).keys()
        assert not (moved.home / "mailbox").exists() or ids(moved.home) == []
        assert len(moved.json("ledger")) == ended
        assert moved.down() == 0
    finally:
        moved.close()


@pytest.mark.timeout(400)
def test_processes_killed_at_work_lose_nothing(office: Office):
    """SIGKILL for the server, the worker, five chases at once: each mail once, all runs whole."""
    office.up("--pretend", "2020-05-11T07:59:30+07:00")
    done = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert done.returncode == 0, done.stderr
    _kill(office, "server start")  # away when 08:00 comes
    assert eventually(lambda: len(sent(office)) == MAILS, 120)
    assert eventually(lambda: _answers(office), 90)
    assert eventually(lambda: len(names_of(office)) == 7, 90), names_of(office)
    assert eventually(lambda: shown(office)["kh37-2020"][1] == "Overdue 27/63", 60)

    # The worker dies while it runs an entry: it is recorded or not, and can be entered again.
    first = _start(
        office, "record-submission/record-submission",
        {"obligation": f"{FINAL}/so-y-te", "by": "văn thư"},
    )  # fmt: skip
    assert eventually(lambda: _ended(office, first)[0] != "SCHEDULED", 60)
    _kill(office, "worker")
    entered = office.run("submit", f"{FINAL}/so-y-te")
    assert entered.returncode in (0, 1)
    assert _submissions(office, "so-y-te") == 1
    again = _start(
        office, "record-submission/record-submission",
        {"obligation": f"{FINAL}/so-cong-thuong", "by": "văn thư"},
    )  # fmt: skip
    assert eventually(lambda: _ended(office, again)[0] == "COMPLETED", 90)

    # Five chases at once, and one killed: everything is said once.
    before = len(office.json("ledger"))
    chases = [_chase(office) for _ in range(5)]
    chases[0].kill()
    assert [chase.wait(timeout=120) for chase in chases[1:]] == [0, 0, 0, 0]
    assert len(office.json("ledger")) == before
    assert eventually(lambda: shown(office)["kh37-2020/1-agency-reports"][1] == "Overdue 25/27", 60)
    assert len(names_of(office)) == 7
    assert len(set(ids(office.home))) == len(ids(office.home)) == MAILS
    assert office.down() == 0
    assert office.processes() == []


def _differ(found: dict[str, str], wanted: dict[str, str]) -> list[tuple[str, str, str]]:
    """What differs between two sets of pages, and from where on."""
    told = []
    for key in sorted(found.keys() | wanted.keys()):
        one, other = found.get(key, ""), wanted.get(key, "")
        if one != other:
            same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            told.append((key, one[same : same + 100], other[same : same + 100]))
    return told


def _start(office: Office, deployment: str, parameters: dict[str, Any]) -> str:
    """Start a run of a deployment, as a program does, and return its id."""
    found = ask(office, f"deployments/name/{deployment}", None, "GET")
    wanted = {"parameters": parameters, "enforce_parameter_schema": False}
    run = ask(office, f"deployments/{found['id']}/create_flow_run", wanted)
    return str(run["id"])


def _ended(office: Office, run: str) -> tuple[str, str]:
    state = ask(office, f"flow_runs/{run}", None, "GET")["state"]
    return str(state["type"]), str(state["name"])


def _open(office: Office) -> list[dict[str, Any]]:
    return [one for one in office.json("outbox") if one["status"] in ("queued", "sending")]


def _submissions(office: Office, agency: str) -> int:
    entries = office.json("ledger")
    return sum(
        one["kind"] == "submitted" and one["obligation"].endswith(f"/{agency}") for one in entries
    )


def _kill(office: Office, what: str) -> None:
    found = [pid for pid, command in office.running() if what in command]
    assert found, office.processes()
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def _answers(office: Office) -> bool:
    try:
        return bool(ask(office, "health", None, "GET"))
    except OSError:
        return False


def _chase(office: Office) -> subprocess.Popen[bytes]:
    """Run a chase in a process of its own, against the office's server."""
    said = (
        "import asyncio\n"
        "from flows import client\n"
        "from services.settings import Settings\n"
        "client.connect(Settings())\n"
        "from flows.chase import chase\n"
        "state = asyncio.run(chase(show='kh37-2020', return_state=True))\n"
        "raise SystemExit(not state.is_completed())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", said],
        env=office.environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
