"""Entry forms: what operators and programs hand over, and what becomes of it; no server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.server.events.actions import RunDeployment
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.hydration import HydrationContext, hydrate

from flows import office, record
from flows.entering import HELP, ascii_name
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import kinds, start

DEPLOYMENTS = {
    one["name"]: one
    for one in yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text("utf-8"))[
        "deployments"
    ]
}
ENTRIES = {
    name.removeprefix("flows.record."): found
    for found in DEPLOYMENTS.values()
    if (name := found["entrypoint"]).startswith("flows.record.")
}
NOW = w.at("2020-05-07 15:30")


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """The parts that the flows of this process share, with the small plan started."""
    for name in ("DATABASE_URL", "SMTP_HOST", "LANGUAGE"):
        monkeypatch.delenv(f"DONDOC_{name}", raising=False)
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))
    office.close()
    start(office.parts())
    yield office.parts()
    office.close()


def enter(name: str, **given: Any) -> tuple[str, str]:
    """Fill a form in, and return the name and the message of the state that it ends in.

    The values go through Prefect's own check first, as for a run on a server.
    """
    flow: Flow[..., Any] = getattr(record, name)
    checked = flow.validate_parameters({"by": "văn thư", "now": NOW, "show": False, **given})
    state = asyncio.run(flow.fn(**checked))
    return state.name or "", state.message or ""


# ── the forms themselves ──


def test_every_entry_is_a_deployment_with_a_vietnamese_line_first():
    """An operator finds it in the list of deployments, and knows what it is for."""
    flows = {n: one for n, one in vars(record).items() if isinstance(one, Flow)}

    assert set(flows) - {"chase"} == set(ENTRIES)
    for name, one in flows.items():
        assert ENTRIES[name]["name"] == one.name == name.replace("_", "-")
        first, dash, second = ENTRIES[name]["description"].partition(" – ")
        assert dash
        assert not first.isascii()
        assert second.isascii()


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_field_of_a_form_has_its_help(name: str):
    """Nobody has to guess what a field wants."""
    schema = parameter_schema(getattr(record, name))

    assert all(field.get("description") for field in schema.properties.values())


@pytest.mark.parametrize("name", sorted(set(ENTRIES) - {"announce_event"}))
def test_a_form_asks_who_and_whom_first_and_what_only_programs_need_last(name: str):
    """Prefect shows the fields in the order of the signature."""
    fields = list(inspect.signature(getattr(record, name).fn).parameters)
    first = ["by", "agency"] if name.endswith("chasing") else ["by", "agency", "task"]

    assert fields[: len(first)] == first
    last = [field for field in ("obligation", "run", "now", "show") if field in fields]
    assert fields[-len(last) :] == last
    assert parameter_schema(getattr(record, name)).properties["by"]["description"] == HELP["by"]


def test_nothing_is_left_to_prefect_to_refuse():
    """What is missing or of a wrong type ends with our sentence; the drawn form has the stars."""
    for name in ("record_submission", "return_report", "extend_deadline", "pause_chasing"):
        assert parameter_schema(getattr(record, name)).required == [], name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("record_submission", {"part": "maybe"}),
        ("record_submission", {"nil": [1]}),
        ("record_submission", {"by": None}),
        ("record_submission", {"agency": 42}),
        ("record_submission", {"run": 12}),
        ("return_report", {"why": 5, "days": "many"}),
        ("return_report", {}),
        ("extend_deadline", {"document": "5/SNV"}),
        ("waive_obligation", {}),
        ("answer_difficulty", {"answer": None}),
        ("pause_chasing", {}),
    ],
)
def test_a_wrong_or_missing_value_is_refused_in_words(
    parts: Parts, name: str, values: dict[str, Any]
):
    """A program's mistake is no crash, sets off no alarm, and changes nothing."""
    before = kinds(parts)

    state, said = enter(name, **({"agency": "a"} | values))

    assert state == "Refused"
    assert said
    assert "Input should be" not in said
    assert kinds(parts) == before


# ── filled in ──


def test_pickers_hand_over_labels(parts: Parts):
    """What a person chose by its words."""
    name, said = enter(
        "record_submission",
        agency="Sở An (a)",
        task="Báo cáo tổng kết (reports/report)",
        run="Kế hoạch nhỏ (nho)",
        dated="06/5/2020",
        document="120/BC",
    )

    assert name == "Completed"
    assert said == (
        "Đã ghi nhận báo cáo của Sở An: Báo cáo tổng kết (reports/report/a), "
        "ngày 06/5/2020, số 120/BC; đúng hạn."
    )


def test_the_whole_life_of_a_report_through_the_forms(parts: Parts):
    """Each entry by agency alone, where only one thing can be meant."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("report_difficulty", {"what": "Thiếu số liệu."}),
        ("answer_difficulty", {"answer": "Dùng số liệu quý I"}),
        ("record_submission", {"part": True}),
        ("withdraw_submission", {"why": "Ghi nhầm"}),
        ("record_submission", {"nil": True}),
        ("return_report", {"why": "Có phát sinh", "days": 3}),
        ("extend_deadline", {"until": "2020-05-20", "document": "5/SNV"}),
        ("pause_chasing", {"why": "Nghỉ lễ", "until": "08/5/2020"}),
        ("resume_chasing", {}),
        ("record_submission", {}),
        ("accept_report", {}),
    ]

    for name, values in steps:
        assert enter(name, agency="Sở Cường (c)", **values)[0] == "Completed", name

    assert kinds(parts)[-len(steps) :] == [
        "difficulty-reported",
        "difficulty-answered",
        "submitted-in-part",
        "submission-withdrawn",
        "submitted",
        "returned",
        "extended",
        "chasing-paused",
        "chasing-resumed",
        "submitted",
        "accepted",
    ]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("record_submission", {}, "Chưa chọn cơ quan và nhiệm vụ"),
        ("record_submission", {"agency": "c", "by": " "}, "Chưa ghi ai"),
        ("record_submission", {"agency": "a"}, "Chọn một trong số: Báo cáo tổng kết"),
        ("record_submission", {"agency": "c", "dated": "hôm qua"}, "“hôm qua” không phải là ngày"),
        ("record_submission", {"agency": "c", "dated": 12345678901234}, "không phải là ngày"),
        ("record_submission", {"agency": "c", "dated": "30/02/2020"}, "“30/02/2020” không phải"),
        ("record_submission", {"agency": "c", "part": True, "nil": True}, "không thể là cả hai"),
        ("record_submission", {"agency": "c", "run": "nho-9"}, "Không có đợt thực hiện nho-9"),
        ("extend_deadline", {"agency": "c", "until": "", "document": "5/SNV"}, "Thiếu ngày"),
        ("extend_deadline", {"agency": "c", "until": "20/5/2020", "document": " "}, "Thiếu số"),
        ("return_report", {"agency": "c", "why": "x"}, "không có báo cáo nào đang chờ xem xét"),
        ("waive_obligation", {"agency": "c", "why": ""}, "Thiếu lý do"),
        ("pause_chasing", {"why": "x", "until": "mai"}, "“mai” không phải là ngày"),
        ("resume_chasing", {"agency": "Sở An (a)"}, "Sở An không ở trong"),
        ("announce_event", {"event": "x", "document": "1"}, "Các sự kiện đang có: government.is"),
    ],
)
def test_a_wrong_entry_ends_in_one_plain_sentence(
    parts: Parts, name: str, given: dict[str, Any], said: str
):
    """As the state's message; Prefect gets no chance to answer with a list of type errors."""
    before = kinds(parts)

    state, message = enter(name, **given)

    assert state == "Refused"
    assert said in message
    assert kinds(parts) == before


def test_a_document_may_be_handed_over_as_a_number(parts: Parts):
    """Programs write 76 for 76."""
    _, said = enter("announce_event", event="government.issued", document=76, dated="")

    assert "theo 76" in said


# ── events that programs post ──


def rendered(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that the shipped trigger makes of an event's payload."""
    (trigger,) = DEPLOYMENTS["announce-event"]["triggers"]
    parameters = dict(trigger["parameters"])
    RunDeployment._upgrade_v1_templates(parameters)
    event = type("Event", (), {"event": "government.issued", "payload": payload})()
    context = HydrationContext(
        raise_on_error=True, render_jinja=True, jinja_context={"event": event}
    )
    found = hydrate(parameters, context)
    assert isinstance(found, dict)
    return found


def test_the_trigger_answers_to_any_event_about_our_resources():
    """The events of every plan, whatever they are called, and no others."""
    (trigger,) = DEPLOYMENTS["announce-event"]["triggers"]

    assert trigger["expect"] == []
    assert trigger["match"] == {"prefect.resource.id": "dondoc.event.*"}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"document": None, "date": None, "by": None, "values": None},
        {"document": 76, "date": 20200506, "by": 7, "values": {"period": 2021}},
        {"document": ["76"], "date": {"day": 6}, "by": ["x"], "values": [1]},
        {"document": "“76”/NQ-CP {{ x }}", "date": "06/5/2020", "values": 'a "b" <c>'},
        {"more": "x"},
    ],
)
def test_whatever_is_posted_makes_a_run_and_not_a_warning_in_a_log(payload: dict[str, Any]):
    """A parameter that is no text would make no run at all, without a word to anybody."""
    found = rendered(payload)

    assert set(found) == {"event", "document", "dated", "by", "values"}
    assert all(isinstance(value, str) for value in found.values())
    record.announce_event.validate_parameters(found)


@pytest.mark.parametrize(
    ("payload", "state", "said"),
    [
        ({"document": "76/NQ-CP", "date": "06/5/2020"}, "Announced", "theo 76/NQ-CP"),
        ({"document": "76/NQ-CP"}, "Announced", "theo 76/NQ-CP"),
        ({"document": "76/NQ-CP", "values": {"period": 2021}}, "Announced", "period=2021"),
        ({"date": "06/5/2020"}, "Refused", "Thiếu số, ký hiệu văn bản"),
        ({"document": "76/NQ-CP", "date": "nay"}, "Refused", "“nay” không phải là ngày"),
        ({"document": "76/NQ-CP", "date": "07/6/2020"}, "Refused", "chưa đến"),
        ({"document": "76/NQ-CP", "values": [1]}, "Refused", "Không hiểu các giá trị"),
        ({"document": "76/NQ-CP", "values": "x"}, "Refused", "Không hiểu các giá trị"),
    ],
)
def test_a_posted_event_is_recorded_or_refused_in_words(
    parts: Parts, payload: dict[str, Any], state: str, said: str
):
    """A program's author reads it in the list of runs."""
    found = enter("announce_event", **rendered(payload))

    assert found[0] == state
    assert said in found[1]


def test_a_posted_event_says_who_posted_it_if_it_does(parts: Parts):
    """Else that it came as an event."""
    assert rendered({"by": "congbao"})["by"] == "congbao"
    assert rendered({})["by"] == "prefect-event"


def test_an_event_posted_again_under_another_document_says_which_stands(parts: Parts):
    """And that nothing was changed: its author may have meant to correct it."""
    enter("announce_event", **rendered({"document": "76/NQ-CP", "date": "2020-05-06"}))
    _, same = enter("announce_event", **rendered({"document": "76/NQ-CP"}))
    _, other = enter("announce_event", **rendered({"document": "77/NQ-CP"}))

    assert "đã được ghi nhận theo 76/NQ-CP ngày 06/5/2020, từ lúc 15:30 ngày 07/5/2020" in same
    assert "văn bản 77/NQ-CP không thay thế" in other
    assert all(said.count("không có gì thay đổi") == 1 for said in (same, other))


# ── names of runs ──


def test_the_names_of_runs_are_ascii():
    """The fonts of Prefect's run graph lack Vietnamese letters."""
    assert ascii_name("kh37/submit Sở Đất đai  x\n") == "kh37/submit So Dat dai x"
    assert ascii_name("x" * 500).isascii()
    assert len(ascii_name("x" * 500)) <= 120


@pytest.mark.parametrize(
    ("name", "given", "shown"),
    [
        ("record_submission", {"agency": "Sở Cường (c)"}, "nho/submit c report"),
        ("record_submission", {"obligation": w.REPORT_A}, "nho/submit a report"),
        ("return_report", {"obligation": w.REPORT_A}, "nho/return a report"),
        ("record_submission", {"agency": "Sở Đất", "run": "Kế hoạch (nho)"}, "nho/submit So Dat"),
        ("record_submission", {"obligation": "a/b"}, "nho/submit b"),
        ("pause_chasing", {}, "nho/pause"),
        ("resume_chasing", {"agency": "Sở An (a)"}, "nho/resume a"),
        ("announce_event", {"event": "government.issued"}, "event government.issued"),
    ],
)
def test_a_run_is_named_by_plan_run_deed_agency_and_task(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, Any], shown: str
):
    """Operators read lists: what belongs together stands together."""
    monkeypatch.setattr("prefect.runtime.flow_run.parameters", given, raising=False)

    made = getattr(record, name).flow_run_name

    assert made() == shown


def test_dates_are_read_as_offices_write_them():
    """In the form, by a program, and on the command line."""
    for written in ("2020-05-06", "06/5/2020", date(2020, 5, 6), "2020-05-06T00:00:00"):
        given = {"by": "x", "dated": written}
        assert record.record_submission.validate_parameters(given)["dated"] == date(2020, 5, 6)
    given = {"by": "x", "dated": " "}
    assert record.record_submission.validate_parameters(given)["dated"] is None
