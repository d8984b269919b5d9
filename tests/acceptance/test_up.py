"""`dondoc up`, for real: server, worker, clock, and what an operator does to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from contextlib import closing
from http import HTTPStatus
from typing import Any

from notifiers.wire import mailbox
from tests.acceptance.office import PLAN, Office, eventually

FINAL = "agency-reports/final-report"


def ask(office: Office, path: str, body: Any) -> Any:
    """Post to Prefect's API, as its pages do."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{office.port}/api/{path}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                answers.append(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:  # SQLite was busy: ask again
                raise
        return bool(answers)

    assert eventually(answered, 30)
    return json.loads(answers[0]) if answers[0] else None


def stage_runs(office: Office) -> dict[str, dict[str, Any]]:
    """The stage runs that Prefect shows, by name."""
    runs = ask(office, "flow_runs/filter", {"flows": {"name": {"any_": ["stage"]}}})
    return {run["name"]: run for run in runs}


NUMBERS = {"agency-reports": 1, "topic-reports": 2, "draft-summary": 3, "plan-2021-2030": 4}


def state(office: Office, stage: str) -> str:
    """The name of the state that a stage's run is in."""
    run = stage_runs(office).get(f"kh37-2020/{NUMBERS[stage]}-{stage}")
    return "" if run is None else str(run["state"]["name"])


def test_a_morning_with_plan_37(office: Office):
    """Start it, let the clock chase, record, cancel, kill: the database is the truth."""
    office.up("--pretend", "2020-05-11T07:59:50+07:00")

    # Started as of the day of issue: what fell due since is issued as after an outage.
    started = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert started.returncode == 0, started.stderr
    again = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert again.returncode == 0
    assert state(office, "agency-reports") == "Overdue 27/27"
    assert state(office, "topic-reports") == "Blocked"
    assert len(stage_runs(office)) == 4

    # At 08:00 the clock wakes by itself: one mail for each recipient, escalations among them.
    assert eventually(lambda: len(_sent(office)) == 30, 90)
    mails = mailbox.read(office.home / "mailbox")
    assert len({mail.recipient for mail in mails}) == len(mails) == 30
    assert {mail.kind for mail in mails if mail.recipient == "ubnd-tinh"} == {"escalate"}
    assert ask(office, "flow_runs/filter", {"flows": {"name": {"any_": ["escalation"]}}})

    # A submission counts; a second one, a date ahead and a wrong name are refused.
    submitted = office.run("submit", f"{FINAL}/so-tu-phap", "--date", "2020-05-08")
    assert submitted.returncode == 0, submitted.stderr
    assert state(office, "agency-reports") == "Overdue 26/27"
    before = office.json("ledger")
    for arguments in (
        (f"{FINAL}/so-tu-phap",),
        (f"{FINAL}/so-y-te", "--date", "2020-05-12"),
        (f"{FINAL}/so-y-ta",),
    ):
        refused = office.run("submit", *arguments)
        assert refused.returncode == 1, refused.stdout
        assert refused.stderr.strip()
    assert office.json("ledger") == before

    # Cancelled by hand, deleted by hand: the sweep makes them again.
    runs = stage_runs(office)
    ask(
        office,
        f"flow_runs/{runs['kh37-2020/2-topic-reports']['id']}/set_state",
        {"state": {"type": "CANCELLED"}, "force": True},
    )
    assert eventually(lambda: state(office, "topic-reports") == "Blocked", 30)

    # Resumed by hand before its time, it looks at the database and waits again.
    ask(office, f"flow_runs/{runs['kh37-2020/1-agency-reports']['id']}/resume", {})
    assert eventually(lambda: state(office, "agency-reports") != "Overdue 26/27", 30)
    assert eventually(lambda: state(office, "agency-reports") == "Overdue 26/27", 60)

    # The event, posted by another program, reaches the ledger; twice it counts once.
    event = {
        "event": "government.programme-issued",
        "occurred": "2020-05-11T01:00:00Z",
        "resource": {"prefect.resource.id": "dondoc.event.government"},
        "payload": {"document": "76/NQ-CP", "date": "2020-05-08"},
    }
    ask(office, "events", [event | {"id": "7f1d3c1e-0000-4000-8000-000000000001"}])
    assert eventually(lambda: "event-announced" in _kinds(office), 60)
    told = office.run("event", "government.programme-issued", "--document", "76/NQ-CP")
    assert told.returncode == 0
    assert _kinds(office).count("event-announced") == 1

    # A second `up` on the same folder is refused; the first goes on.
    assert office.run("up").returncode == 1

    assert office.down() == 0
    assert office.processes() == []


def test_a_killed_office_goes_on_where_it_was(office: Office):
    """SIGKILL at any moment, start again: nobody is mailed twice, nobody forgotten."""
    office.up("--pretend", "2020-05-11T07:59:57+07:00")
    office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
    assert eventually(lambda: len(_sent(office)) > 0, 60)
    assert office._up is not None
    office.down(signal.SIGKILL)
    # Nothing goes on unseen: each part ends with its supervisor.
    assert eventually(lambda: office.processes() == [], 30), office.processes()

    office.up("--pretend", "2020-05-11T08:20:00+07:00")

    assert eventually(lambda: len(_sent(office)) == 30, 90)
    counted = [mail.message_id for mail in mailbox.read(office.home / "mailbox")]
    assert len(set(counted)) == 30
    assert len(counted) <= 30 + 8
    assert office.down() == 0


def test_an_office_behind_a_password_puts_itself_right(office: Office):
    """Nothing runs without the password; a dead clock and a wiped server come back."""
    login = "an:bi-mat"
    office.environment |= {"DONDOC_PREFECT_AUTH": login, "DONDOC_POOL": "phong"}
    office.up()
    assert eventually(lambda: office.run("doctor").returncode == 0, 60), office.run("doctor").stdout
    assert not any("bi-mat" in command for command in office.processes())

    right, office.environment["DONDOC_PREFECT_AUTH"] = login, "an:sai"
    refused = office.run("start", str(PLAN))
    assert refused.returncode == 3
    assert "DONDOC_PREFECT_AUTH" in refused.stderr
    found = {point["point"]: point["found"] for point in _doctor(office)["points"]}
    assert found["server"] == "refused"
    office.environment["DONDOC_PREFECT_AUTH"] = right

    os.kill(_process(office, "server start"), signal.SIGKILL)
    for file in (office.home / "prefect").glob("prefect.db*"):
        file.unlink()
    clock = _process(office, "flows.clock")
    os.kill(clock, signal.SIGKILL)
    # Server, deployments, automations and clock are back by themselves.
    assert eventually(lambda: bool(_doctor(office)["ok"]), 120), _doctor(office)
    assert _process(office, "flows.clock") != clock

    assert office.down() == 0
    assert office.processes() == []


def test_a_taken_port_is_refused(office: Office):
    """Another program's answers must not be taken for Prefect's."""
    with closing(socket.create_server(("127.0.0.1", office.port))):
        refused = office.run("up")
    assert refused.returncode == 3
    assert "DONDOC_SERVER_PORT" in refused.stderr


def test_a_setting_that_cannot_be_used_is_one_sentence(office: Office):
    """No traceback, whatever the command."""
    office.environment["DONDOC_SERVER_PORT"] = "cổng"
    for command in ("up", "status", "doctor"):
        refused = office.run(command)
        assert refused.returncode == 1
        assert refused.stderr.count("DONDOC_SERVER_PORT") == 1
        assert "Traceback" not in refused.stderr


def test_without_a_server_nothing_is_recorded(office: Office):
    """Exit 3, and one sentence on how to start one."""
    done = office.run("start", str(PLAN))
    assert done.returncode == 3
    assert "dondoc up" in done.stderr
    assert office.run("status").returncode == 1


def _sent(office: Office) -> list[Any]:
    return [one for one in office.json("outbox") if one["status"] == "sent"]


def _kinds(office: Office) -> list[str]:
    return [entry["kind"] for entry in office.json("ledger")]


def _doctor(office: Office) -> Any:
    return json.loads(office.run("doctor", "--format", "json").stdout)


def _process(office: Office, what: str) -> int:
    return next(number for number, command in office.running() if what in command)
