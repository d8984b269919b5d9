"""`dondoc address` and `dondoc bounces`: what is known of addresses, and what came back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.console import out
from cli.main import app
from flows import client, events, moment
from flows.events import Event
from services import wiring
from services.errors import Refused
from storage import addresses, recipients
from storage.recipients import Fate, Recipient
from tests.notifiers.test_mail_bounces import content
from tests.services import written as w
from tests.services.office import outbox_of, start, wake

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of its own."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "width", 200)
    monkeypatch.setattr(moment, "now", lambda _settings: w.START + timedelta(minutes=10))
    return tmp_path


def run(*arguments: str) -> Result:
    """Run a command."""
    return runner.invoke(app, [*arguments])


def listed() -> list[dict[str, str]]:
    """Return what is listed."""
    found: list[dict[str, str]] = json.loads(run("address", "list", "--format", "json").stdout)
    return found


@pytest.mark.parametrize("command", ["list", "show", "away", "replace", "restore"])
def test_every_command_helps_with_an_example(command: str):
    """--help says what it does and shows how."""
    shown = run("address", command, "--help")

    assert shown.exit_code == 0
    assert "Ví dụ" in shown.output


def test_an_absence_is_noted_with_who_said_it():
    """Dates as offices write them; kept in small letters."""
    days = ("--from", "04/5/2020", "--until", "2020-05-15")

    shown = run("address", "away", "An@So.example", *days, "--substitute", "b@so.example")

    assert shown.exit_code == 0
    assert "an@so.example vắng mặt từ 04/5/2020 đến hết 15/5/2020" in shown.output
    (one,) = listed()
    assert (one["absent_from"], one["absent_until"]) == ("2020-05-04", "2020-05-15")
    assert (one["substitute"], bool(one["noted_by"])) == ("b@so.example", True)
    assert "thư chuyển cho b@so.example" in run("address", "show", "an@so.example").output


def test_an_address_is_replaced_and_restored():
    """What is restored is no longer listed."""
    run("address", "replace", "cu@so.example", "moi@so.example", "--by", "chị Hoa")
    assert "đã thay bằng moi@so.example" in run("address", "list").output
    assert "người ghi: chị Hoa" in run("address", "list").output

    assert run("address", "restore", "cu@so.example").exit_code == 0

    assert listed() == []
    assert "Chưa ghi nhận gì" in run("address", "list").output


def test_one_that_was_never_heard_of_is_said_so():
    """It is no error to ask."""
    assert "Chưa ghi nhận gì về x@so.example" in run("address", "show", "x@so.example").output


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("replace", "a@so.example", "not an address"), "refused.bad-address"),
        (("replace", "a@so.example", "b@so.example\nBcc: x@y.example"), "refused.bad-address"),
        (("replace", "a@so.example", "A@so.example"), "refused.address-circle"),
        (("restore", "a@so.example"), "refused.nothing-to-restore"),
        (
            ("away", "a@so.example", "--from", "05/5/2020", "--until", "04/5/2020"),
            "refused.away-backwards",
        ),
        (
            (
                *("away", "a@so.example", "--from", "04/5/2020", "--until", "04/5/2020"),
                *("--substitute", "A@so.example"),
            ),
            "refused.own-substitute",
        ),
        (("replace", "a@so.example", "b@so.example", "--by", " "), "refused.empty-by"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(arguments: tuple[str, ...], key: str):
    """In one sentence."""
    refused = run("address", *arguments).exception

    assert isinstance(refused, Refused)
    assert refused.key == key
    assert refused.say("vi") != refused.say("en")
    assert listed() == []


def test_a_circle_through_others_is_refused_too():
    """Mail would go round."""
    run("address", "replace", "a@so.example", "b@so.example")
    run("address", "replace", "b@so.example", "c@so.example")

    refused = run("address", "replace", "c@so.example", "a@so.example").exception

    assert isinstance(refused, Refused)
    assert refused.key == "refused.address-circle"


def test_a_day_that_is_none_is_wrong_usage():
    """Exit code 2, as everywhere."""
    shown = run("address", "away", "a@so.example", "--from", "mai", "--until", "04/5/2020")

    assert shown.exit_code == 2


# ── dondoc bounces ──


def test_without_a_mailbox_it_says_how_to_set_one():
    """Nothing is read by default."""
    refused = run("bounces").exception

    assert isinstance(refused, Refused)
    assert "DONDOC_IMAP_HOST" in refused.say("vi")


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What a Prefect server is told that is there."""
    told: list[Event] = []

    async def taken(found: list[Event]) -> bool:
        told.extend(found)
        return True

    monkeypatch.setattr(client, "point_at", lambda _address: None)
    monkeypatch.setattr(client, "is_ready", lambda _address: True)
    monkeypatch.setattr(events, "tell_all", taken)
    return told


def test_what_came_back_is_read_now_and_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, alarms: list[Event]
):
    """By name, why, and what to do; a program gets one JSON document; an operator the alarm."""
    for part in ("new", "cur"):
        (home / "returned" / part).mkdir(parents=True)
    monkeypatch.setenv("DONDOC_BOUNCES_MAILDIR", str(home / "returned"))
    assert "Không có thư nào bị trả lại" in run("bounces").output
    with wiring.opened() as parts:
        start(parts)
        wake(parts, w.START)
        for number, one in enumerate(outbox_of(parts)[:2]):
            address = f"{one.recipient}@nho.example"
            with parts.database.writing() as connection:
                row = Recipient(one.id, address, "x", "mailbox", False, Fate.SENT, w.START)
                recipients.keep(parts.database, connection, [row])
            mail = content("postfix").replace(b"one.a.nho@dondoc.example", b"%s")
            mail = mail.replace(b"<%s>", one.message_id.encode())
            mail = mail.replace(b"a@nho.example", address.encode())
            mail = mail.replace(b"4B1F52C00A1@mail", b"%d@mail" % number)
            (home / "returned" / "new" / str(number)).write_bytes(mail)
            if number == 0:
                shown = run("bounces").output
                monkeypatch.setattr(client, "is_ready", lambda _address: False)

    (alarm,) = alarms
    assert (alarm.name, alarm.about["recipients"]) == ("dondoc.mail.undeliverable", "a")
    assert "1 thư bị trả lại" in shown
    assert "Sở An <a@nho.example>" in shown
    assert "dondoc outbox retry" in shown
    (taken,) = json.loads(run("bounces", "--format", "json").stdout)["taken"]
    assert (taken["what"], taken["address"], taken["status"]) == (
        "bounced",
        "b@nho.example",
        "5.1.1",
    )
    with wiring.opened() as parts, parts.database.reading() as connection:
        assert [one.address for one in addresses.every(connection)] == [
            "a@nho.example",
            "b@nho.example",
        ]
