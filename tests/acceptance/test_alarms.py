"""Alarms, for real: each automation of `prefect.yaml`, and what an operator gets to see."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from flows.processes import free_port
from tests.acceptance.clocks import clock
from tests.acceptance.office import PLAN, Office, eventually
from tests.acceptance.prefect_api import ask, patience, runs_of, tell

OPERATOR = "truc.ban@tuyenquang.example"
UNKNOWN = "vanthu@soyte.tuyenquang.example"


class MailServer:
    """Takes every mail but that to one address, which it does not know."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address == UNKNOWN:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.taken += [(address, envelope.content) for address in envelope.rcpt_tos]
        return "250 OK"

    @property
    def to_operator(self) -> list[str]:
        """The subjects of the mails that the operator got."""
        mails = [content for address, content in self.taken if address == OPERATOR]
        return [str(make_header(decode_header(message_from_bytes(m)["Subject"]))) for m in mails]


@contextmanager
def mail_server(office: Office) -> Iterator[MailServer]:
    """Run a mail server, and have the office use it."""
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    office.environment |= {
        "DONDOC_SMTP_HOST": "127.0.0.1",
        "DONDOC_SMTP_PORT": str(controller.port),
        "DONDOC_SMTP_TLS": "off",
        "DONDOC_OPERATOR": OPERATOR,
    }
    try:
        yield handler
    finally:
        controller.stop()


def alarms(office: Office, name: str) -> list[str]:
    """The messages of the alarms that stand red under `name`."""
    found = [run["state"] for run in runs_of(office, "alarm")]
    return [one["message"] for one in found if (one["type"], one["name"]) == ("FAILED", name)]


def crash(office: Office, stage: str) -> None:
    """Say of a stage's run what Prefect's worker says of one whose process was killed."""
    (run,) = [one for one in runs_of(office, "stage") if one["name"].endswith(stage)]
    said = "Flow run process exited with non-zero status code -9."
    crashed = {"state": {"type": "CRASHED", "name": "Crashed", "message": said}, "force": True}
    ask(office, f"flow_runs/{run['id']}/set_state", crashed)


@pytest.mark.timeout(400)
def test_an_operator_is_told_what_broke(office: Office):
    """Mail refused, a flow killed, a clock killed: a red run and one mail for each."""
    with mail_server(office) as server:
        office.up("--pretend", "2020-05-11T07:59:45+07:00")
        patience(office, "clock-silent", 25)
        started = office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00")
        assert started.returncode == 0, started.stderr

        # An address that the mail server does not know.
        assert eventually(lambda: len(alarms(office, "Mail undeliverable")) == 1, 120)
        (said,) = alarms(office, "Mail undeliverable")
        assert "Sở Y tế" in said
        assert "550" in said
        assert "dondoc outbox retry" in said
        assert OPERATOR in said

        # A flow whose process was killed; the stage itself is put right by the sweep.
        crash(office, "draft-summary")
        assert eventually(lambda: len(alarms(office, "Flow crashed")) == 1, 90)
        assert "draft-summary" in alarms(office, "Flow crashed")[0]
        assert "-9" in alarms(office, "Flow crashed")[0]

        # Of two clocks of other machines one is killed, one is stopped.
        with clock(office, "may-2") as killed, clock(office, "may-3") as stopped:
            heard = ("may-2", "may-3")
            assert eventually(lambda: _heard(office, *heard), 60)
            assert stopped.end(signal.SIGTERM) == 0
            killed.end(signal.SIGKILL)
            assert eventually(lambda: len(alarms(office, "Clock silent")) == 1, 90)
        said = alarms(office, "Clock silent")[0]
        assert "may-2" in said
        assert "may-3" not in said

        # An odd event of another program is no reason to fall silent.
        tell(office, "dondoc.mail.undeliverable", "dondoc.mail.x", {"messages": None})
        assert eventually(lambda: "Over" in _states(office), 60)

        # Each once, and no alarm about an alarm.
        assert _states(office) == Counter(
            {"Mail undeliverable": 1, "Flow crashed": 1, "Clock silent": 1, "Over": 1}
        )
        assert sorted(server.to_operator) == [
            "Đôn Đốc báo động: lần chạy dừng vì lỗi",
            "Đôn Đốc báo động: thư không gửi được",
            "Đôn Đốc báo động: đồng hồ im lặng",
        ]
        assert office.down() == 0


def _heard(office: Office, *names: str) -> bool:
    since = {"since": "2020-01-01T00:00:00Z"}
    wanted = {"event": {"name": ["dondoc.clock.swept"]}, "occurred": since}
    found = ask(office, "events/filter", {"filter": wanted, "limit": 50})["events"]
    resources = {one["resource"]["prefect.resource.id"] for one in found}
    return resources >= {f"dondoc.clock.{name}" for name in names}


def _states(office: Office) -> Counter[str]:
    return Counter(run["state"]["name"] for run in runs_of(office, "alarm"))
