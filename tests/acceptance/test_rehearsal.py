"""The main job, for real: the whole plan through Prefect and SMTP, under a virtual clock."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

from notifiers.wire import mailbox
from tests.acceptance.office import PLAN, SCENARIOS, Office, eventually

SAME = ("send_at", "to", "kind", "rungs", "obligations", "subject")


def test_the_real_flows_send_just_what_the_preview_shows(office: Office, tmp_path: Path):
    """Two ways to the same mails: the pure rules, and Prefect, SQL and SMTP."""
    out = tmp_path / "out"
    scenario = str(SCENARIOS / "plausible.yaml")

    done = office.run("rehearse", str(PLAN), "--scenario", scenario, "--out", str(out), timeout=280)

    assert done.returncode == 0, done.stderr
    sent = json.loads((out / "messages.json").read_text(encoding="utf-8"))
    shown = office.json("preview", str(PLAN), "--scenario", scenario)["messages"]
    assert _sorted(sent) == _sorted(shown)
    assert Counter(message["status"] for message in sent) == {"sent": len(shown)}
    filed = mailbox.read(out / "mailbox")
    assert Counter(mail.message_id for mail in filed) == Counter(m["message_id"] for m in sent)
    assert all(mail.to[0].endswith(".example") for mail in filed)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["all"] == {"owed": 90, "on_time": 84, "late": 5, "missing": 1}
    assert [stage["done"] is not None for stage in summary["stages"]] == [True] * 4
    assert office.processes() == []


def _sorted(messages: list[dict[str, object]]) -> list[str]:
    return sorted(json.dumps({key: one[key] for key in SAME}, sort_keys=True) for one in messages)


def test_an_interrupted_rehearsal_leaves_nothing_behind(office: Office, tmp_path: Path):
    """Ctrl-C: no process, no folder, nothing half written."""
    out = tmp_path / "out"
    scenario = str(SCENARIOS / "plausible.yaml")
    running = office.begin("rehearse", str(PLAN), "--scenario", scenario, "--out", str(out))
    assert eventually(lambda: any("server" in line for line in _children(tmp_path)))

    running.send_signal(signal.SIGINT)

    assert running.wait(timeout=60) == 130
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []
    assert eventually(lambda: _children(tmp_path) == [], 10)


def _children(folder: Path) -> list[str]:
    return Office(folder).processes()


def test_a_folder_that_holds_something_else_is_not_touched(office: Office, tmp_path: Path):
    """A slip of the hand in --out must not delete somebody's work."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "cong-van.txt").write_text("quan trọng", encoding="utf-8")
    scenario = str(SCENARIOS / "plausible.yaml")

    done = office.run(
        "rehearse", str(PLAN), "--scenario", scenario, "--out", str(tmp_path / "letters")
    )

    assert done.returncode == 1
    assert (tmp_path / "letters" / "cong-van.txt").read_text(encoding="utf-8") == "quan trọng"
