"""What `check` passes can be previewed in every form: no plan may fail behind its back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan_definitions import PlanFaults, check, load, load_scenario
from services.pages import preview_page
from services.views.calendar_feed import preview_feed
from services.views.previewing import preview, to_json
from tests.plan_definitions.plan_texts import sample

DUES = (
    "trước ngày 12/5/2020",
    "trong năm 2033",
    "trong thời hạn 1000 ngày làm việc kể từ ngày 31/12/2033",
    "trong thời hạn 60 tháng kể từ ngày 31/12/2033",
    "trong thời hạn 1 ngày kể từ khi government.programme-issued",
    "sau khi government.programme-issued",
    "không hạn",
)


@given(
    due=st.sampled_from(DUES),
    to=st.sampled_from(["to: ubnd-tinh", "to: none", "to: không", ""]),
    default=st.sampled_from(["", "to: none", "to: so-noi-vu", "to: không"]),
    chase=st.sampled_from(
        [(1, 1, 2), (200, 200, 2), (250, 250, 2), (1, 250, 250), (250, 1, 151), (1, 1, 0)]
    ),
    remind=st.sampled_from([0, 1, 250]),
    event_on=st.sampled_from(["01/01/2019", "31/12/2020", "30/12/2033"]),
)
@settings(max_examples=25, deadline=None)
def test_whatever_check_passes_is_shown_in_every_form(
    due: str,
    to: str,
    default: str,
    chase: tuple[int, int, int],
    remind: int,
    event_on: str,
):
    """A traceback behind a clean check is the end of trust in it."""
    first, every, times = chase
    bundle = sample(
        ("        due: trước ngày 12/5/2020\n", f"        due: {due}\n"),
        ("    gate: {tasks: [report], quorum: 90%, or: 5 ngày làm việc sau hạn}\n", ""),
        ("        with: departments\n        to: ubnd-tinh\n", f"        {to}\n" if to else ""),
        ("events:\n", f"defaults: {{{default}}}\nevents:\n" if default else "events:\n"),
        ("    remind: [5, 1, 0]\n", f"    remind: [{remind}, 0]\n"),
        (
            "    overdue: {at_most: 3}\n",
            f"    overdue: {{first: {first}, every: {every}, at_most: {times}}}\n",
        ),
    )
    if any(one.is_fault for one in check(bundle)):
        with pytest.raises(PlanFaults):
            load(bundle)
        return
    plan = load(bundle)
    entries = (
        "  - {at: 2033-12-31 09:00, submit: reports/report, by: [departments, huyen-chiem-hoa]}\n"
        "  - {at: 2033-12-31 10:00, event: government.programme-issued, document: 76/NQ-CP,"
        f" dated: {event_on}}}\n"
    )

    for scenario in (None, load_scenario(f"scenario: s\ntitle: S\nentries:\n{entries}", plan)):
        shown = preview(plan, scenario)
        assert to_json(shown, "vi")["plan"] == "mau"
        assert "</html>" in preview_page(shown, "vi")
        assert preview_feed(shown, "en").endswith("END:VCALENDAR\r\n")


def test_a_scenario_of_years_that_no_calendar_knows_is_refused_with_its_place():
    """Not by a traceback from the midst of the rules."""
    plan = load(sample())
    entries = (
        "  - {at: 2020-05-08 09:00, extend: reports/report, agency: so-noi-vu,"
        " until: 31/12/2099}\n"
        "  - {at: 2020-05-09 09:00, submit: reports/report, by: so-noi-vu, dated: 01/01/1995}\n"
    )

    with pytest.raises(PlanFaults) as raised:
        load_scenario(f"scenario: s\ntitle: S\nuntil: 2090-01-01 08:00\nentries:\n{entries}", plan)

    assert [(one.code, one.line) for one in raised.value.diagnostics] == [
        ("DD135", 3),
        ("DD135", 5),
        ("DD135", 6),
    ]
