"""One digest of every kind, as the golden files show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from engine.deadline import By, Phrase
from engine.ledger import Entry, EntryKind
from engine.plan import Plan, Task
from notifiers.digest import Digest
from tests.notifiers import mail_builder as b

LATE = ("so-y-te", "so-ldtbxh", "so-vhttdl", "huyen-yen-son", "so-tai-chinh")


def assign(language: str) -> Digest:
    """The first mail to a department: one dated task, one without a date."""
    return b.digest(b.opened(b.plan()), "so-tu-phap", b.STARTED, language=language)


def assign_district(language: str) -> Digest:
    """The first mail to a district, with its 28 communes."""
    return b.digest(b.opened(b.plan()), "huyen-yen-son", b.STARTED, language=language)


def assign_coordinator(language: str) -> Digest:
    """The coordinator's own tasks, one of them waiting for an event to be dated."""
    return b.digest(b.opened(b.plan()), "so-noi-vu", b.STARTED, language=language)


def remind(language: str) -> Digest:
    """Five working days left."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-04-29 08:00"), language=language)


def remind_last(language: str) -> Digest:
    """The last working day, a day before the last day."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-08 08:00"), language=language)


def remind_today(language: str) -> Digest:
    """The last day itself."""
    by_friday = replace(b.REPORT, due=Phrase("chậm nhất ngày 08/5/2020", By(date(2020, 5, 8))))
    state = b.opened(b.plan(by_friday))
    return b.digest(state, "so-y-te", b.at("2020-05-08 08:00"), language=language)


def returned(language: str) -> Digest:
    """A report sent back, with days to complete it."""
    back = b.returned(
        "final-report", "so-y-te", "2020-05-07 10:00", why="Thiếu số liệu Phụ lục III; chưa ký số."
    )
    first = b.submitted("final-report", "so-y-te", "2020-05-05 09:00")
    state = b.opened(b.plan(), first, back)
    return b.digest(state, "so-y-te", b.at("2020-05-07 10:00"), language=language)


def extended(language: str) -> Digest:
    """A reminder of a term that was extended, after a difficulty was answered."""
    what = "Chưa có số liệu của 3 xã"
    answer = "Dùng số liệu đến hết tháng 3; bổ sung sau."
    task, who = "final-report", "huyen-yen-son"
    state = b.opened(
        b.plan(b.REPORT),
        b.entry(EntryKind.DIFFICULTY_REPORTED, task, who, "2020-05-04 09:00", what=what),
        b.entry(EntryKind.DIFFICULTY_ANSWERED, task, who, "2020-05-05 09:00", answer=answer),
        b.entry(
            EntryKind.EXTENDED,
            task,
            who,
            "2020-05-05 09:30",
            document="512/UBND-NC",
            until="2020-05-22",
        ),
    )
    return b.digest(state, who, b.at("2020-05-15 08:00"), language=language)


def overdue_first(language: str) -> Digest:
    """The first chaser."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-11 08:00"), language=language)


def overdue_second(language: str) -> Digest:
    """The second chaser: it names the first."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-12 08:00"), language=language)


def overdue_again(language: str) -> Digest:
    """The third chaser: it asks for the reason and a day."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-13 08:00"), language=language)


def overdue_reported(language: str) -> Digest:
    """A chaser after the province has heard of it: an explanation is asked for."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-18 08:00"), language=language)


def overdue_part(language: str) -> Digest:
    """A chaser for what has come in part, with a difficulty that waits for an answer."""
    task, who = "final-report", "so-y-te"
    state = b.opened(
        b.plan(),
        b.entry(EntryKind.SUBMITTED_IN_PART, task, who, "2020-05-08 15:00", document="121/BC-SYT"),
        b.entry(
            EntryKind.DIFFICULTY_REPORTED,
            task,
            who,
            "2020-05-11 09:00",
            document="130/SYT-VP",
            what="Trung tâm y tế 2 huyện chưa gửi số liệu",
        ),
    )
    return b.digest(state, who, b.at("2020-05-12 08:00"), language=language)


def mixed(language: str) -> Digest:
    """One mail: something overdue, something due soon."""
    later = replace(
        b.STATISTICS,
        by=("so-tu-phap",),
        due=Phrase("chậm nhất ngày 18/5/2020", By(date(2020, 5, 18))),
    )
    state = b.opened(b.plan(b.REPORT, later))
    return b.digest(state, "so-tu-phap", b.at("2020-05-11 08:00"), language=language)


def mixed_again(language: str) -> Digest:
    """One mail: something that was chased twice before, something due soon."""
    later = replace(
        b.STATISTICS,
        by=("so-tu-phap",),
        due=Phrase("chậm nhất ngày 20/5/2020", By(date(2020, 5, 20))),
    )
    state = b.opened(b.plan(b.REPORT, later))
    return b.digest(state, "so-tu-phap", b.at("2020-05-13 08:00"), language=language)


def joint(language: str) -> Digest:
    """What a body only takes part in: who leads, by when, who else; of each task once."""
    led = replace(b.DRAFT, by=("so-noi-vu", "so-tu-phap"), partners=("so-y-te", "so-tai-chinh"))
    later = replace(b.STATISTICS, due=Phrase("chậm nhất ngày 20/5/2020", By(date(2020, 5, 20))))
    return b.digest(b.opened(telling(later, led)), "so-y-te", b.STARTED, language=language)


def joint_beside(language: str) -> Digest:
    """What a body owes, and behind it what it takes part in."""
    return b.digest(
        b.opened(telling(b.REPORT, b.STATISTICS)), "so-y-te", b.STARTED, language=language
    )


def telling(*tasks: Task) -> Plan:
    """A plan whose ladder tells partners."""
    return b.plan(*tasks, ladders={"standard": replace(b.STANDARD, tell_partners=True)})


def assign_after_event(language: str) -> Digest:
    """What an event opens names the event's document."""
    moment = b.at("2021-07-19 09:00")
    event = Entry(
        EntryKind.EVENT_ANNOUNCED,
        b.at("2021-07-15 00:00"),
        moment,
        "Nguyễn Thị Lan",
        document="76/NQ-CP",
        data={"event": "government.programme-issued"},
    )
    opens = Entry(EntryKind.STAGE_OPENED, moment, moment, "test", stage="plan-2021-2030")
    state = b.opened(b.staged(), event, opens)
    return b.digest(state, "so-tu-phap", moment, language=language)


def escalate_coordinator(language: str) -> Digest:
    """The first report of late bodies, to the coordinator."""
    state = b.without(b.opened(b.plan()), "final-report", LATE)
    return b.digest(state, "so-noi-vu", b.at("2020-05-11 08:00"), language=language)


def escalate_superior(language: str) -> Digest:
    """The second report, to the provincial committee: nothing stands above it."""
    state = b.without(b.opened(b.plan()), "final-report", LATE)
    return b.digest(state, "ubnd-tinh", b.at("2020-05-15 08:00"), language=language)


def escalate_mixed(language: str) -> Digest:
    """The coordinator hears of others, and is itself late."""
    return b.digest(b.opened(b.plan()), "so-noi-vu", b.at("2020-05-11 08:00"), language=language)


def escalate_about_coordinator(language: str) -> Digest:
    """The province hears that the coordinator itself is late: it does not report on itself."""
    state = b.without(b.opened(b.plan()), "final-report", ["so-noi-vu"])
    return b.digest(state, "ubnd-tinh", b.at("2020-05-11 08:00"), language=language)


def assign_commune(language: str) -> Digest:
    """A commune's first mail: it answers to its district, and turns to it in difficulties."""
    return b.digest(b.opened(b.levels()), "xa-1", b.STARTED, language=language)


def assign_collecting(language: str) -> Digest:
    """A district gathers its communes' reports; its own date is not known yet."""
    return b.digest(b.opened(b.levels()), "huyen-yen-son", b.STARTED, language=language)


def remind_collecting(language: str) -> Digest:
    """A district sees where each of its communes stands, in one table."""
    dated = replace(b.SUMMARY, due=Phrase("chậm nhất ngày 18/5/2020", By(date(2020, 5, 18))))
    return b.digest(
        b.opened(b.levels(dated), *_communes()),
        "huyen-yen-son",
        b.at("2020-05-15 08:00"),
        language=language,
    )


def escalate_collecting(language: str) -> Digest:
    """A district is told which of its communes are late, and sees the others in the same table."""
    return b.digest(
        b.opened(b.levels(), *_communes()),
        "huyen-yen-son",
        b.at("2020-05-11 08:00"),
        language=language,
    )


def _communes() -> list[Entry]:
    return [
        b.entry(EntryKind.SUBMITTED, "review", "xa-1", "2020-05-05 09:00", document="12/BC-UBND"),
        b.entry(EntryKind.SUBMITTED_IN_PART, "review", "xa-3", "2020-05-06 09:00"),
        b.entry(EntryKind.WAIVED, "review", "xa-4", "2020-05-06 10:00", document="88/UBND-NV"),
        b.entry(EntryKind.EXTENDED, "review", "xa-5", "2020-05-06 11:00", until="2020-05-29"),
    ]


def overdue_commune(language: str) -> Digest:
    """A commune is chased on the day on which its district and the department have heard of it."""
    return b.digest(b.opened(b.levels()), "xa-1", b.at("2020-05-13 08:00"), language=language)


def escalate_parent(language: str) -> Digest:
    """A district is told which of its communes are late; nobody reports to it."""
    state = b.without(b.opened(b.levels()), "review", ["xa-1", "xa-3"])
    return b.digest(state, "huyen-yen-son", b.at("2020-05-11 08:00"), language=language)


def escalate_communes(language: str) -> Digest:
    """The coordinator hears of communes, each with its district."""
    state = b.without(b.opened(b.levels()), "review", ["xa-1", "xa-3"])
    return b.digest(state, "so-noi-vu", b.at("2020-05-13 08:00"), language=language)


SAMPLES: dict[str, Callable[[str], Digest]] = {
    found.__name__.replace("_", "-"): found
    for found in (
        assign,
        assign_district,
        assign_coordinator,
        assign_after_event,
        joint,
        joint_beside,
        remind,
        remind_last,
        remind_today,
        returned,
        extended,
        overdue_first,
        overdue_second,
        overdue_again,
        overdue_reported,
        overdue_part,
        mixed,
        mixed_again,
        escalate_coordinator,
        escalate_superior,
        escalate_mixed,
        escalate_about_coordinator,
        assign_commune,
        assign_collecting,
        remind_collecting,
        escalate_collecting,
        overdue_commune,
        escalate_parent,
        escalate_communes,
    )
}
