"""Addresses and post: what is known of an address, and what was read once, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from engine.contacts import Known
from engine.plan import Span
from storage import addresses, post
from storage.addresses import Noted
from storage.database import Database
from storage.post import Posted
from tests.storage.records import MORNING, contents, enqueue, found, keep_run, minutes
from tests.storage.together import at_once

NOTED = Noted("an@so.example", MORNING, "văn thư")


def keep(database: Database, noted: Noted) -> None:
    """Write what is noted."""
    with database.writing() as connection:
        addresses.keep(database, connection, noted)


def known(database: Database) -> dict[str, Known]:
    """Return what is known."""
    with database.reading() as connection:
        return addresses.known(connection)


def test_what_is_noted_last_holds(database: Database):
    """An address has one row, in small letters."""
    away = replace(NOTED, absent_from=date(2020, 5, 4), absent_until=date(2020, 5, 15))
    keep(database, replace(NOTED, address="An@So.example", replaced_by="b@so.example"))
    keep(database, replace(away, substitute="c@so.example"))

    span = Span(date(2020, 5, 4), date(2020, 5, 15))
    assert known(database) == {"an@so.example": Known(away=span, substitute="c@so.example")}


def test_a_bounce_is_added_to_what_is_known(database: Database):
    """Who takes its place is not forgotten."""
    keep(database, replace(NOTED, replaced_by="b@so.example"))

    with database.writing() as connection:
        for address in ("AN@so.example", "x@so.example"):
            addresses.mark_bounced(
                database, connection, address, why="550", now=MORNING + minutes(1), by="hệ thống"
            )

    assert known(database) == {
        "an@so.example": Known(bounced=True, replaced_by="b@so.example", why="550"),
        "x@so.example": Known(bounced=True, why="550"),
    }
    with database.reading() as connection:
        one = addresses.find(connection, "An@so.example")
        nobody = addresses.find(connection, "y@so.example")
    assert one is not None
    assert (one.why, one.bounced_at, one.noted_by) == ("550", MORNING + minutes(1), "hệ thống")
    assert nobody is None


def posted(key: str = "<1@x.example>", at: float = 0) -> Posted:
    """Return a mail that came back."""
    return Posted(key, MORNING + minutes(at), "gone", None, "a@so.example", "550")


def test_a_mail_is_taken_once_however_many_read_it(database: Database):
    """By its own Message-ID."""

    def take() -> bool:
        with database.writing() as connection:
            return post.take(database, connection, posted())

    assert sorted(at_once(*[take] * 4)) == [False, False, False, True]


def test_how_far_an_inbox_was_read_is_kept_beside_the_mails(database: Database):
    """The last place counts, of each inbox its own."""
    with database.writing() as connection:
        for number in range(3):
            post.take(database, connection, posted(f"<{number}@x.example>", number))
        for place in ("7:1", "7:2"):
            post.move_on(database, connection, "imap:x", place, MORNING + minutes(9))

    with database.reading() as connection:
        places = [post.place(connection, inbox) for inbox in ("imap:x", "imap:y")]
    mails = [row for row in contents(database)["post"] if post.PLACE not in row]
    assert len(mails) == 3
    assert places == ["7:2", ""]


def test_a_message_is_found_by_the_first_id_that_is_ours(database: Database):
    """A reply names the thread as well."""
    keep_run(database)
    first, second = enqueue(database), enqueue(database, recipient="b")
    ids = [found(database, one).message_id for one in (second, first)]

    with database.reading() as connection:
        assert post.message_of(connection, ["<x@y.example>", *ids]) == second
        assert post.message_of(connection, ["<x@y.example>"]) is None
        assert post.message_of(connection, []) is None


def test_what_came_back_is_found_by_its_message_and_by_its_sender(database: Database):
    """Who is away is seen at the mail and at the address, the newest first."""
    keep_run(database)
    number, other = enqueue(database), enqueue(database, recipient="b")
    with database.writing() as connection:
        for minute in (1, 2, 3):
            came = posted(f"<{minute}@x.example>", minute)
            post.take(database, connection, replace(came, message=number, kind="auto-reply"))
        post.take(database, connection, replace(posted("<4@x.example>", 4), message=number))

    with database.reading() as connection:
        about = post.about(connection, [number, other])
        last = post.from_address(connection, "A@so.example", kind="auto-reply", limit=2)
    assert [one.key[1] for one in about[number]] == ["1", "2", "3", "4"]
    assert about[other] == []
    assert [one.key[1] for one in last] == ["3", "2"]
