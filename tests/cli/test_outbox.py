"""`dondoc outbox`: each mail, its addresses, what became of it, and what a person can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from notifiers.wire.channel import Envelope, Outcome, Refused, Sent, TryLater
from services import chasing
from services.errors import Refused as NotAllowed
from services.mail import returning
from services.wiring import Parts
from storage.outbox import Status
from storage.tables import MESSAGES
from tests.notifiers.test_mail_bounces import content
from tests.services import written as w
from tests.services.office import Recording, deliver, kinds, office, start, statuses

runner = CliRunner()


def answer(envelope: Envelope) -> Outcome:
    """One takes its mail, one puts it off, one is not there."""
    to = envelope.recipients[0]
    if to.startswith("a@"):
        return Sent("250 OK")
    return TryLater("451 busy") if to.startswith("b@") else Refused("550 no such user")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """The office that the command line works in: three mails to agencies, three fates."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    with office(tmp_path / "home") as opened:
        start(opened)
        chasing.issue_notices(opened, w.START)
        with opened.database.writing() as connection:  # what the coordinator is told besides
            connection.execute(MESSAGES.delete().where(MESSAGES.c.kind == "event"))
        deliver(opened, w.START, Recording(answer))
        yield opened


def run(*arguments: str, code: int = 0) -> str:
    """Run a command, and return what it prints."""
    shown = runner.invoke(app, ["outbox", *arguments])
    if shown.exception is not None and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    assert shown.exit_code == code, shown.output
    return shown.output


def as_json(*arguments: str) -> Any:
    """Run a command, and return the document that it prints."""
    return json.loads(run(*arguments, "--format", "json"))


def number_of(parts: Parts, status: Status) -> int:
    """The number of the only message of a status."""
    (found,) = (one["number"] for one in as_json("list", "--status", status.value))
    return int(found)


def test_the_list_names_every_address_and_what_became_of_it(parts: Parts):
    """The first question at the telephone: did it arrive?"""
    shown = " ".join(run().split())

    assert "✓ a@nho.example" in shown
    assert "… b@nho.example: gửi lại sau" in shown
    assert "✗ c@nho.example: bị từ chối" in shown
    assert "550 no such user" in shown
    assert "đã gửi: 1; gửi lại sau: 1; không gửi được: 1" in shown


def test_the_list_begins_with_what_needs_a_person_and_says_how_many_are_left_off(parts: Parts):
    """Out of a year's mail the screen shows what somebody has to do something about."""
    shown = run("list", "--limit", "2")

    assert shown.index("c@nho.example") < shown.index("b@nho.example")
    assert "a@nho.example" not in shown
    assert "còn 1 thư khác" in shown
    assert "đã gửi: 1; gửi lại sau: 1; không gửi được: 1" in " ".join(shown.split())
    assert "thư khác" not in run("list")


def test_json_is_cut_only_where_a_limit_is_named(parts: Parts):
    """A program that counts on all of it gets all of it, in the order of the send times."""
    assert [one["to"] for one in as_json("list")] == ["a", "b", "c"]
    assert [one["to"] for one in as_json("list", "--limit", "2")] == ["c", "b"]


def test_a_mail_that_came_back_names_the_one_that_went_out_instead(parts: Parts):
    """Whoever is told of the bounce reads what was in it, and where it stands now."""
    (one,) = as_json("list", "--agency", "a")
    ours = one["message_id"].encode()
    mail = content("postfix").replace(b"<one.a.nho@dondoc.example>", ours)
    returning.take(parts, mail, w.START)

    shown = run("show", str(one["number"]))
    _, again = as_json("list", "--agency", "a")
    assert f"được gửi lại bằng thư số {again['number']}." in shown
    assert "Kính gửi: Sở An" in shown
    assert as_json("show", str(one["number"]))["instead"] == again["number"]
    assert as_json("show", str(again["number"]))["instead"] is None


def test_an_automatic_reply_is_seen_at_the_mail_and_at_the_address(parts: Parts):
    """Somebody is away: whoever looks why nothing comes has to see it."""
    (one,) = as_json("list", "--agency", "a")
    ours = one["message_id"].encode()
    mail = content("absent-exchange").replace(b"<one.a.nho@dondoc.example>", ours)
    returning.take(parts, mail, w.START)

    assert "trả lời tự động của a@nho.example" in " ".join(run("list").split())
    shown = runner.invoke(app, ["address", "show", "a@nho.example"]).output
    assert "Trả lời tự động lúc 08:00 ngày 06/4/2020: Trả lời tự động: Đôn đốc." in shown
    assert "dondoc address away" in shown


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_keeps_to_the_width_of_the_terminal(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, width: int
):
    """A line that is folded by the terminal can't be read in a column."""
    monkeypatch.setenv("COLUMNS", str(width))

    assert max(len(line) for line in run("list").splitlines()[:-1]) <= width


def test_the_list_is_narrowed_by_status_agency_run_and_time(parts: Parts):
    """Out of thousands those that matter are found."""
    assert [one["to"] for one in as_json("list", "--status", "later")] == ["b"]
    assert [one["to"] for one in as_json("list", "--agency", "c")] == ["c"]
    assert len(as_json("list", "--run", "nho", "--since", "2020-04-06")) == 3
    assert as_json("list", "--since", "2020-04-07") == []
    assert [one["to"] for one in as_json("list", "--address", "B@nho.example")] == ["b"]
    assert as_json("list", "--address", "nobody@nho.example") == []
    assert as_json("list", "--since", "06/4/2020") == as_json("list", "--since", "2020-04-06")
    assert runner.invoke(app, ["outbox", "list", "--run", "other"]).exit_code == 1  # mistyped


def test_json_says_all_that_the_table_says(parts: Parts):
    """Programs build on it."""
    (one,) = as_json("list", "--agency", "b")

    assert one["status"] == "later"
    assert one["tries"] == 1
    assert one["next_try_at"].endswith("+07:00")
    assert one["expires_at"] > one["next_try_at"]
    (recipient,) = one["recipients"]
    assert (recipient["address"], recipient["status"]) == ("b@nho.example", "later")
    assert recipient["detail"] == "451 busy"


def test_show_has_the_headers_the_attempts_and_the_mail(parts: Parts):
    """One screen tells the story of one mail."""
    number = number_of(parts, Status.UNDELIVERABLE)

    shown = run("show", str(number))

    assert "To: Sở Cường <c@nho.example>" in shown
    assert "550 no such user" in shown
    assert "Kính gửi: Sở Cường" in shown
    found = as_json("show", str(number))
    assert [one["outcome"] for one in found["attempts"]] == ["undeliverable"]
    assert found["headers"]["Message-ID"] == found["message_id"]
    assert "\r" not in found["text"]


def test_several_are_tried_again_at_once(parts: Parts):
    """After a mended server nobody types numbers one by one."""
    shown = run("retry", "--status", "undeliverable", "--status", "later")

    assert shown.count("xếp lại vào hàng đợi") == 2
    assert sorted(statuses(parts)) == ["queued", "queued", "sent"]


def test_what_is_sent_is_not_sent_again(parts: Parts):
    """The others of the same command are tried all the same; the exit code tells of it."""
    sent, later = number_of(parts, Status.SENT), number_of(parts, Status.LATER)

    shown = run("retry", str(sent), str(later), code=1)

    assert f"Thư số {later} đã xếp lại" in shown
    assert sorted(statuses(parts)) == ["queued", "sent", "undeliverable"]


def test_a_mail_is_taken_back_by_somebody_for_a_reason(parts: Parts):
    """Both stand in the ledger; nothing more is tried."""
    number = number_of(parts, Status.LATER)

    run("cancel", str(number), "--by", "Lan", "--why", "đã gửi công văn giấy")

    (found,) = as_json("list", "--status", "cancelled")
    assert found["number"] == number
    assert found["error"] == "đã gửi công văn giấy"
    assert "message-cancelled" in kinds(parts)


def test_taking_back_wants_a_reason(parts: Parts):
    """An empty one explains nothing in a year."""
    assert runner.invoke(app, ["outbox", "cancel", "1"]).exit_code == 2
    with pytest.raises(Exception, match="Thiếu lý do"):
        run("cancel", "1", "--why", " ")
    assert "cancelled" not in statuses(parts)


def test_what_will_not_be_tried_any_more_is_not_said_to_be(parts: Parts):
    """An expired mail does not promise to be sent later."""
    with parts.database.writing() as connection:
        later = MESSAGES.c.status == Status.LATER.value
        connection.execute(MESSAGES.update().where(later).values(status=Status.EXPIRED.value))

    shown = " ".join(run("list", "--status", "expired").split())

    assert "✗ b@nho.example: chưa nhận được" in shown
    assert "gửi lại sau" not in shown


def test_a_mail_that_a_newer_one_has_outdated_is_still_shown(parts: Parts):
    """Who asks what could not be delivered wants to see it, and that it will not go out."""
    number = number_of(parts, Status.UNDELIVERABLE)
    chasing.issue_notices(parts, w.EVE)

    shown = run("show", str(number))

    assert "sẽ không gửi" in shown
    assert "Kính gửi: Sở Cường" in shown


def test_a_mail_that_was_taken_back_is_shown_with_the_reason(parts: Parts):
    """Its addresses and attempts stay as well: somebody may ask in a year."""
    number = number_of(parts, Status.UNDELIVERABLE)
    run("cancel", str(number), "--why", "đã gọi điện")

    shown = run("show", str(number))

    assert "đã huỷ" in shown
    assert "đã gọi điện" in shown
    assert "550 no such user" in shown


def test_nothing_to_do_is_said(parts: Parts):
    """No mail of a status is no fault."""
    assert "không có gì thay đổi" in run("retry", "--status", "bounced")


def test_an_empty_outbox_is_said_to_be(parts: Parts):
    """Not an empty table."""
    assert run("list", "--agency", "tinh").strip() == "Không có thư nào."


def test_a_mail_of_the_outbox_is_opened_in_the_browser(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The same page as for a plan's mails."""
    number = number_of(parts, Status.UNDELIVERABLE)
    asked = ["mail", "preview", "--message", str(number), "--out", str(tmp_path), "--no-browser"]

    shown = runner.invoke(app, asked)

    assert shown.exit_code == 0, shown.output
    assert "c@nho.example" in (tmp_path / "mails.html").read_text(encoding="utf-8")


def test_a_mistyped_agency_is_no_agency_without_mail(parts: Parts):
    """`none` would be believed; the names that may be meant are said."""
    with pytest.raises(NotAllowed, match=r"“noi-vuu”.*Sở Nội vụ \(noi-vu\)"):
        run("list", "--agency", "noi-vuu")

    assert as_json("list", "--agency", "noi-vu") == []
    assert [one["to"] for one in as_json("list", "--agency", "Sở An")] == ["a"]
