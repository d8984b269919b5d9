"""The mails that carry a draft letter, one of each kind, and one of names that do harm."""

from __future__ import annotations

from dataclasses import replace

from engine.plan import EscalationStep, Level, Plan
from notifiers.digest import Digest
from tests.notifiers import mail_builder as b
from tests.notifiers.mail_samples import LATE

LADDER = replace(
    b.STANDARD,
    overdue=replace(b.STANDARD.overdue, letter_from=2),
    escalate=(
        EscalationStep(after=1, to=Level.COORDINATOR),
        EscalationStep(after=2, to=Level.COORDINATOR, letter=True),
        EscalationStep(after=5, to=Level.SUPERIOR, letter=True),
    ),
)
HOSTILE = (
    'Báo cáo <b>&amp; "kết quả"</b> {{ 7 * 7 }} {% for x in y %}{# mất #} {_{ 8 }_} ]]>'
    " \x00\x07\x1b\ud800\u202e\ufffe \r\n\t" + "rất dài " * 40
)


def plan(**changes: object) -> Plan:
    """Plan 37 with a ladder that calls for letters, its department named as in the register."""
    named = b.agencies()
    named["so-noi-vu"] = replace(named["so-noi-vu"], name="Sở Nội vụ")
    return b.plan(**{"ladders": {"standard": LADDER}, "agencies": named, **changes})


def chaser(day: str = "2020-05-12", **changes: object) -> Digest:
    """A department is chased on a day: the second time on 12/5."""
    return b.digest(b.opened(plan(**changes)), "so-y-te", b.at(f"{day} 08:00"))


def chaser_of_all() -> Digest:
    """The coordinator hears of five late bodies, and writes to them."""
    state = b.without(b.opened(plan()), "final-report", LATE)
    return b.digest(state, "so-noi-vu", b.at("2020-05-12 08:00"))


def report() -> Digest:
    """The provincial committee gets a report of the same five."""
    state = b.without(b.opened(plan()), "final-report", LATE)
    return b.digest(state, "ubnd-tinh", b.at("2020-05-15 08:00"))


def report_of_many() -> Digest:
    """All 27 bodies are late, the department that reports it among them."""
    return b.digest(b.opened(plan()), "ubnd-tinh", b.at("2020-05-15 08:00"))


def report_of_sender() -> Digest:
    """Only the department that writes is late itself."""
    state = b.without(b.opened(plan()), "final-report", ["so-noi-vu"])
    return b.digest(state, "ubnd-tinh", b.at("2020-05-15 08:00"))


def direction() -> Digest:
    """A district is asked to direct two communes."""
    first = EscalationStep(after=1, to=Level.PARENT, letter=True)
    levels = b.levels()
    ladders = {
        "standard": LADDER,
        "communes": replace(levels.ladders["communes"], escalate=(first,)),
    }
    state = b.without(b.opened(replace(levels, ladders=ladders)), "review", ["xa-1", "xa-3"])
    return b.digest(state, "huyen-yen-son", b.at("2020-05-11 08:00"))


def hostile() -> Digest:
    """Every name, title and number that a plan's author writes, by one who means harm."""
    named = {
        key: replace(agency, name=f"{agency.name} {HOSTILE}")
        for key, agency in plan().agencies.items()
    }
    task = replace(b.REPORT, title=HOSTILE, ref=HOSTILE)
    built = b.plan(
        task,
        ladders={"standard": LADDER},
        agencies=named,
        number="37/{{ KH }}<&>/../\x00Đ" + "9" * 300,
        title=HOSTILE,
    )
    return b.digest(b.opened(built), "so-y-te", b.at("2020-05-12 08:00"))


SAMPLES = {
    "chaser": chaser,
    "chaser-of-all": chaser_of_all,
    "report": report,
    "report-of-many": report_of_many,
    "report-of-sender": report_of_sender,
    "direction": direction,
    "hostile": hostile,
}
