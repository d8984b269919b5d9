"""Checkup: each point says what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from language.catalogue import LANGUAGES
from notifiers.wire.mailbox import MailboxServer
from services import chasing, checkup
from services.checkup import Finding, Grade
from services.settings import BadSettings, Settings
from services.wiring import Parts
from storage import addresses, clocks, relays
from storage.outbox import Status
from storage.relays import Relay
from storage.tables import CLOCKS, MESSAGES
from tests.services import written as w

NOW = w.START


def settings(home: Path, **changes: object) -> Settings:
    """The settings of an office, whatever the environment says."""
    return Settings(**{"home": home, "database_url": "", "smtp_host": "", **changes})


def assert_said(found: Finding, grade: Grade, said: str) -> None:
    """It stands so, and both languages have the sentence; what is bad has a way out."""
    assert (found.grade, found.said) == (grade, said)
    for language in LANGUAGES:
        assert found.say(language)
        if grade is not Grade.GOOD:
            assert found.help(language)


def beat(parts: Parts, name: str, ago: timedelta) -> None:
    """A clock's beat."""
    with parts.database.writing() as connection:
        clocks.beat(parts.database, connection, name, started_at=NOW - ago, now=NOW - ago)


def test_an_old_python_is_bad():
    """3.11 is what pyproject.toml asks for."""
    assert_said(checkup.python((3, 10, 4)), Grade.BAD, "old")
    assert_said(checkup.python((3, 13, 0)), Grade.GOOD, "good")


def test_a_mistyped_variable_is_pointed_out():
    """What was set there is not what runs."""
    assert_said(checkup.variables(["DONDOC_HOME", "PATH"]), Grade.GOOD, "good")
    assert_said(checkup.variables(["DONDOC_SMTP_HOTS"]), Grade.CARE, "meant")
    assert_said(checkup.variables(["DONDOC_X"]), Grade.CARE, "unknown")


@pytest.mark.parametrize(
    ("count", "grade", "said"),
    [
        (10 * 1024**3, Grade.GOOD, "good"),
        (500 * 1024**2, Grade.CARE, "little"),
        (50 * 1024**2, Grade.BAD, "full"),
    ],
)
def test_a_full_disk_is_bad(tmp_path: Path, count: int, grade: Grade, said: str):
    """A database that can't be written loses nothing, but goes on no more."""
    assert_said(checkup.home(tmp_path, lambda _: SimpleNamespace(free=count)), grade, said)


def test_a_home_that_is_no_folder_is_bad(tmp_path: Path):
    """Nothing can be kept in a file of that name."""
    (tmp_path / "file").touch()
    found = checkup.home(tmp_path / "file" / "home", lambda _: SimpleNamespace(free=10**12))
    assert_said(found, Grade.BAD, "closed")


def test_a_missing_home_is_no_fault(tmp_path: Path):
    """Before the first start there is none; a wrong DONDOC_HOME looks the same."""
    found = checkup.home(tmp_path / "new", lambda _: SimpleNamespace(free=10**12))
    assert_said(found, Grade.CARE, "missing")
    assert not (tmp_path / "new").exists()


def test_the_database_is_looked_at_and_not_made(tmp_path: Path):
    """A look changes nothing."""
    assert_said(checkup.database(settings(tmp_path)), Grade.CARE, "missing")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_does_not_open_is_bad(tmp_path: Path):
    """A file that is no database, or a server that does not answer."""
    (tmp_path / "dondoc.sqlite3").write_bytes(b"not a database at all" * 100)
    assert_said(checkup.database(settings(tmp_path)), Grade.BAD, "failed")


def test_a_database_of_another_version_is_bad(parts: Parts):
    """After an upgrade of the program, before its first start."""
    assert_said(checkup.database(parts.settings), Grade.GOOD, "good")
    with parts.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert_said(checkup.database(parts.settings), Grade.BAD, "version")


def test_a_clock_that_never_ran_is_bad(parts: Parts):
    """Nobody would be mailed."""
    assert_said(checkup.clock(parts, NOW), Grade.BAD, "none")


def test_a_silent_clock_is_bad(parts: Parts):
    """Three beats missed; one more that beats makes it bearable."""
    beat(parts, "one", timedelta(minutes=4))
    assert_said(checkup.clock(parts, NOW), Grade.BAD, "silent")
    beat(parts, "two", timedelta(seconds=30))
    assert_said(checkup.clock(parts, NOW), Grade.CARE, "some")


def test_a_clock_that_was_stopped_is_said_to_be(parts: Parts):
    """It did not crash; still no mail goes out."""
    beat(parts, "one", timedelta(seconds=30))
    assert_said(checkup.clock(parts, NOW), Grade.GOOD, "good")
    with parts.database.writing() as connection:
        connection.execute(CLOCKS.update().values(stopped_at=NOW))
    assert_said(checkup.clock(parts, NOW), Grade.BAD, "stopped")


def test_what_was_due_and_is_not_done_is_bad(small: Parts):
    """Two minutes are more than any clock needs."""
    at = chasing.next_wake(small)
    assert at is not None
    assert_said(checkup.wake_ups(small, at + timedelta(minutes=1)), Grade.GOOD, "good")
    assert_said(checkup.wake_ups(small, at + timedelta(minutes=3)), Grade.BAD, "overdue")


@pytest.mark.parametrize("status", [Status.UNDELIVERABLE, Status.EXPIRED])
def test_mail_that_only_a_person_can_help_on_is_bad(small: Parts, status: Status):
    """A person must put the address right."""
    chasing.issue_notices(small, w.START)
    assert_said(checkup.given_up(small), Grade.GOOD, "good")
    with small.database.writing() as connection:
        connection.execute(MESSAGES.update().values(status=status.value))
    assert_said(checkup.given_up(small), Grade.BAD, "undeliverable")


def test_mail_that_waits_for_over_an_hour_is_pointed_out(small: Parts):
    """It is still tried; somebody should know that it is."""
    chasing.issue_notices(small, w.START)
    assert_said(checkup.waiting(small, w.START + timedelta(minutes=59)), Grade.GOOD, "good")
    found = checkup.waiting(small, w.START + timedelta(minutes=61))
    assert_said(found, Grade.CARE, "long")
    assert found.values["count"] == 4


def test_mail_that_waits_for_offices_to_open_is_in_order(small: Parts):
    """Nothing went wrong with it: the next morning it goes out."""
    chasing.issue_notices(small, w.START)
    later = w.START + timedelta(hours=12)
    with small.database.writing() as connection:
        morning = w.START + timedelta(days=1)
        connection.execute(MESSAGES.update().values(next_try_at=morning))
    assert_said(checkup.waiting(small, later), Grade.GOOD, "good")


def test_a_mail_server_that_is_left_alone_is_bad(small: Parts):
    """Until when, after how many failures, and why; then it is about to be tried."""
    assert_said(checkup.relay(small, NOW), Grade.GOOD, "good")
    dead = replace(Relay(small.settings.relay), failures=3, why="connecting: refused")
    with small.database.writing() as connection:
        relays.held(small.database, connection, dead.name)
        relays.keep(connection, replace(dead, open_until=NOW + timedelta(minutes=5)))
    found = checkup.relay(small, NOW)
    assert_said(found, Grade.BAD, "open")
    assert "connecting: refused" in found.say("vi")
    assert_said(checkup.relay(small, NOW + timedelta(minutes=6)), Grade.CARE, "probing")


def test_addresses_that_send_mail_back_are_named(small: Parts):
    """Only those of plans under way; one that no plan uses needs nobody."""
    with small.database.writing() as connection:
        for address in ("nobody@else.example", "A@nho.example"):
            addresses.mark_bounced(
                small.database, connection, address, why="550", now=NOW, by="hệ thống"
            )
    found = checkup.bouncing(small)
    assert_said(found, Grade.CARE, "bouncing")
    assert found.values["names"] == "a@nho.example"


def test_no_address_sends_mail_back(small: Parts):
    """As long as none is known to."""
    assert_said(checkup.bouncing(small), Grade.GOOD, "good")


def test_a_year_without_a_calendar_is_seen(small: Parts):
    """An estimate is worth a look; a year that is not known at all is a fault."""
    assert_said(checkup.calendar(small, NOW), Grade.GOOD, "good")
    assert_said(checkup.calendar(small, NOW.replace(year=2028)), Grade.CARE, "estimated")
    assert_said(checkup.calendar(small, NOW.replace(year=2090)), Grade.BAD, "unknown")


def test_the_mail_server_is_greeted_and_gets_no_mail(tmp_path: Path):
    """A real conversation says more than an open port."""
    with MailboxServer(tmp_path / "mailbox") as server:
        at = settings(tmp_path, smtp_host=server.host, smtp_port=server.port, smtp_tls="off")
        assert_said(checkup.mail(at), Grade.CARE, "open")
        secured = at.model_copy(update={"smtp_tls": "required"})
        assert_said(checkup.mail(secured), Grade.BAD, "refused")
    assert_said(checkup.mail(at), Grade.BAD, "refused")
    assert [file for file in (tmp_path / "mailbox").rglob("*") if file.is_file()] == []


def test_without_a_mail_server_the_mailbox_must_be_writable(tmp_path: Path):
    """A file stands where the folder should."""
    assert_said(checkup.mail(settings(tmp_path)), Grade.GOOD, "mailbox")
    (tmp_path / "file").touch()
    found = checkup.mail(settings(tmp_path, mailbox=tmp_path / "file"))
    assert_said(found, Grade.BAD, "closed")


def test_real_mail_from_an_address_that_is_none_is_bad(tmp_path: Path):
    """Nobody could answer it."""
    sending = {"smtp_host": "mail.tuyenquang.gov.vn"}
    assert_said(checkup.sender(settings(tmp_path)), Grade.GOOD, "good")
    assert_said(checkup.sender(settings(tmp_path, **sending)), Grade.BAD, "example")
    real = sending | {"sender": "dondoc@tuyenquang.gov.vn"}
    assert_said(checkup.sender(settings(tmp_path, **real)), Grade.CARE, "nobody")
    named = sending | {"sender": "Sở Nội vụ <dondoc@tuyenquang.gov.vn>"}
    assert_said(checkup.sender(settings(tmp_path, **named)), Grade.BAD, "unusable")


def test_chats_are_named_by_kind_and_never_by_address(tmp_path: Path):
    """Doctor's lines are passed on; a token must not be in them."""
    real = {"smtp_host": "mail.tuyenquang.gov.vn"}
    assert_said(checkup.chats(settings(tmp_path)), Grade.GOOD, "none")
    chat = {"chat": "json://user:s3cret@127.0.0.1 nonsense://s3cret"}
    found = checkup.chats(settings(tmp_path, **real, **chat))
    assert_said(found, Grade.BAD, "unreadable")
    assert found.values["names"] == "#2"
    one = settings(tmp_path, **real, chat="json://user:s3cret@127.0.0.1")
    assert_said(checkup.chats(one), Grade.GOOD, "good")
    assert "s3cret" not in checkup.chats(one).say("vi") + repr(one)
    idle = settings(tmp_path, chat="json://127.0.0.1")
    assert_said(checkup.chats(idle), Grade.CARE, "idle")


def test_chats_may_stand_in_a_file(tmp_path: Path):
    """A secret need not stand in the environment; in both places they would differ."""
    file = tmp_path / "chats"
    file.write_text("json://127.0.0.1\n", encoding="utf-8")
    assert settings(tmp_path, chat_file=file).chats == "json://127.0.0.1"
    with pytest.raises(BadSettings, match="DONDOC_CHAT_FILE"):
        settings(tmp_path, chat_file=file, chat="json://127.0.0.1")
    with pytest.raises(BadSettings, match="missing"):
        settings(tmp_path, chat_file=tmp_path / "missing")


def test_without_a_sender_mail_comes_from_nobody(tmp_path: Path):
    """No province's address is anybody else's default."""
    assert settings(tmp_path, sender="").sender == "dondoc@dondoc.example"


def test_pretending_while_mail_is_real_is_bad(tmp_path: Path):
    """A try-out that mails agencies is none."""
    shift, sending = timedelta(days=-900), settings(tmp_path, smtp_host="mail.tuyenquang.gov.vn")
    assert_said(checkup.pretended(NOW, timedelta(0), sending), Grade.GOOD, "good")
    assert_said(checkup.pretended(NOW, shift, settings(tmp_path)), Grade.CARE, "shifted")
    assert_said(checkup.pretended(NOW, shift, sending), Grade.BAD, "shifted")


def test_every_point_is_looked_at(small: Parts):
    """One that fails keeps no other from being looked at."""
    with small.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE clocks")
    found = {one.point: one for one in checkup.here(small.settings, now=NOW, shift=timedelta(0))}
    assert found["clock"].said == "failed"
    assert found["runs"].values == {"count": 1, "names": "nho"}
    assert set(found) >= {"python", "home", "database", "wake-ups", "outbox", "calendar", "mail"}


def test_the_mailbox_for_mail_that_comes_back_is_opened(tmp_path: Path):
    """Where real mail goes out and none is read, nobody learns that it came back."""
    for part in ("new", "cur"):
        (tmp_path / "returned" / part).mkdir(parents=True)
    real = settings(tmp_path, smtp_host="mail.example.vn")
    there = settings(tmp_path, bounces_maildir=tmp_path / "returned")
    gone = settings(tmp_path, bounces_maildir=tmp_path / "nowhere")
    login = {"imap_user": "dondoc", "imap_password": "x"}
    away = settings(tmp_path, imap_host="127.0.0.1", imap_port=1, **login)

    assert_said(checkup.bounces(settings(tmp_path)), Grade.GOOD, "local")
    assert_said(checkup.bounces(real), Grade.CARE, "off")
    assert_said(checkup.bounces(there), Grade.GOOD, "good")
    assert_said(checkup.bounces(gone), Grade.BAD, "closed")
    assert_said(checkup.bounces(away), Grade.BAD, "closed")
