"""Preview and reality: what is shown beforehand is, mail for mail, what is issued.

The pure rehearsal and the use cases over the database are two loops over the same rules.
If they part, a coordinator approves one plan and the agencies get another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.deadline import start_of
from engine.ledger import EntryKind
from engine.rehearsal import WORST_CASE, Act, Scenario
from notifiers.rendering import render
from plan_definitions import Bundle, load, load_scenario
from services.mail import mailroom
from services.views import previewing, reports
from services.wiring import Parts
from tests.services import written as w
from tests.services.living import issued, live_through, previewed
from tests.services.office import Offices

SMALL = w.bundle()
AWAITED = w.bundle(w.AWAITED)
SPELLS = "[{from: 08/4/2020, until: 09/4/2020}, {from: 08/5/2020, until: 13/5/2020, why: bầu cử}]"
QUIET = w.bundle(ladder=f"quiet: {SPELLS}\n{w.LADDER}")


@pytest.mark.parametrize(
    "bundle",
    [SMALL, AWAITED, w.bundle(w.ONE), QUIET],
    ids=["small", "awaited", "one", "quiet"],
)
def test_the_worst_case_of_a_small_plan(parts: Parts, bundle: Bundle):
    """Nobody answers, no event comes: every rung of every ladder that opens."""
    live_through(parts, bundle, WORST_CASE)

    assert issued(parts, "nho") == previewed(load(bundle))


def test_the_worst_case_of_plan_37(parts: Parts):
    """The plan as shipped, with every reminder and escalation."""
    live_through(parts, w.real(), WORST_CASE)

    shown = previewed(load(w.real()))
    assert issued(parts, "kh37-2020") == shown
    assert len(shown) > 300


@pytest.mark.parametrize("name", ["plausible", "outage"])
def test_plan_37_through_its_scenarios(parts: Parts, name: str):
    """With submissions, a return, the Government's programme, and a week without the machine."""
    plan = load(w.real())
    scenario = load_scenario(w.SCENARIOS / f"{name}.yaml", plan)

    taken = live_through(parts, w.real(), scenario, mailing=True)

    assert taken == scenario, "the use cases refused what the scenario does"
    assert issued(parts, "kh37-2020") == previewed(plan, scenario)
    sent = reports.messages(parts, "kh37-2020")
    shown = previewing.to_json(previewing.preview(plan, scenario), "vi")["messages"]
    assert {one["status"] for one in sent} == {"sent"}
    assert subjects(sent) == subjects(shown)


def test_plan_48_through_its_scenario_word_for_word(parts: Parts):
    """Three levels, two events, a return, an extension, a waiver, an outage: the very texts."""
    plan = load(w.song_lam())
    scenario = load_scenario(w.SONG_LAM.parent / "scenarios" / "plausible.yaml", plan)

    taken = live_through(parts, w.song_lam(), scenario, mailing=True)

    assert taken == scenario, "the use cases refused what the scenario does"
    assert issued(parts, "kh48-2024") == previewed(plan, scenario)
    shown = list(previewing.mails(previewing.preview(plan, scenario)))
    sent = reports.messages(parts, "kh48-2024")
    assert len(sent) == len(shown)
    for message, (_, mail) in zip(sent, shown, strict=True):
        assert mailroom.rendered(parts, message["number"]) == render(mail), message["subject"]


def test_partners_are_told_word_for_word_as_the_preview_says(parts: Parts):
    """One mail for what a body owes and what it takes part in; the list names the rung."""
    stages = w.STAGES.replace("by: all, to: noi-vu,", "by: all, with: [a, b, noi-vu], to: noi-vu,")
    ladder = w.LADDER.replace("    remind:", "    tell_partners: true\n    remind:")
    plan = load(w.bundle(stages, ladder=ladder))

    live_through(parts, w.bundle(stages, ladder=ladder), WORST_CASE, mailing=True)

    assert issued(parts, "nho") == previewed(plan)
    shown = list(previewing.mails(previewing.preview(plan)))
    sent = reports.messages(parts, "nho")
    told = [(one["to"], set(one["rungs"])) for one in sent if "partner" in one["rungs"]]
    owing = {"assign", "partner"}
    assert told == [("a", owing), ("b", owing), ("noi-vu", {"partner"})]
    for message, (_, mail) in zip(sent, shown, strict=True):
        assert mailroom.rendered(parts, message["number"]) == render(mail), message["subject"]


def subjects(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return who gets what under which subject."""
    return [(one["send_at"], one["to"], one["subject"]) for one in messages]


def test_the_preview_has_the_order_of_the_outbox(parts: Parts):
    """Two lists of the same mails should be the same file, so that they can be compared."""
    plan = load(w.real())
    scenario = load_scenario(w.SCENARIOS / "plausible.yaml", plan)
    until = w.at("2020-05-13 09:00")

    live_through(parts, w.real(), replace(scenario, until=until))

    assert issued(parts, "kh37-2020") == previewed(plan, replace(scenario, until=until))


def act(
    when: str, kind: EntryKind, obligation: str | None = None, event: str | None = None, **data: Any
) -> Act:
    """Return an act of a scenario, dated when it is recorded."""
    moment = w.at(when)
    happened = start_of(moment.date(), w.ZONE)
    values = {"event": event} if event else data
    return Act(moment, kind, happened, obligation, event, document="1/CV", data=values)


EVENT = "government.issued"
TOLD: dict[str, tuple[Bundle, list[Act]]] = {
    "a return on a quiet day is told after it": (
        QUIET,
        [
            act("2020-05-06 10:00", EntryKind.SUBMITTED, w.REPORT_A),
            act("2020-05-08 09:00", EntryKind.RETURNED, w.REPORT_A, days=1, reason="Thiếu"),
        ],
    ),
    "an event dates what is open already": (
        AWAITED,
        [act("2020-04-20 10:00", EntryKind.EVENT_ANNOUNCED, event=EVENT)],
    ),
    "a stage that is done dates what is open already": (
        AWAITED,
        [act("2020-04-09 10:00", EntryKind.SUBMITTED, "first/opening/a")],
    ),
    "a return at night waits for the morning": (
        SMALL,
        [
            act("2020-05-04 10:00", EntryKind.SUBMITTED, w.REPORT_A),
            act("2020-05-08 22:00", EntryKind.RETURNED, w.REPORT_A, days=2, reason="Thiếu"),
        ],
    ),
    "an extension after the escalation": (
        SMALL,
        [act("2020-05-12 10:00", EntryKind.EXTENDED, w.REPORT_A, until="2020-05-20")],
    ),
    "waived on the eve": (
        SMALL,
        [act("2020-05-07 23:59", EntryKind.WAIVED, w.REPORT_A, reason="Giải thể")],
    ),
    "recorded at the very send hour": (
        SMALL,
        [act("2020-05-08 08:00", EntryKind.SUBMITTED, w.REPORT_A)],
    ),
    "the event before anybody waits for it": (
        SMALL,
        [
            act("2020-04-08 10:00", EntryKind.EVENT_ANNOUNCED, event=EVENT),
            act("2020-05-09 10:00", EntryKind.SUBMITTED, w.REPORT_A),
            act("2020-05-09 11:00", EntryKind.SUBMITTED, w.REPORT_B),
            act("2020-05-12 11:00", EntryKind.SUBMITTED, w.DRAFT),
        ],
    ),
    "a return after the run was finished": (
        w.bundle(w.ONE),
        [
            act("2020-05-04 10:00", EntryKind.SUBMITTED, "only/report/a"),
            act("2020-05-04 11:00", EntryKind.SUBMITTED, "only/report/b"),
            act("2020-05-06 11:00", EntryKind.RETURNED, "only/report/b", days=2, reason="Thiếu"),
        ],
    ),
}


@pytest.mark.parametrize(
    ("bundle", "acts"),
    [pytest.param(*told, id=name) for name, told in TOLD.items()],
)
def test_a_small_plan_through_a_scenario(parts: Parts, bundle: Bundle, acts: list[Act]):
    """Each a way in which the two loops could part."""
    scenario = Scenario("s", "", acts=tuple(acts))

    assert live_through(parts, bundle, scenario) == scenario

    assert issued(parts, "nho") == previewed(load(bundle), scenario)


MOMENTS = st.integers(60, 24 * 60 * 53).map(lambda count: w.START + timedelta(minutes=count))


@st.composite
def acts_of(draw: st.DrawFn, bundle: Bundle) -> Act:
    """Anything that anybody may try to record."""
    at = draw(MOMENTS)
    day = at.date() - timedelta(days=draw(st.integers(0, 3)))
    happened = start_of(day, w.ZONE)
    kind = draw(
        st.sampled_from(
            [
                *[EntryKind.SUBMITTED] * 4,
                *[EntryKind.RETURNED] * 2,
                EntryKind.ACCEPTED,
                EntryKind.EXTENDED,
                EntryKind.WAIVED,
                EntryKind.EVENT_ANNOUNCED,
            ]
        )
    )
    if kind is EntryKind.EVENT_ANNOUNCED:
        return Act(at, kind, happened, event=EVENT, document="1/CV", data={"event": EVENT})
    data: dict[str, Any] = {}
    if kind is EntryKind.RETURNED:
        days = draw(st.sampled_from([None, 1, 3]))
        data = {"reason": "Thiếu"} | ({} if days is None else {"days": days})
    elif kind is EntryKind.EXTENDED:
        until = at.date() + timedelta(days=draw(st.integers(1, 14)))
        data = {"until": until.isoformat(), "reason": ""}
    elif kind is EntryKind.WAIVED:
        data = {"reason": "Giải thể"}
    owed = draw(st.sampled_from(list(load(bundle).obligations)))
    return Act(at, kind, happened, obligation=owed, document="1/CV", data=data)


@st.composite
def outages(draw: st.DrawFn) -> tuple[tuple[datetime, datetime], ...]:
    """No outage, or one."""
    begins = draw(st.none() | MOMENTS)
    if begins is None:
        return ()
    return ((begins, begins + timedelta(hours=draw(st.integers(1, 24 * 7)))),)


@pytest.mark.on_files("many stories of the rules; the projection's run on every kind")
@pytest.mark.parametrize(
    "bundle",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(AWAITED, id="awaited"),
        pytest.param(QUIET, id="quiet"),
    ],
)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # a smaller story is not worth a minute of looking for it
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_small_plan_through_anything(office: Offices, bundle: Bundle, data: st.DataObject):
    """Whatever is recorded in whatever order, and whenever the machine is down."""
    acts = data.draw(st.lists(acts_of(bundle), max_size=14, unique_by=lambda one: one.at))
    tried = Scenario("s", "", acts=tuple(acts), outages=data.draw(outages()))
    with office.new() as parts:
        taken = live_through(parts, bundle, tried)

        assert issued(parts, "nho") == previewed(load(bundle), taken)
