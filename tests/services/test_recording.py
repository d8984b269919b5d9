"""Recording: what may be recorded, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, select

from engine.ledger import EntryKind, Standing
from services import chasing, recording, turning
from services.errors import Refused
from services.recording import Recorded, Source
from services.views import board
from services.wiring import Parts
from storage import ledger, plans
from storage.plans import StoredRun
from storage.tables import LEDGER, OBLIGATIONS
from tests.services import written as w
from tests.services.office import BY, Halt, Offices, killed_at, kinds, start, submit
from tests.storage.records import contents
from tests.storage.together import at_once

Deed: TypeAlias = Callable[[Parts], object]
NOW = w.at("2020-05-07 15:30")


def row(parts: Parts, obligation: str) -> Any:
    """Return an obligation's row."""
    with parts.database.reading() as connection:
        return connection.execute(select(OBLIGATIONS).where(OBLIGATIONS.c.id == obligation)).one()


def outcomes(parts: Parts, now: Any = NOW) -> dict[str, str]:
    """Return how every obligation counts now."""
    seen = board.read(parts, "nho", now)
    return {one.obligation.obligation.id: one.outcome.value for one in seen.rows}


def give_back(parts: Parts, obligation: str = w.REPORT_A, **values: Any) -> Recorded:
    """Return a report."""
    given: dict[str, Any] = {"why": "Thiếu số liệu", "days": 3, "now": NOW} | values
    return recording.send_back(parts, "nho", obligation, BY, **given)


def extend(parts: Parts, obligation: str = w.REPORT_A, **values: Any) -> Recorded:
    """Extend a deadline."""
    given: dict[str, Any] = {"until": date(2020, 5, 20), "now": NOW} | values
    return recording.extend(parts, "nho", obligation, BY, **given)


def waive(parts: Parts, obligation: str = w.REPORT_A) -> Recorded:
    """Waive an obligation."""
    return recording.waive(parts, "nho", obligation, BY, why="Đã giải thể", now=NOW)


def accept(parts: Parts, obligation: str = w.REPORT_A) -> Recorded:
    """Accept a report."""
    return recording.accept(parts, "nho", obligation, BY, now=NOW)


def hand_in(parts: Parts, obligation: str = w.REPORT_A, source: Source = BY) -> Recorded:
    """Submit a report."""
    return recording.submit(parts, "nho", obligation, source, now=NOW)


def dated(day: date) -> Source:
    """Return a source of that date."""
    return Source("văn thư", "120/BC", day)


# ── What may be recorded ──


def test_a_submission_counts_from_its_document_and_is_known_from_its_recording(small: Parts):
    """Both dates are kept: one says whether it was in time, the other who knew it when."""
    recorded = hand_in(small, source=dated(date(2020, 5, 6)))

    assert row(small, w.REPORT_A).standing == "submitted"
    assert row(small, w.REPORT_A).submitted_on == w.at("2020-05-06 00:00")
    assert row(small, w.REPORT_A).settled_at == NOW
    assert row(small, w.REPORT_A).next_wake_at is None
    (entry,) = recorded.entries
    assert (entry.happened_at, entry.recorded_at) == (w.at("2020-05-06 00:00"), NOW)
    assert (entry.by, entry.document) == ("văn thư", "120/BC")


def test_a_submission_without_a_date_counts_from_now(small: Parts):
    """What comes without a letter came when it came."""
    hand_in(small)

    assert row(small, w.REPORT_A).submitted_on == NOW


def test_a_report_of_the_last_day_recorded_after_it_is_in_time(small: Parts):
    """The post takes days; the agency is judged by its document."""
    later = w.at("2020-05-12 09:00")
    submit(small, w.REPORT_A, now=later, dated=date(2020, 5, 9))
    submit(small, w.REPORT_B, now=later, dated=date(2020, 5, 10))

    assert outcomes(small, later)[w.REPORT_A] == "on-time"
    assert outcomes(small, later)[w.REPORT_B] == "late"


def test_a_quorum_opens_the_next_stage_in_the_same_step(small: Parts):
    """Nobody has to press a button for it."""
    hand_in(small)
    recorded = hand_in(small, w.REPORT_B)

    turned = [(entry.kind.value, entry.stage) for entry in recorded.turned]
    assert turned == [("stage-done", "reports"), ("stage-opened", "summary")]
    assert row(small, w.DRAFT).opened_at == NOW
    assert row(small, w.DRAFT).last_day == date(2020, 5, 14)
    assert row(small, w.DRAFT).next_wake_at == NOW


def test_a_returned_report_is_owed_again_with_a_new_deadline(small: Parts):
    """It is due the later of its old deadline and the days after the return."""
    hand_in(small)
    give_back(small, days=3)

    again = row(small, w.REPORT_A)
    assert (again.standing, again.round, again.submitted_on) == ("open", 2, None)
    assert again.last_day == date(2020, 5, 12)
    assert again.next_wake_at == NOW


def test_a_return_without_days_leaves_the_old_deadline(small: Parts):
    """The office did not give more time."""
    hand_in(small)
    give_back(small, days=None)

    assert row(small, w.REPORT_A).last_day == date(2020, 5, 9)


def test_a_returned_report_can_be_submitted_again(small: Parts):
    """Its second submission counts, not its first."""
    hand_in(small, source=dated(date(2020, 5, 6)))
    give_back(small)
    hand_in(small, source=dated(date(2020, 5, 7)))

    assert row(small, w.REPORT_A).submitted_on == w.at("2020-05-07 00:00")
    assert row(small, w.REPORT_A).round == 2


def test_a_return_after_the_stage_is_done_does_not_undo_it(small: Parts):
    """The stage that it opened has begun; only the report is owed again."""
    hand_in(small)
    hand_in(small, w.REPORT_B)
    give_back(small)

    assert kinds(small).count("stage-done") == 1
    assert row(small, w.REPORT_A).standing == "open"


def test_an_accepted_report_can_be_neither_submitted_nor_returned(small: Parts):
    """It is settled."""
    hand_in(small)
    accept(small)

    assert row(small, w.REPORT_A).standing == "accepted"
    before = contents(small.database)
    for deed in (hand_in, give_back, accept, extend, waive):
        with pytest.raises(Refused):
            deed(small)
    assert contents(small.database) == before


def test_an_extension_moves_the_deadline_and_begins_a_round(small: Parts):
    """Its rungs fall anew, before the new day."""
    chasing.issue_notices(small, NOW)
    extend(small, until=date(2020, 5, 20))

    longer = row(small, w.REPORT_A)
    assert (longer.last_day, longer.round, longer.standing) == (date(2020, 5, 20), 2, "open")
    assert longer.next_wake_at == w.at("2020-05-15 08:00")


def test_an_extension_before_the_stage_opens_stands_when_it_does(small: Parts):
    """What was promised beforehand is kept."""
    extend(small, w.DRAFT, until=date(2020, 6, 30))
    submit(small, w.REPORT_A, w.REPORT_B, now=NOW)

    assert row(small, w.DRAFT).last_day == date(2020, 6, 30)


def test_a_waived_obligation_is_owed_no_more_and_counts_for_the_gate(small: Parts):
    """An agency that was dissolved holds nobody up."""
    waive(small)
    waive(small, w.REPORT_B)

    assert row(small, w.REPORT_A).standing == "waived"
    assert row(small, w.REPORT_A).next_wake_at is None
    assert "stage-done" in kinds(small)


def test_what_is_recorded_before_its_stage_opens_is_kept(small: Parts):
    """An office that is early is not turned away, nor chased later."""
    hand_in(small, w.DRAFT)
    submit(small, w.REPORT_A, w.REPORT_B, now=NOW)

    assert row(small, w.DRAFT).standing == "submitted"
    assert row(small, w.DRAFT).next_wake_at is None


# ── What is refused, with nothing changed ──

REFUSALS: list[tuple[str, list[Deed], Deed, str]] = [
    ("unknown", [], lambda parts: hand_in(parts, "reports/report/x"), "unknown-obligation"),
    (
        "dated ahead",
        [],
        lambda parts: hand_in(parts, source=dated(date(2020, 5, 8))),
        "dated-ahead",
    ),
    (
        "dated long ago",
        [],
        lambda parts: hand_in(parts, source=dated(date(2018, 12, 31))),
        "dated-long-ago",
    ),
    ("submitted twice", [hand_in], hand_in, "submitted-already"),
    ("waived", [waive], hand_in, "waived"),
    ("return of nothing", [], give_back, "not-submitted"),
    ("return of a return", [hand_in, give_back], give_back, "not-submitted"),
    ("return of a waived one", [waive], give_back, "not-submitted"),
    ("return without a reason", [hand_in], partial(give_back, why=" "), "empty-why"),
    ("no days", [hand_in], partial(give_back, days=0), "days"),
    ("negative days", [hand_in], partial(give_back, days=-1), "days"),
    ("too many days", [hand_in], partial(give_back, days=251), "days"),
    ("acceptance of nothing", [], accept, "not-submitted"),
    ("acceptance twice", [hand_in, accept], accept, "not-submitted"),
    ("extension of what is in", [hand_in], extend, "closed"),
    ("extension of a waived one", [waive], extend, "waived"),
    ("extension to the same day", [], partial(extend, until=date(2020, 5, 9)), "not-longer"),
    ("extension backwards", [], partial(extend, until=date(2020, 5, 8)), "not-longer"),
    (
        "extension beyond the calendar",
        [],
        partial(extend, until=date(2041, 1, 1)),
        "beyond-calendar",
    ),
    ("waiving what is in", [hand_in], waive, "closed"),
    ("waiving twice", [waive], waive, "waived"),
    (
        "unknown run",
        [],
        lambda parts: recording.submit(parts, "kh", w.REPORT_A, BY, now=NOW),
        "unknown-run",
    ),
    (
        "unknown event",
        [],
        lambda parts: recording.announce(parts, "government.isued", BY, now=NOW),
        "unknown-event",
    ),
    (
        "event dated ahead",
        [],
        lambda parts: recording.announce(
            parts, "government.issued", dated(date(2020, 5, 8)), now=NOW
        ),
        "dated-ahead",
    ),
]


@pytest.mark.parametrize(
    ("before", "deed", "key"),
    [refusal[1:] for refusal in REFUSALS],
    ids=[refusal[0] for refusal in REFUSALS],
)
def test_a_refusal_changes_nothing(small: Parts, before: list[Deed], deed: Deed, key: str):
    """What does not fit is said in a sentence; the whole database is as it was."""
    for earlier in before:
        earlier(small)
    stood = contents(small.database)

    with pytest.raises(Refused) as refused:
        deed(small)

    assert refused.value.key == f"refused.{key}"
    assert refused.value.say("vi")
    assert refused.value.say("en")
    assert contents(small.database) == stood


def test_a_mistyped_obligation_is_answered_with_the_likely_one(small: Parts):
    """Did you mean: the way out is in the sentence."""
    with pytest.raises(Refused) as refused:
        hand_in(small, "reports/raport/a")

    assert w.REPORT_A in refused.value.say("vi")
    assert f"Did you mean: {w.REPORT_A}" in refused.value.say("en")


def test_what_is_like_nothing_is_answered_without_an_empty_guess(small: Parts):
    """“Did you mean: ” and nothing after it would help nobody."""
    with pytest.raises(Refused) as refused:
        hand_in(small, "zzz")

    assert refused.value.key == "refused.no-such-obligation"
    assert not refused.value.say("en").rstrip().endswith(":")


def test_a_second_submission_is_told_the_date_of_the_first(small: Parts):
    """Whoever records it sees at once that somebody else has."""
    hand_in(small, source=dated(date(2020, 5, 6)))

    with pytest.raises(Refused) as refused:
        hand_in(small)

    assert refused.value.values["day"] == date(2020, 5, 6)


def test_today_is_the_date_at_the_office(small: Parts):
    """At 01:00 in Tuyên Quang it is still yesterday in UTC, but not at the office."""
    now = w.at("2020-05-08 01:00")

    submit(small, w.REPORT_A, now=now, dated=date(2020, 5, 8))

    assert row(small, w.REPORT_A).submitted_on == w.at("2020-05-08 00:00")


def test_submitted_from_two_places_at_once_it_is_recorded_once(office: Offices):
    """The form and the command line: one is taken, the other told so."""
    with office() as one, office() as two:
        start(one)

        def attempt(parts: Parts) -> str:
            try:
                hand_in(parts)
            except Refused as refused:
                return refused.key
            return "recorded"

        said = at_once(*[partial(attempt, parts) for parts in (one, two, one, two)])

        assert sorted(said) == ["recorded", *["refused.submitted-already"] * 3]
        assert kinds(one).count("submitted") == 1


def test_killed_at_any_line_a_submission_is_there_whole_or_not_at_all(small: Parts):
    """With the stage that it closes and the one that it opens."""
    hand_in(small)
    before = contents(small.database)
    for statement in range(1, 100):
        try:
            with killed_at(small.database, statement):
                hand_in(small, w.REPORT_B)
        except Halt:
            assert contents(small.database) == before, statement
        else:
            break

    assert statement > 5
    assert kinds(small)[-3:] == ["submitted", "stage-done", "stage-opened"]


# ── Outside events ──


def announce(parts: Parts, now: Any = NOW, **source: Any) -> list[Recorded]:
    """Announce that the Government has issued its programme."""
    values = {"by": "văn thư", "document": "76/NQ-CP"} | source
    found = recording.announce(parts, "government.issued", Source(**values), now=now)
    return list(found.recorded)


def test_an_event_that_comes_early_is_kept_until_it_is_waited_for(small: Parts):
    """The stage opens when its needs are done, without a second announcement."""
    (recorded,) = announce(small, dated=date(2020, 5, 6))
    assert recorded.turned == ()

    submit(small, w.REPORT_A, w.REPORT_B, w.DRAFT, now=NOW + timedelta(hours=1))

    follow_up = row(small, w.FOLLOW_UP)
    assert follow_up.opened_at == NOW + timedelta(hours=1)
    assert follow_up.last_day == date(2020, 5, 20)


def test_an_event_opens_what_waited_for_it_when_it_is_recorded(small: Parts):
    """The deadline counts from the document's date, the work begins with the news."""
    submit(small, w.REPORT_A, w.REPORT_B, w.DRAFT, now=NOW)
    now = w.at("2020-06-16 10:00")

    (recorded,) = announce(small, now, dated=date(2020, 6, 15))

    assert [(entry.kind.value, entry.stage) for entry in recorded.turned] == [
        ("stage-opened", "follow-up")
    ]
    assert row(small, w.FOLLOW_UP).opened_at == now
    assert row(small, w.FOLLOW_UP).last_day == date(2020, 6, 29)


def test_an_event_that_carries_other_values_is_not_the_one_that_is_waited_for(office: Offices):
    """Two programmes, two periods: the plan waits for one of them."""
    event = "{title: Chính phủ ban hành Chương trình"
    correlated = f"{event}, correlate: {{period: 2021-2030, level: nation}}"
    bundle = w.bundle(w.STAGES.replace(event, correlated))
    source = Source("văn thư", "76/NQ-CP")

    def announce(values: dict[str, str] | None) -> list[Recorded]:
        found = recording.announce(parts, "government.issued", source, values=values, now=NOW)
        return list(found.recorded)

    with office() as parts:
        start(parts, bundle)
        for values in (None, {}, {"period": "2011-2020"}):
            with pytest.raises(Refused) as refused:
                announce(values)
            is_wrong = "period" in (values or {})
            assert refused.value.key == f"refused.event-values-{'wrong' if is_wrong else 'missing'}"
            # The ways out can be copied as they stand: into a command line, into a payload.
            said = refused.value.say("vi")
            assert "--with level=nation,period=2021-2030" in said
            assert '"values": {"level": "nation", "period": "2021-2030"}' in said
        assert "event-announced" not in kinds(parts)
        meant = {"period": "2021-2030", "level": "nation"}

        (recorded,) = announce({**meant, "more": "x"})

        assert recorded.entries[0].data["values"] == {**meant, "more": "x"}
        assert announce(meant) == []


@pytest.mark.parametrize("document", ["76/NQ-CP", "77/NQ-CP"])
def test_an_event_announced_twice_counts_once(small: Parts, document: str):
    """The fast path and the sweep both bring it; so may two people, with two documents."""
    announce(small, dated=date(2020, 5, 6))
    ledger = kinds(small)

    again = announce(small, NOW + timedelta(days=1), document=document)

    assert again == []
    assert kinds(small) == ledger
    assert row(small, w.FOLLOW_UP).last_day == date(2020, 5, 20)


def test_an_event_announced_from_two_places_at_once_counts_once(office: Offices):
    """An event of Prefect's and the command line."""
    with office() as one, office() as two:
        start(one)

        recorded = at_once(*[partial(announce, parts) for parts in (one, two, one, two)])

        assert sorted(len(found) for found in recorded) == [0, 0, 0, 1]
        assert kinds(one).count("event-announced") == 1


def test_an_event_reaches_every_run_that_knows_it_and_no_other(parts: Parts):
    """Several plans may wait for the same programme."""
    for name in ("nho", "nho-2"):
        start(parts, w.bundle(plan=name))
    start(parts, w.bundle(w.ONE, plan="other"))

    recorded = announce(parts)

    assert sorted(found.run for found in recorded) == ["nho", "nho-2"]
    assert "event-announced" not in kinds(parts, "other")


def test_an_event_locks_its_runs_in_the_order_of_all_who_lock_several(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Whoever marks mails of several runs locks them by their names: else each waits for the other.

    The runs are read the latest started first.
    """
    for number, run in enumerate(("aa", "bb", "cc")):
        start(parts, w.bundle(plan=run), w.START + timedelta(minutes=number))
    monkeypatch.setattr(turning, "NAMED", 2)
    locked: list[list[str]] = []
    hold = plans.hold

    def noted(connection: Connection, runs: Collection[str]) -> list[StoredRun]:
        found = hold(connection, runs)
        locked.append([stored.id for stored in found])
        return found

    monkeypatch.setattr(plans, "hold", noted)

    recording.announce(parts, "government.issued", BY, now=w.START + timedelta(hours=1))

    assert locked[:2] == [["aa", "bb"], ["cc"]]


def test_an_unknown_event_is_answered_with_those_that_are_known(small: Parts):
    """A slip in the name must not look like success."""
    with pytest.raises(Refused) as refused:
        recording.announce(small, "government.isued", BY, now=NOW)

    assert "government.issued" in refused.value.say("vi")


def test_nothing_is_sent_about_what_was_submitted(small: Parts):
    """From the moment it is recorded the agency hears no more of it."""
    hand_in(small)

    chasing.issue_notices(small, w.LATE)

    with small.database.reading() as connection:
        told = connection.execute(
            select(LEDGER.c.obligation).where(LEDGER.c.kind == "notice-issued")
        ).scalars()
        assert w.REPORT_A not in set(told)
    assert row(small, w.REPORT_A).standing == Standing.SUBMITTED.value


def test_a_return_of_today_takes_nobody_out_of_a_stage_that_was_done_yesterday(parts: Parts):
    """The clock was down as the gate gave way: who was in by then was in, whatever came after."""
    start(parts)
    submit(parts, w.REPORT_A, now=w.EVE)
    after = w.at("2020-05-15 10:00")  # the gate gave way with the end of 13 May

    recorded = give_back(parts, now=after)

    with parts.database.reading() as connection:
        entries = ledger.entries(connection, "nho")
    done = next(entry for entry in entries if entry.kind is EntryKind.STAGE_DONE)
    assert done.happened_at == w.at("2020-05-14 00:00")
    assert done.data["missing"] == [w.REPORT_B, w.REPORT_C]
    told = kinds(parts)
    assert told.index("stage-done") < told.index("returned")
    assert recorded.entries[0].kind is EntryKind.RETURNED  # what was done is told first
