"""Briefs of a run of three stages: of a bad morning, of a quiet one, of its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from engine.chasing import Kind
from engine.deadline import FromEvent, Phrase, Unit, Within
from engine.ledger import Entry, EntryKind, RunState, fold
from engine.plan import Gate, GateAfterDue, Plan, Stage
from notifiers.brief import Brief, Reached, Unreached
from notifiers.digest import message_id, thread_id
from tests.notifiers import mail_builder as b

MORNING = b.at("2020-05-12 08:00")
SINCE = b.at("2020-05-11 08:00")
REPORTING = ("so-noi-vu", "so-tu-phap", "so-tai-chinh", "so-y-te", "so-ldtbxh", "huyen-yen-son")
SUMMARY = replace(b.REPORT, id="summary", title="Dự thảo báo cáo của tỉnh", by=("so-noi-vu",))
FOLLOW_UP = replace(
    b.DRAFT,
    due=Phrase(
        "trong thời hạn 20 ngày làm việc kể từ ngày government.programme-issued",
        Within(20, Unit.WORKING_DAYS, FromEvent("government.programme-issued")),
    ),
)


def plan(*, by: Sequence[str] = REPORTING, **changes: object) -> Plan:
    """Reports, then a summary, then a plan that also waits for an event."""
    report = replace(b.REPORT, by=tuple(by))
    stages = (
        Stage(
            id="agency-reports",
            title="Báo cáo của các cơ quan",
            tasks=(report, replace(b.REWARDS, by=tuple(by))),
            gate=Gate(tasks=("final-report",), quorum=5, otherwise=GateAfterDue(5)),
        ),
        Stage(
            id="summary",
            title="Báo cáo của tỉnh",
            tasks=(SUMMARY,),
            gate=Gate(tasks=("summary",)),
            needs=("agency-reports",),
        ),
        Stage(
            id="plan-2021-2030",
            title="Kế hoạch giai đoạn 2021-2030",
            tasks=(FOLLOW_UP,),
            gate=Gate(tasks=("draft-plan",)),
            needs=("summary",),
            event="government.programme-issued",
        ),
    )
    return b.plan(stages=stages, **changes)


def state(of: Plan, *entries: Entry) -> RunState:
    """The state of a run that has started, whose first stage is open, then `entries`."""
    at = b.STARTED
    first = Entry(EntryKind.RUN_STARTED, at, at, "test")
    opened = Entry(EntryKind.STAGE_OPENED, at, at, "test", stage="agency-reports")
    return fold(of, [first, opened, *entries])


def entry(kind: EntryKind, agency: str, when: str, *, document: str = "", **data: object) -> Entry:
    """An entry about an agency's report."""
    at, key = b.at(when), b.key("final-report", agency)
    return Entry(kind, at, at, "test", obligation=key, document=document, data=data)


def brief(
    of: RunState,
    *,
    language: str = "vi",
    now: datetime = MORNING,
    entries: Sequence[Entry] = (),
    reached: Sequence[Reached] = (),
    unreached: Sequence[Unreached] = (),
) -> Brief:
    """A brief for the coordinator at `now`."""
    recipient = of.plan.coordinator
    return Brief(
        state=of,
        run_id=b.RUN,
        recipient=of.plan.agencies[recipient],
        send_at=now,
        as_of=now,
        since=SINCE,
        language=language,
        message_id=message_id(b.RUN, recipient, now),
        thread_id=thread_id(b.RUN, recipient),
        reached=tuple(reached),
        unreached=tuple(unreached),
        entries=tuple(entries),
    )


def told(agency: str, *chased: str, above: str = "so-noi-vu") -> list[Reached]:
    """The chasers that reached an agency, and who above heard of it with the first."""
    key = b.key("final-report", agency)
    found = [Reached(key, Kind.OVERDUE, agency, b.at(when)) for when in chased]
    return [*found, Reached(key, Kind.ESCALATE, above, b.at(chased[0]))]


def bad_morning(language: str) -> Brief:
    """Late agencies, a difficulty, a pause, mail that comes back, and what is recorded."""
    entries = (
        entry(EntryKind.SUBMITTED, "so-tu-phap", "2020-05-11 09:00", document="120/BC-STP"),
        entry(EntryKind.SUBMITTED, "so-tai-chinh", "2020-05-11 09:10", document="88/BC-STC"),
        entry(
            EntryKind.RETURNED,
            "so-tai-chinh",
            "2020-05-11 10:00",
            reason="Thiếu số liệu Phụ lục II.",
            days=3,
        ),
        entry(
            EntryKind.DIFFICULTY_REPORTED,
            "huyen-yen-son",
            "2020-05-11 14:00",
            document="31/UBND-NV",
            what="Chưa có số liệu của 3 xã",
        ),
        entry(EntryKind.SUBMITTED_IN_PART, "so-ldtbxh", "2020-05-11 15:00"),
        Entry(
            EntryKind.CHASING_PAUSED,
            b.at("2020-05-11 16:00"),
            b.at("2020-05-11 16:00"),
            "test",
            data={"agency": "so-y-te", "reason": "Tập trung chống dịch", "until": "2020-05-15"},
        ),
    )
    mornings = ("2020-05-11 08:00", "2020-05-12 08:00")
    return brief(
        state(plan(), *entries),
        language=language,
        entries=entries,
        reached=[
            *told("so-noi-vu", *mornings, above="ubnd-tinh"),
            *told("so-ldtbxh", *mornings),
            *told("huyen-yen-son", *mornings),
            *told("so-y-te", mornings[0]),
        ],
        unreached=[
            Unreached("so-vhttdl", 2, b.at("2020-05-11 08:00"), "550 5.1.1 User unknown"),
        ],
    )


def quiet(language: str) -> Brief:
    """Nothing late, due, recorded or to be sent."""
    entries = [entry(EntryKind.SUBMITTED, one, "2020-05-05 09:00") for one in REPORTING]
    done = Entry(
        EntryKind.STAGE_DONE,
        b.at("2020-05-05 09:00"),
        b.at("2020-05-05 09:00"),
        "test",
        stage="agency-reports",
        data={"missing": []},
    )
    opened = replace(done, kind=EntryKind.STAGE_OPENED, stage="summary", data={})
    summarised = Phrase("không hạn", b.REWARDS.due.rule)
    undated = replace(plan().stages[1], tasks=(replace(SUMMARY, due=summarised),))
    of = plan()
    of = replace(of, stages=(of.stages[0], undated, of.stages[2]))
    return brief(state(of, *entries, done, opened), language=language, now=b.at("2020-06-22 08:00"))


def turning(language: str) -> Brief:
    """A stage gave way, the event was announced, somebody was given until later."""
    at = b.at("2020-05-16 00:00")
    extended = entry(
        EntryKind.EXTENDED,
        "so-y-te",
        "2020-05-14 09:00",
        document="512/UBND-NC",
        until=date(2020, 5, 29).isoformat(),
    )
    turns = (
        Entry(
            EntryKind.STAGE_DONE,
            at,
            at,
            "test",
            stage="agency-reports",
            data={"missing": [b.key("final-report", one) for one in REPORTING]},
        ),
        Entry(EntryKind.STAGE_OPENED, at, at, "test", stage="summary"),
        Entry(
            EntryKind.EVENT_ANNOUNCED,
            at,
            at,
            "test",
            document="76/NQ-CP",
            data={"event": "government.programme-issued"},
        ),
    )
    entries = (extended, *turns)
    now = b.at("2020-05-18 08:00")
    return brief(state(plan(), *entries), language=language, now=now, entries=entries)


BRIEFS: dict[str, Callable[[str], Brief]] = {
    "brief-bad-morning": bad_morning,
    "brief-quiet": quiet,
    "brief-turning": turning,
}
