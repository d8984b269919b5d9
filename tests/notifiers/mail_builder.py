"""A small plan built by hand from the engine's values, and digests of it at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from engine.calendar import DayOff, WorkingCalendar
from engine.chasing import Heard, History, Kind, Notice, decide, rungs
from engine.contacts import Addressee
from engine.deadline import Before, FromEvent, FromStage, NoDate, Phrase, Unit, Within
from engine.ledger import Entry, EntryKind, RunState, fold
from engine.plan import (
    PARENT,
    Agency,
    AppendixRef,
    EscalationStep,
    Gate,
    Ladder,
    Level,
    OutsideEvent,
    Overdue,
    Plan,
    Role,
    Stage,
    Task,
)
from notifiers.digest import Digest, compose

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
RUN = "kh37-2020-1"
STARTED = datetime(2020, 4, 6, 14, 0, tzinfo=ZONE)

NAMES = {
    "ubnd-tinh": "Ủy ban nhân dân tỉnh Tuyên Quang",
    "so-noi-vu": "Sở Nội vụ tỉnh Tuyên Quang",
    "so-tu-phap": "Sở Tư pháp",
    "so-tai-chinh": "Sở Tài chính",
    "so-y-te": "Sở Y tế",
    "so-gddt": "Sở Giáo dục và Đào tạo",
    "so-ldtbxh": "Sở Lao động - Thương binh và Xã hội",
    "so-vhttdl": "Sở Văn hóa, Thể thao và Du lịch",
    "huyen-yen-son": "UBND huyện Yên Sơn",
    "dai-ptth": "Đài Phát thanh và Truyền hình tỉnh",
}
COMMUNES = tuple(f"xa-{number}" for number in range(1, 29))
FILLERS = tuple(f"co-quan-{number}" for number in range(1, 21))
REPORTING = (
    "so-noi-vu",
    "so-tu-phap",
    "so-tai-chinh",
    "so-y-te",
    "so-ldtbxh",
    "so-vhttdl",
    "huyen-yen-son",
    *FILLERS,
)

STANDARD = Ladder(
    name="standard",
    remind=(10, 5, 2, 1, 0),
    overdue=Overdue(first=1, every=1, at_most=10),
    escalate=(
        EscalationStep(after=1, to=Level.COORDINATOR),
        EscalationStep(after=5, to=Level.SUPERIOR),
    ),
)

REPORT = Task(
    id="final-report",
    title=(
        "Báo cáo tổng kết việc thực hiện Chương trình tổng thể cải cách hành chính nhà nước"
        " giai đoạn 2011-2020"
    ),
    by=REPORTING,
    due=Phrase("trước ngày 10/5/2020", Before(date(2020, 5, 10))),
    ladder="standard",
    to="so-noi-vu",
    copies=("so-tu-phap", "so-tai-chinh"),
    ref="Mục II.1.1",
    note="Thời gian thống kê số liệu: từ ngày 01/01/2011 đến ngày 31/3/2020.",
)
REWARDS = Task(
    id="rewards",
    title=(
        "Quyết định khen thưởng theo thẩm quyền đối với các tập thể, cá nhân có thành tích"
        " xuất sắc trong công tác cải cách hành chính giai đoạn 2011-2020"
    ),
    by=REPORTING,
    due=Phrase("không hạn", NoDate()),
    ladder="standard",
    ref="Mục II.1.2",
)
GUIDANCE = Task(
    id="guide-communes",
    title="Hướng dẫn, kiểm tra, đôn đốc Ủy ban nhân dân xã, phường, thị trấn thực hiện tổng kết",
    by=("huyen-yen-son",),
    due=Phrase("thường xuyên", NoDate()),
    ladder="standard",
    concerning={"huyen-yen-son": COMMUNES},
    ref="Mục III.1",
)
STATISTICS = Task(
    id="statistics",
    title="Tổng hợp, thống kê số liệu về cải cách thể chế",
    by=("so-tu-phap",),
    due=Phrase("không hạn", NoDate()),
    ladder="standard",
    to="so-noi-vu",
    partners=("so-y-te", "so-vhttdl"),
    appendix=(
        AppendixRef("Phụ lục II", "Phụ lục II"),
        AppendixRef("Mục 14 Phụ lục VII", "Phụ lục VII", items=("14",)),
    ),
    ref="Mục III.2.2",
)
DRAFT = Task(
    id="draft-plan",
    title="Dự thảo kế hoạch cải cách hành chính giai đoạn 2021-2030",
    by=("so-noi-vu",),
    due=Phrase(
        "trong thời hạn 20 ngày làm việc kể từ ngày government.programme-issued",
        Within(20, Unit.WORKING_DAYS, FromEvent("government.programme-issued")),
    ),
    ladder="standard",
    to="ubnd-tinh",
    ref="Mục II.3",
)

REVIEW = Task(
    id="review",
    title="Báo cáo tự rà soát, đánh giá công tác cải cách hành chính của cấp xã",
    by=COMMUNES[:5],
    due=Phrase("trước ngày 10/5/2020", Before(date(2020, 5, 10))),
    ladder="communes",
    to=PARENT,
    ref="Mục III.1",
)
SUMMARY = Task(
    id="summary",
    title="Báo cáo tổng hợp của huyện",
    by=("huyen-yen-son",),
    due=Phrase(
        "trong thời hạn 5 ngày làm việc sau khi agency-reports xong",
        Within(5, Unit.WORKING_DAYS, FromStage("agency-reports")),
    ),
    ladder="standard",
    to="so-noi-vu",
    concerning={"huyen-yen-son": COMMUNES[:5]},
    collects="agency-reports/review",
    ref="Mục III.1",
)


def calendar() -> WorkingCalendar:
    """The days off of spring 2020, and a year around it."""
    off = (date(2020, 4, 2), date(2020, 4, 30), date(2020, 5, 1), date(2020, 9, 2))
    return WorkingCalendar(2019, 2021, days_off=[DayOff(day, "nghỉ lễ") for day in off])


def agencies() -> dict[str, Agency]:
    """Every body of the plan, with an address that leads nowhere."""
    names = {
        **NAMES,
        **{commune: f"UBND xã Số {number}" for number, commune in enumerate(COMMUNES, 1)},
        **{filler: f"Ban Quản lý dự án số {number}" for number, filler in enumerate(FILLERS, 1)},
    }
    return {
        key: Agency(id=key, name=name, kind="department", email=f"vanthu@{key}.example")
        for key, name in names.items()
    }


def plan(*tasks: Task, **changes: object) -> Plan:
    """A plan of one stage with `tasks`, by default every one of this module."""
    chosen = tasks or (REPORT, REWARDS, GUIDANCE, STATISTICS, DRAFT)
    stage = Stage(
        id="agency-reports",
        title="Báo cáo của các cơ quan",
        tasks=chosen,
        gate=Gate(tasks=(chosen[0].id,)),
    )
    built = Plan(
        id="kh37-2020",
        number="37/KH-UBND",
        title=(
            "Tổng kết công tác cải cách hành chính giai đoạn 2011-2020 và xây dựng phương hướng,"
            " nhiệm vụ công tác cải cách hành chính giai đoạn 2021-2030"
        ),
        issued=date(2020, 4, 6),
        issuer="ubnd-tinh",
        coordinator="so-noi-vu",
        superior="ubnd-tinh",
        zone=ZONE,
        language="vi",
        agencies=agencies(),
        stages=(stage,),
        ladders={"standard": STANDARD},
        calendar=calendar(),
        events={
            "government.programme-issued": OutsideEvent(
                "government.programme-issued", "Chính phủ ban hành Chương trình tổng thể"
            )
        },
    )
    return replace(built, **changes)  # type: ignore[arg-type]


def levels(summary: Task = SUMMARY) -> Plan:
    """A plan of three levels: communes owe to their district, the district to the province."""
    communes = replace(
        STANDARD,
        name="communes",
        escalate=(
            EscalationStep(after=1, to=Level.PARENT),
            EscalationStep(after=3, to=Level.COORDINATOR),
        ),
    )
    above = {
        key: replace(agency, parent="huyen-yen-son" if key in COMMUNES else None)
        for key, agency in agencies().items()
    }
    ladders = {"standard": STANDARD, "communes": communes}
    return plan(REVIEW, summary, agencies=above, ladders=ladders)


def staged() -> Plan:
    """A plan whose second stage waits for an event, and is dated by it."""
    first = plan().stages[0]
    drafted = replace(
        first,
        id="plan-2021-2030",
        title="Kế hoạch giai đoạn 2021-2030",
        tasks=(DRAFT,),
        gate=Gate(tasks=(DRAFT.id,)),
        needs=(first.id,),
        event="government.programme-issued",
    )
    by_two = replace(DRAFT, by=("so-noi-vu", "so-tu-phap"), partners=())
    return plan(stages=(replace(first, tasks=(REPORT,)), replace(drafted, tasks=(by_two,))))


def at(words: str) -> datetime:
    """An instant of the plan's zone: `2020-05-12 08:00`."""
    return datetime.fromisoformat(words).replace(tzinfo=ZONE)


def opened(of: Plan, *entries: Entry, when: datetime = STARTED) -> RunState:
    """The state of a run of `of` whose stage has opened, then `entries`."""
    first = Entry(EntryKind.STAGE_OPENED, when, when, "test", stage="agency-reports")
    return fold(of, [first, *entries])


def submitted(task: str, agency: str, when: str) -> Entry:
    """A report received."""
    moment = at(when)
    return Entry(
        EntryKind.SUBMITTED,
        moment,
        moment,
        "test",
        obligation=key(task, agency),
        document="118/BC-SYT",
    )


def returned(task: str, agency: str, when: str, *, why: str, days: int | None = 3) -> Entry:
    """A report sent back for completion."""
    data: dict[str, object] = {"reason": why}
    if days is not None:
        data["days"] = days
    return entry(EntryKind.RETURNED, task, agency, when, document="512/SNV-CCHC", **data)


def entry(
    kind: EntryKind, task: str, agency: str, when: str, *, document: str = "", **data: object
) -> Entry:
    """An entry about an agency's task."""
    moment = at(when)
    who = "Nguyễn Thị Lan"
    return Entry(
        kind, moment, moment, who, obligation=key(task, agency), document=document, data=data
    )


def key(task: str, agency: str) -> str:
    """An obligation's id."""
    return f"agency-reports/{task}/{agency}"


def due(state: RunState, recipient: str, now: datetime) -> list[Notice]:
    """What the ladder says is due to `recipient` at exactly `now`."""
    return [
        notice
        for obligation in state.obligations.values()
        for notice in decide(state.plan, obligation, issued=frozenset(), now=now).due
        if notice.recipient == recipient and notice.at == now
    ]


def history(state: RunState, before: datetime) -> History:
    """Every rung that went out before `before`, and the chasers that go out just then."""
    return {
        found.obligation.id: [
            Heard(rung.kind, rung.round, rung.recipient, rung.at, together=rung.at == before)
            for rung in rungs(state.plan, found)
            if rung.at < before or (rung.at == before and rung.kind is Kind.OVERDUE)
        ]
        for found in state.obligations.values()
    }


def digest(
    state: RunState, recipient: str, now: datetime, *, language: str | None = None
) -> Digest:
    """The digest that goes to `recipient` at `now`."""
    return compose(
        state,
        due(state, recipient, now),
        run_id=RUN,
        recipient=recipient,
        send_at=now,
        language=language,
        history=history(state, now),
    )


def without(state: RunState, task: str, keep: Iterable[str]) -> RunState:
    """The state once every agency but `keep` has handed in `task`."""
    kept = set(keep)
    closed = at("2020-05-05 09:00").astimezone(UTC)
    rest = [
        Entry(EntryKind.SUBMITTED, closed, closed, "test", obligation=found.obligation.id)
        for found in state.obligations.values()
        if found.obligation.task.id == task and found.obligation.agency.id not in kept
    ]
    return opened(state.plan, *rest)


def addressed(agency: Agency) -> tuple[Addressee, ...]:
    """The agency's own mailbox, as the one address of a mail."""
    return (Addressee(agency.email or "", agency.name, Role.MAILBOX),)
