"""Ledger: appended in order, read in order, never changed."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, StatementError

from engine.ledger import Entry, EntryKind
from storage import ledger
from storage.database import Database
from storage.tables import LEDGER
from tests.engine import builders as b
from tests.storage.records import MORNING, OWED, contents, entry, keep_run

KINDS = (EntryKind.RUN_STARTED, EntryKind.SUBMITTED, EntryKind.NOTICE_ISSUED)


def append(database: Database, *entries: Entry, run: str = "r") -> None:
    """Append in a transaction of its own."""
    with database.writing() as connection:
        ledger.append(connection, run, entries)


def read(database: Database, run: str = "r", **which: Any) -> list[Entry]:
    """Read in a transaction of its own."""
    with database.reading() as connection:
        return ledger.entries(connection, run, **which)


@pytest.fixture
def run(database: Database) -> Database:
    """A database with the runs r and s."""
    keep_run(database, "r")
    keep_run(database, "s")
    return database


def test_an_entry_comes_back_as_it_was(run: Database):
    """State is the fold of what is read back: nothing may be lost on the way."""
    written = Entry(
        kind=EntryKind.EXTENDED,
        happened_at=b.at("2020-05-06 00:00"),
        recorded_at=b.at("2020-05-07 15:30"),
        by="văn thư Sở Nội vụ",
        obligation=OWED[1],
        stage="first",
        document="120/BC-STP",
        data={"until": "2020-05-20", "days": 3, "missing": [OWED[0]], "reason": "Thiếu số liệu"},
    )

    append(run, written)

    (found,) = read(run)
    for field in fields(Entry):
        assert getattr(found, field.name) == getattr(written, field.name), field.name


def test_entries_are_read_in_the_order_they_were_appended(run: Database):
    """Not by date: what is recorded later may have happened earlier."""
    days = [3, 1, 2]
    first = [entry(recorded_at=MORNING + timedelta(days=day), document=str(day)) for day in days]
    append(run, *first)
    append(run, entry(document="last"))

    assert [found.document for found in read(run)] == ["3", "1", "2", "last"]


def test_nothing_to_append_is_nothing(run: Database):
    """A wake-up that changed nothing writes nothing."""
    append(run)

    assert read(run) == []


def test_a_run_reads_its_own_entries(run: Database):
    """Two offices in one database do not see each other's ledger."""
    append(run, entry(document="r"))
    append(run, entry(document="s"), run="s")

    assert [found.document for found in read(run)] == ["r"]
    assert [found.document for found in read(run, "s")] == ["s"]


def test_an_entry_of_no_run_is_refused(database: Database):
    """What belongs to nothing could never be found again."""
    with pytest.raises(IntegrityError):
        append(database, entry(), run="nobody")


def test_only_the_kinds_asked_for_are_read(run: Database):
    """The fold does not read through what was sent."""
    append(run, *(entry(kind) for kind in KINDS))

    state = [found.kind for found in read(run, kinds=ledger.STATE_KINDS)]
    one = [found.kind for found in read(run, kinds=[EntryKind.NOTICE_ISSUED])]

    assert state == [EntryKind.RUN_STARTED, EntryKind.SUBMITTED]
    assert one == [EntryKind.NOTICE_ISSUED]
    assert read(run, kinds=[]) == []


def test_what_changes_the_state_is_among_the_kinds_of_the_fold(run: Database):
    """A kind that is forgotten there would be recorded and have no effect."""
    speaking = ("notice-", "message-", "brief-", "news-")
    sent = {kind for kind in EntryKind if kind.value.startswith(speaking)}

    assert set(EntryKind) - sent == ledger.STATE_KINDS


def test_as_of_goes_by_what_was_recorded_then(run: Database):
    """A document dated before and recorded after was not known then; `as_of` is included."""
    append(
        run,
        entry(document="before", recorded_at=MORNING - timedelta(seconds=1)),
        entry(document="then", recorded_at=MORNING),
        entry(
            document="after",
            happened_at=MORNING - timedelta(days=2),
            recorded_at=MORNING + timedelta(microseconds=1),
        ),
    )

    assert [found.document for found in read(run, as_of=MORNING)] == ["before", "then"]
    in_utc = MORNING.astimezone(UTC)
    assert [found.document for found in read(run, as_of=in_utc)] == ["before", "then"]


@pytest.mark.parametrize(
    "instant",
    [
        b.at("2020-05-08 08:00"),
        datetime(2020, 5, 8, 1, 0, tzinfo=UTC),
        datetime(2020, 5, 7, 20, 0, tzinfo=timezone(timedelta(hours=-5))),
        datetime(2020, 5, 8, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=7))),
    ],
)
def test_an_instant_keeps_its_place_in_time_and_comes_back_in_utc(run: Database, instant: datetime):
    """Whatever zone the process runs in, 08:00 at the office stays 08:00 at the office."""
    append(run, entry(happened_at=instant))

    (found,) = read(run)

    assert found.happened_at == instant
    assert found.happened_at.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(run: Database):
    """Guessing one would move a deadline by hours."""
    with pytest.raises(ValueError, match="needs its zone"):
        append(run, entry(happened_at=datetime(2020, 5, 8, 8, 0)))

    assert read(run) == []


def test_a_question_without_a_zone_is_refused(run: Database):
    """The same holds for what is asked."""
    naive = datetime(2020, 5, 8, 8, 0)

    with pytest.raises(StatementError, match="needs its zone"):
        read(run, as_of=naive)


def test_appending_leaves_what_is_there_alone(run: Database):
    """Append-only: earlier rows keep their number and their words."""
    append(run, entry(document="1"), entry(document="2"))
    before = contents(run)["ledger"]

    append(run, entry(document="3"))

    after = contents(run)["ledger"]
    assert [row for row in after if row in before] == before
    with run.reading() as connection:
        numbers = list(connection.execute(select(LEDGER.c.seq).order_by(LEDGER.c.seq)).scalars())
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3


def test_what_is_to_be_told_since_the_last_brief_is_found_without_the_rest(run: Database):
    """A brief begins where the last one was asked for; a run without one begins at the start."""
    first = entry(EntryKind.SUBMITTED)
    slot = {"slot": MORNING.isoformat()}
    earlier = entry(EntryKind.BRIEF_REQUESTED, obligation=None, data={"slot": "earlier"})
    asked = entry(EntryKind.BRIEF_REQUESTED, obligation=None, data=slot)
    told = entry(EntryKind.MESSAGE_SENT)
    second = entry(EntryKind.RETURNED, recorded_at=MORNING + timedelta(hours=1))
    append(run, entry(EntryKind.SUBMITTED), run="s")
    append(run, first, earlier, asked, told, second)
    news = {EntryKind.SUBMITTED, EntryKind.RETURNED}

    with run.reading() as connection:
        found = ledger.since_briefs(connection, ["r", "s"], news)
        none = ledger.since_briefs(connection, ["r", "s"], {EntryKind.WAIVED})

    assert found == {"r": (slot, second.recorded_at), "s": (None, first.recorded_at)}
    assert none == {"r": (slot, None), "s": (None, None)}


def test_entries_recorded_after_a_moment_leave_that_moment_out(run: Database):
    """What the last brief told is not told again."""
    earlier = entry()
    later = entry(recorded_at=MORNING + timedelta(seconds=1))
    append(run, earlier, later)

    assert read(run, after=MORNING) == [later]
    assert read(run, after=MORNING - timedelta(seconds=1)) == [earlier, later]


def test_news_belong_to_the_message_that_was_issued_after_them(run: Database):
    """Places part them: what is recorded at the very time of a message is told by the next."""
    turns = (EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)

    def issued(identity: str) -> Entry:
        return Entry(
            EntryKind.NEWS_ISSUED, MORNING, MORNING, "dondoc", data={"message_id": identity}
        )

    opened, done = (Entry(kind, MORNING, MORNING, "dondoc", stage="first") for kind in turns)
    append(run, opened, entry(EntryKind.SUBMITTED), issued("<1>"), done, opened, issued("<2>"))
    append(run, issued("<1>"), run="s")

    with run.reading() as connection:
        assert ledger.news_of(connection, "r", turns, message_id="<1>") == [opened]
        assert ledger.news_of(connection, "r", turns, message_id="<2>") == [done, opened]
        assert ledger.news_of(connection, "r", turns, message_id="<3>") == []
        assert ledger.news_of(connection, "s", turns, message_id="<1>") == []
        assert ledger.waiting_news(connection, ["r"], turns) == {"r": []}
    append(run, done)
    append(run, opened, run="s")
    with run.reading() as connection:
        assert ledger.waiting_news(connection, ["r", "s"], turns) == {"r": [done], "s": [opened]}


def test_what_moved_behind_a_place_is_found_by_run(run: Database):
    """Whoever shows runs asks for those with news only, whatever else exists."""
    append(run, entry(), entry(), run="r")
    append(run, entry(), run="s")
    with run.reading() as connection:
        before = ledger.newest(connection)
    append(run, entry(), entry(), run="s")

    with run.reading() as connection:
        after = ledger.newest(connection)
        assert ledger.moved(connection, 0) == {"r": before - 1, "s": after}
        assert ledger.moved(connection, before) == {"s": after}
        assert ledger.moved(connection, after) == {}


def test_nothing_recorded_has_no_newest(database: Database):
    """The first look of a new installation."""
    with database.reading() as connection:
        assert ledger.newest(connection) == 0


def test_of_many_runs_each_has_its_own_entries_events_and_turns(run: Database):
    """Read together, told apart."""
    opened = entry(EntryKind.STAGE_OPENED, obligation=None, stage="first")
    first, second = (
        entry(EntryKind.EVENT_ANNOUNCED, obligation=None, data={"event": name})
        for name in ("issued", "passed")
    )
    append(run, opened, first)
    append(run, entry(), run="s")
    with run.reading() as connection:
        place = ledger.newest(connection)
    append(run, second, entry(EntryKind.NOTICE_ISSUED))
    append(run, opened, run="s")

    with run.reading() as connection:
        states = ledger.states_of(connection, ["r", "s"])
        known = ledger.announced(connection, ["r", "s"], "passed")
        turned = ledger.turned(connection, ["r", "s"], behind=place)

    assert {name: list(mine) for name, mine in states.items()} == {
        "r": [opened, first, second],
        "s": [entry(), opened],
    }
    assert known == {"r": second}
    assert turned == {"r": [], "s": [opened]}
