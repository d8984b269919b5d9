"""Mail is prepared by the sender or by a helper: the same mail, and nothing depends on it."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from notifiers.wire.channel import Envelope, Outcomes
from plan_definitions import Bundle
from services import briefing, chasing, recording
from services.mail import delivering, helper
from services.mail.delivering import Delivered
from services.mail.helper import Helper, helped
from services.mail.preparing import Prepared, Preparer
from services.wiring import Parts
from storage.outbox import Message, Status
from tests.postfix import sink
from tests.services import written as w
from tests.services.office import (
    BY,
    Offices,
    Recording,
    deliver,
    outbox_of,
    start,
    statuses,
    submit,
)

ROOT = Path(__file__).parents[2]
MORNING = 29  # mails of plan 37's first morning


def by_helper(parts: Parts, messages: list[Message], now: datetime) -> list[Prepared] | None:
    """Have messages prepared by a helper."""

    async def run() -> list[Prepared] | None:
        async with helped(parts.settings) as one:
            await one.started()
            return await one.prepare(messages, now)

    return asyncio.run(run())


@pytest.mark.on_files("what a helper makes of a mail; that it reads the database is tried beside")
def test_a_helper_prepares_every_kind_of_mail_to_the_same_bytes(small: Parts):
    """Who words a mail must not show: a copy after a kill is the same mail again."""
    noon = w.EVE + timedelta(hours=4)
    steps: list[tuple[datetime, Callable[[datetime], object]]] = [
        (w.START, lambda _: None),
        (w.EVE, lambda _: None),
        (noon, lambda now: submit(small, w.REPORT_A, now=now)),
        (noon, lambda now: send_back(small, now)),
        (noon, lambda now: recording.announce(small, "government.issued", BY, now=now)),
        (w.LATE, lambda now: briefing.send(small, "nho", now=now, by="văn thư")),
    ]
    found: list[Prepared] = []
    for now, step in steps:
        step(now)
        chasing.issue_notices(small, now)
        messages = [one for one in outbox_of(small) if one.status is Status.QUEUED]
        if now == w.LATE:
            submit(small, w.REPORT_C, now=now)
        ours = Preparer(small).prepare(messages, now)
        assert by_helper(small, messages, now) == ours
        found += ours
        deliver(small, now)

    sent = {one.message.kind for one in found if one.envelope}
    assert sent >= {"assign", "remind", "overdue", "returned", "escalate", "event", "brief"}
    assert any(one.is_pointless for one in found)


def send_back(parts: Parts, now: datetime) -> None:
    """Return a report for completion."""
    recording.send_back(parts, "nho", w.REPORT_A, BY, why="thiếu biểu", days=5, now=now)


@pytest.mark.on_files("what a helper makes of a mail; that it reads the database is tried beside")
def test_a_mail_that_cannot_be_made_is_told_the_same_by_a_helper(small: Parts):
    """The fault goes to a person with its reason, whoever came upon it."""
    chasing.issue_notices(small, w.START)
    settings = small.settings.model_copy(update={"sender": "kẻ gửi\r\n@nho.example"})
    parts = Parts(settings, small.database)
    messages = outbox_of(parts)

    theirs = by_helper(parts, messages, w.START) or []
    ours = Preparer(parts).prepare(messages, w.START)

    assert whys(theirs) == whys(ours)
    assert all(whys(ours))


def whys(found: list[Prepared]) -> list[str]:
    """Return why each mail can't be made."""
    return [one.fault.why if one.fault else "" for one in found]


# ── A helper that fails ──


class Meddling(Recording):
    """A way out that waits for the helper before its second mail, then does something to it."""

    def __init__(self, meddle: Callable[[Helper], None]) -> None:
        super().__init__()
        self.meddle, self.helpers = meddle, list[Helper]()

    async def send(self, envelope: Envelope) -> Outcomes:
        """Answer as always; see to the helper first."""
        if len(self.envelopes) == 1:
            await self.helpers[0].started()
            self.meddle(self.helpers[0])
        return await super().send(envelope)


def deliver_with(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[Helper], None]
) -> tuple[Delivered, Meddling, Helper]:
    """Deliver with a helper, however little is due, in batches of one."""
    way = Meddling(meddle)

    @asynccontextmanager
    async def watched(settings):
        async with helped(settings) as one:
            way.helpers.append(one)
            yield one

    monkeypatch.setattr(delivering, "MUCH", 1)
    monkeypatch.setattr(delivering, "BATCH", 2)
    monkeypatch.setattr(delivering, "helped", watched)
    delivered = deliver(parts, w.START, way)
    return delivered, way, way.helpers[0]


def asked(one: Helper) -> None:
    """Leave a helper as it is."""


@pytest.fixture
def much(parts: Parts) -> Parts:
    """An office with the 29 mails of plan 37's first morning to send."""
    start(parts, w.real())
    chasing.issue_notices(parts, w.START)
    return parts


def test_a_helper_does_what_the_sender_would_do(
    much: Parts, monkeypatch: pytest.MonkeyPatch, office: Offices
):
    """The same mails, each once; and when all is sent nobody is left behind."""
    _, way, used = deliver_with(much, monkeypatch, asked)
    with office("alone") as alone:
        start(alone, w.real())
        chasing.issue_notices(alone, w.START)
        plain = Recording()
        monkeypatch.setattr(delivering, "MUCH", 10_000)
        deliver(alone, w.START, plain)

    assert sorted(one.content for one in way.envelopes) == sorted(
        one.content for one in plain.envelopes
    )
    assert set(statuses(much)) == {"sent"}
    assert used.process is not None
    assert used.process.returncode is not None


@pytest.mark.on_files("how the work is shared")
def test_where_every_line_would_wait_for_the_helper_the_sender_does_a_part(
    much: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Two at work send more than one at work and one that waits; but only a few mails at a time."""
    prepare, asked_for = Preparer.prepare, []

    def counted(self: Preparer, messages: Sequence[Message], now: datetime) -> list[Prepared]:
        asked_for.append(len(messages))
        return prepare(self, messages, now)

    monkeypatch.setattr(Helper, "waiting", property(lambda _: 99))
    monkeypatch.setattr(Preparer, "prepare", counted)
    monkeypatch.setattr(delivering, "OWN", 1)
    monkeypatch.setattr(delivering, "LARGEST", 4)

    _, way, _ = deliver_with(much, monkeypatch, asked)

    assert len(way.ids) == len(set(way.ids)) == len(outbox_of(much))
    assert set(asked_for[-8:]) == {1}


def kill(one: Helper) -> None:
    """End a helper without a word."""
    assert one.process is not None
    one.process.kill()


def stop(one: Helper) -> None:
    """Let a helper hang."""
    assert one.process is not None
    one.process.send_signal(signal.SIGSTOP)


@pytest.mark.on_files("processes that die")
@pytest.mark.parametrize("meddle", [kill, stop])
def test_a_helper_that_dies_or_hangs_costs_no_mail(
    much: Parts, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[Helper], None]
):
    """The sender prepares by itself from there on: none is lost, none goes twice."""
    monkeypatch.setattr(helper, "PATIENCE", 0.05)

    _, way, used = deliver_with(much, monkeypatch, meddle)

    assert len(way.ids) == len(set(way.ids)) == len(outbox_of(much))
    assert set(statuses(much)) == {"sent"}
    assert not used.is_there


def test_mail_goes_out_where_no_helper_can_be_started(
    much: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """No memory for one more process is no reason to send nothing."""
    monkeypatch.setattr(delivering, "MUCH", 1)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    deliver(much, w.START)

    assert set(statuses(much)) == {"sent"}
    assert "without a helper" in caplog.text


def test_a_helper_that_cannot_read_the_database_leaves_it_to_the_sender(
    small: Parts, capfd: pytest.CaptureFixture[str]
):
    """It says so where the sender's errors stand, and stays for when the database is well."""
    chasing.issue_notices(small, w.START)
    messages = outbox_of(small)

    async def run() -> tuple[list[Prepared] | None, list[Prepared] | None]:
        async with helped(small.settings) as one:
            await one.started()
            execute(small, "ALTER TABLE addresses RENAME TO gone")
            failed = await one.prepare(messages, w.START)
            execute(small, "ALTER TABLE gone RENAME TO addresses")
            return failed, await one.prepare(messages, w.START)

    failed, done = asyncio.run(run())

    assert failed is None
    assert "ERROR services.mail.helper mail can't be prepared\n" in capfd.readouterr().err
    assert done == Preparer(small).prepare(messages, w.START)


def execute(parts: Parts, statement: str) -> None:
    """Change the database behind everybody's back."""
    with parts.database.writing() as connection:
        connection.exec_driver_sql(statement)


def test_who_is_killed_leaves_no_helper_behind(much: Parts):
    """It ends with its input: nobody is there to end it."""
    code = (
        "import asyncio, os, sys\n"
        "from services.mail.helper import helped\n"
        "from services.settings import Settings\n"
        "async def run():\n"
        "    async with helped(Settings()) as one:\n"
        "        await one.started()\n"
        "        print(one.process.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(run())\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"DONDOC_HOME": str(much.settings.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    with killed.stdout as said:
        left = os.pidfd_open(int(said.readline()))

    killed.kill()
    killed.wait()

    ended, _, _ = select.select([left], [], [], 30)
    os.close(left)
    assert ended == [left]


# ── When there is one ──


def test_a_large_morning_goes_to_a_real_server_through_the_helper(
    office: Offices, monkeypatch: pytest.MonkeyPatch
):
    """On each kind of database: it is told which, whatever its environment says."""
    used: list[Helper] = []

    @asynccontextmanager
    async def waited(settings):
        async with helped(settings) as one:
            await one.started()
            used.append(one)
            yield one

    def never(*_):
        raise AssertionError("the helper prepares all of it")

    monkeypatch.setenv("DONDOC_HOME", "/nowhere")
    monkeypatch.setenv("DONDOC_DATABASE_URL", "sqlite:////nowhere/else.sqlite3")
    with (
        sink() as server,
        office(
            smtp_host=server.host, smtp_port=server.port, smtp_tls="off", smtp_connections=1
        ) as parts,
    ):
        plans = -(-delivering.MUCH // MORNING)
        for number in range(plans):
            start(parts, named(w.real(), f"ke-hoach-{number}"))
        chasing.issue_notices(parts, w.START)
        monkeypatch.setattr(delivering, "helped", waited)
        monkeypatch.setattr(Preparer, "prepare", never)

        async def run() -> Delivered:
            async with delivering.way_out(parts) as way:
                return await delivering.deliver(parts, way, w.START)

        delivered = asyncio.run(run())
        arrived = sorted(mail.message_id for mail in server.received)

        assert used
        assert delivered.counts == {Status.SENT: plans * MORNING}
        assert arrived == sorted(one.message_id for one in outbox_of(parts))


def named(bundle: Bundle, plan: str) -> Bundle:
    """Return a bundle under another plan's id."""
    texts = dict(bundle.texts)
    texts[bundle.main] = re.sub(r"(?m)^plan: .*$", f"plan: {plan}", texts[bundle.main])
    return Bundle(bundle.main, texts)


def test_a_handful_of_mails_starts_no_helper(much: Parts, monkeypatch: pytest.MonkeyPatch):
    """Its start takes longer than they do."""
    monkeypatch.setattr(delivering, "helped", None)  # would be called

    deliver(much, w.START)

    assert set(statuses(much)) == {"sent"}


def test_a_server_with_a_low_rate_needs_no_helper(much: Parts, monkeypatch: pytest.MonkeyPatch):
    """It would sit idle for most of the minute."""
    monkeypatch.setattr(delivering, "MUCH", 1)
    monkeypatch.setattr(delivering, "helped", None)
    slow = much.settings.model_copy(update={"smtp_per_minute": 600})

    deliver(Parts(slow, much.database), w.START)

    assert set(statuses(much)) == {"sent"}
