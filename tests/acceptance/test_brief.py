"""A brief asked for on a real server: one mail, one sentence, one run that sorts."""

from __future__ import annotations

import re
from typing import Any

from notifiers.wire import mailbox
from tests.acceptance.office import PLAN, Office
from tests.acceptance.test_up import ask

FLOW = {"flows": {"name": {"any_": ["daily-brief"]}}, "sort": "START_TIME_ASC"}


def test_an_operator_sends_the_coordinator_a_brief(office: Office):
    """What was asked for is mailed at once; what can't be is refused with a sentence."""
    office.up("--pretend", "2020-05-11T09:00+07:00")
    nothing = office.run("brief")
    assert (nothing.returncode, "Chưa có đợt thực hiện nào." in nothing.stderr) == (1, True)
    office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")

    shown = office.run("brief", "--show")
    before = _briefs(office)
    sent = office.run("brief", "--by", "Nguyễn Văn A")
    unknown = office.run("brief", "khac")

    assert "27 cơ quan quá hạn" in shown.stdout
    assert before == []
    assert sent.stdout.startswith("Đã gửi báo cáo tình hình cho Sở Nội vụ (")
    assert (unknown.returncode, "Không có đợt thực hiện khac" in unknown.stderr) == (1, True)
    (mail,) = _briefs(office)
    assert "đã đôn đốc ngày 11/5/2020" in mail.text
    assert (mail.recipient, mail.kind) == ("so-noi-vu", "brief")
    runs: list[dict[str, Any]] = ask(office, "flow_runs/filter", FLOW)
    assert [run["state"]["name"] for run in runs] == ["Refused", "Sent", "Refused"]
    assert re.fullmatch(r"kh37-2020/brief 2020-05-11 09:0\d", runs[1]["name"])


def _briefs(office: Office) -> list[mailbox.StoredMail]:
    folder = office.home / "mailbox"
    found = mailbox.read(folder) if folder.exists() else []
    return [mail for mail in found if mail.kind == "brief"]
