"""Clocks, for real: exact, several at once, without Prefect, and at rest."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows import moment
from notifiers.wire import mailbox
from plan_definitions import Bundle
from services import runs
from services.settings import Settings
from services.wiring import Parts, opened
from storage import clocks, outbox
from storage.outbox import Status
from tests.acceptance.clocks import clock
from tests.acceptance.office import PLAN, Office, eventually
from tests.acceptance.prefect_api import count_of_runs

EIGHT = datetime.fromisoformat("2020-05-11T08:00:00+07:00")


def settings(office: Office) -> Settings:
    """The settings of an office's processes."""
    return Settings(home=office.home, database_url="")


def ids(home: Path) -> list[str]:
    """The Message-IDs in the mailbox."""
    return [mail.message_id for mail in mailbox.read(home / "mailbox")]


@pytest.mark.timeout(400)
def test_two_clocks_are_exact_and_send_everything_once(office: Office):
    """At 08:00:00, not at the next sweep; each notice and mail once; then not a run more."""
    office.environment["DONDOC_SWEEP_SECONDS"] = "10"
    office.up("--pretend", "2020-05-11T07:30:00+07:00")
    with clock(office, "may-2") as second:
        # On Friday already everybody was told; what wakes on Monday at 08:00 is exact.
        assert office.run("start", str(PLAN), "--as-of", "2020-04-06T08:00+07:00").returncode == 0
        moment.pretend(office.home, EIGHT - timedelta(seconds=5))
        with opened(settings(office)) as parts:  # a command for each look would be a load
            assert eventually(lambda: _sent(parts) == 30)

        issued = [one for one in office.json("ledger") if one["kind"] == "notice-issued"]
        told = Counter((one["obligation"], str(one["data"])) for one in issued)
        assert set(told.values()) == {1}
        rung = [one for one in issued if _at(one["happened_at"]) == EIGHT]
        recorded = [_at(one["recorded_at"]) - EIGHT for one in rung]
        assert recorded
        # The wake-up itself is exact; Prefect makes its run first, in 0.2 s on an idle machine.
        assert all(timedelta(0) <= late <= timedelta(seconds=2) for late in recorded), recorded
        assert len(set(ids(office.home))) == len(ids(office.home)) == 30

        # Nothing is due before tomorrow: sweeps come and go, no run is made.
        with opened(settings(office)) as parts:

            def beats() -> dict[str, datetime]:
                with parts.database.reading() as connection:
                    return {one.name: one.beat_at for one in clocks.known(connection)}

            def pass_by(seconds: int) -> bool:
                later = {name: at + timedelta(seconds=seconds) for name, at in beats().items()}
                assert len(later) == 2
                return eventually(lambda: all(beats()[name] > later[name] for name in later))

            assert pass_by(10)  # until what was sent is shown as well
            before = count_of_runs(office)
            assert pass_by(30)
            assert count_of_runs(office) == before
        assert second.end(signal.SIGTERM) == 0
        assert b"Traceback" not in second.log.read_bytes()
    assert office.down() == 0


def test_mail_goes_out_though_prefect_is_away(office: Office):
    """The database is the truth: a clock alone issues and delivers at its time."""
    moment.pretend(office.home, EIGHT - timedelta(seconds=15))
    with opened(settings(office)) as parts:
        friday = datetime.fromisoformat("2020-04-06T08:00:00+07:00")
        now = moment.now(parts.settings)
        runs.start(parts, Bundle.read(PLAN), now=now, by="văn thư", started_at=friday)

    with clock(office, "may-1") as alone:
        with opened(settings(office)) as parts:
            assert eventually(lambda: _sent(parts) == 30)
        assert alone.end(signal.SIGTERM) == 0
        said = alone.log.read_text(encoding="utf-8")

    assert len(set(ids(office.home))) == len(ids(office.home)) == 30
    assert "Traceback" not in said
    assert "30 mails without it" in said
    assert len(said.splitlines()) < 20


def _sent(parts: Parts) -> int:
    with parts.database.reading() as connection:
        return sum(one.status is Status.SENT for one in outbox.of_run(connection))


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)
