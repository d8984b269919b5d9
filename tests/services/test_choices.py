"""What a person can pick, and that the pick finds what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from services import choices, naming, runs
from services.errors import Refused
from services.settings import Settings
from tests.services import written as w
from tests.services.office import Offices, start

EVENT = "{title: Chính phủ ban hành Chương trình}"
CORRELATED = EVENT[:-1] + ", correlate: {period: 2021-2030}}"


def test_the_lists_hold_what_the_active_plan_knows(office: Offices):
    """Nobody types an id that the plan knows already."""
    with office() as parts:
        start(parts)
        offered = choices.read(parts)

    assert offered.runs == ("1/KH-UBND – Kế hoạch nhỏ (nho)",)
    assert offered.agencies == ("Sở An (a)", "Sở Bình (b)", "Sở Cường (c)", "Sở Nội vụ (noi-vu)")
    assert offered.tasks[:2] == (
        "Báo cáo tổng kết (reports/report)",
        "Khen thưởng (reports/praise)",
    )
    assert offered.events == ("Chính phủ ban hành Chương trình (government.issued)",)


def test_two_runs_of_a_plan_offer_their_agencies_once(office: Offices):
    """The same office twice in a list makes people wonder which is theirs."""
    with office() as parts:
        start(parts)
        one = choices.read(parts)
        runs.start(parts, w.bundle(), now=w.START, by="văn thư", run="lan-hai")
        two = choices.read(parts)

    assert len(two.runs) == 2
    assert (two.agencies, two.tasks, two.events) == (one.agencies, one.tasks, one.events)


def test_without_a_run_there_is_nothing_to_pick_but_plans(office: Offices):
    """A new office begins with the form that starts a plan."""
    with office() as parts:
        offered = choices.read(parts)

    assert (offered.runs, offered.agencies, offered.tasks, offered.events) == ((), (), (), ())
    assert [naming.id_of(plan) for plan in offered.plans] == [
        "song-lam/48-kh-ubnd-2024.yaml",
        "tuyen-quang/37-kh-ubnd-2020.yaml",
    ]


def test_long_titles_are_cut_at_a_word_and_keep_their_id():
    """A picker shows one line for each value."""
    title = (
        "Báo cáo tổng kết việc thực hiện Chương trình tổng thể cải cách hành chính nhà nước " * 2
    )

    label = choices.label(title.strip(), "reports/report")

    assert len(choices.shortened(title)) <= choices.LONGEST
    assert label.startswith("Báo cáo tổng kết")
    assert " … (" in label
    assert naming.id_of(label) == "reports/report"
    assert choices.shortened("Ngắn") == "Ngắn"


def test_a_chosen_event_carries_what_its_plan_demands(office: Offices):
    """Who picks the event of this period need not type the period too."""
    with office() as parts:
        start(parts, w.bundle(w.STAGES.replace(EVENT, CORRELATED)))
        (label,) = choices.read(parts).events

        assert label == "Chính phủ ban hành Chương trình [period=2021-2030] (government.issued)"
        chosen = choices.chosen_event(parts, label)
        assert chosen == ("government.issued", {"period": "2021-2030"})
        assert choices.chosen_event(parts, "government.issued") == ("government.issued", {})


def test_a_plan_is_found_by_its_choice_by_its_place_and_by_its_path(tmp_path: Path):
    """The form, another program and the command line each name it in their own way."""
    (tmp_path / "tinh").mkdir()
    file = tmp_path / "tinh" / "ke hoach (sua).yaml"
    file.write_text("plan: thu", encoding="utf-8")
    settings = Settings(plans=tmp_path)

    for written in ("12/KH-UBND – Rà soát (tinh/ke hoach (sua).yaml)", "tinh", "", "(x)"):
        with pytest.raises(Refused, match="Không có tệp kế hoạch"):
            choices.plan_file(settings, written)
    assert choices.plan_file(settings, "tinh/ke hoach (sua).yaml") == file
    assert choices.plan_file(settings, str(file)) == file
    plain = file.rename(file.with_name("moi.yaml"))
    assert choices.plan_file(settings, "12/KH-UBND – Rà soát (tinh/moi.yaml)") == plain
