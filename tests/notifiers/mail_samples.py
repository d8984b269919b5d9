"""One digest of every kind, as the golden files show them."""

from __future__ import annotations

from collections.abc import Callable

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


def remind_today(language: str) -> Digest:
    """The last working day, a day before the last day."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-08 08:00"), language=language)


def returned(language: str) -> Digest:
    """A report sent back, with days to complete it."""
    back = b.returned(
        "final-report", "so-y-te", "2020-05-07 10:00", why="Thiếu số liệu Phụ lục III; chưa ký số."
    )
    first = b.submitted("final-report", "so-y-te", "2020-05-05 09:00")
    state = b.opened(b.plan(), first, back)
    return b.digest(state, "so-y-te", b.at("2020-05-07 10:00"), language=language)


def overdue_first(language: str) -> Digest:
    """The first chaser."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-11 08:00"), language=language)


def overdue_again(language: str) -> Digest:
    """The third chaser: firmer, and the next step goes above."""
    return b.digest(b.opened(b.plan()), "so-y-te", b.at("2020-05-13 08:00"), language=language)


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


def assign_commune(language: str) -> Digest:
    """A commune's first mail: it answers to its district, and turns to it in difficulties."""
    return b.digest(b.opened(b.levels()), "xa-1", b.STARTED, language=language)


def assign_collecting(language: str) -> Digest:
    """A district gathers its communes' reports; its own date is not known yet."""
    return b.digest(b.opened(b.levels()), "huyen-yen-son", b.STARTED, language=language)


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
        remind,
        remind_today,
        returned,
        overdue_first,
        overdue_again,
        escalate_coordinator,
        escalate_superior,
        escalate_mixed,
        assign_commune,
        assign_collecting,
        overdue_commune,
        escalate_parent,
        escalate_communes,
    )
}
