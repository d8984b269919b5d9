"""The plan and the register to start from: whole, explained, and without a fault."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.catalogue import LANGUAGES
from plan_definitions import Bundle, check, has_faults, load, load_register
from plan_definitions.dates import tidy
from plan_definitions.handbook import forms
from plan_definitions.handbook.skeleton import Cast, Draft, plan_text, register_text, slug
from plan_definitions.reading.yaml_source import HIDDEN
from plan_definitions.schema import DefaultsForm, Form, PlanForm, RegisterForm
from tests.plan_definitions import test_editor_schemas as editor
from tests.plan_definitions.plan_texts import PARTS

CALENDAR = (PARTS / "calendar.yaml").read_text(encoding="utf-8")
PROPOSAL = re.compile(r"^( *)#(?! \S)(.+)$", re.MULTILINE)
PROSE = re.compile(r"^ *# (?=\S)", re.MULTILINE)


def draft(language: str, **values: str) -> Draft:
    """Return a draft of a plan beside its register and calendar."""
    given = {"number": "12/KH-UBND", "title": "Kế hoạch mới"} | values
    return Draft(
        language=language,
        id="12-kh-ubnd",
        number=given["number"],
        title=given["title"],
        issued=date(2020, 4, 6),
        first_due=date(2020, 5, 5),
        last_due=date(2020, 5, 19),
        agencies="agencies.yaml",
        calendar="calendar.yaml",
        schema="plan.schema.json",
    )


def register(language: str) -> str:
    return register_text(language, name="a1", as_of=date(2020, 4, 6), schema="x.json")


def bundle(plan: str, agencies: str) -> Bundle:
    texts = {"plan.yaml": plan, "agencies.yaml": agencies, "calendar.yaml": CALENDAR}
    return Bundle("plan.yaml", texts)


def prose(text: str) -> str:
    """Return what the comments of a file say, as one text."""
    lines = [PROSE.sub("", line) for line in text.splitlines() if PROSE.match(line)]
    return " ".join(lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_it_is_written_there_is_nothing_to_point_out(language: str):
    """The first `check` of a newcomer should end well."""
    found = check(bundle(plan_text(draft(language), file="plan.yaml"), register(language)))

    assert found == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_proposal_may_be_taken_up(language: str):
    """Taking the # away must be all there is to do."""
    plan = PROPOSAL.sub(r"\1\2", plan_text(draft(language), file="plan.yaml"))
    agencies = PROPOSAL.sub(r"\1\2", register(language))

    assert not has_faults(check(bundle(plan, agencies)))
    loaded = load(bundle(plan, agencies))
    assert loaded.events
    assert loaded.notes
    assert loaded.appendices
    assert len(loaded.ladders) == 2
    assert loaded.quiet
    assert [one.role for one in loaded.agencies["so-y-te"].contacts] == ["focal", "head"]
    assert loaded.agencies["xa-a"].parent == "ubnd-tinh"
    assert loaded.stage("summary").tasks[0].collects == "reports/report"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_key_stands_there_with_its_meaning(language: str):
    """What the reference says of a key, the plan says beside it."""
    plan = plan_text(draft(language), file="plan.yaml")
    found: dict[type[Form], str] = {PlanForm: plan, RegisterForm: register(language)}

    for file, text in found.items():
        said = prose(text)
        for form in forms.forms_within(file):
            if form is DefaultsForm:  # its keys are those of a task
                continue
            for key in forms.keys(form):
                assert key.meaning(language) in said, key.name
                assert re.search(rf"\b{key.name}:|`{key.name}`:", text), key.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_editors_find_it_right_too(language: str):
    """It names its schema on the first line."""
    plan, agencies = plan_text(draft(language), file="plan.yaml"), register(language)

    assert plan.startswith("# yaml-language-server: $schema=plan.schema.json\n")
    assert editor.faults("plan", plan) == editor.faults("agencies", agencies) == []
    assert max(map(len, plan.splitlines())) <= 100


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_title_and_number_can_be_given(title: str, number: str):
    """Colons, quotes, brackets: a document's title is not written for YAML."""
    shown = ["".join(s for s in tidy(text) if s.isprintable()) for text in (title, number)]
    wanted = [HIDDEN.sub("", line) for line in shown]
    written = plan_text(draft("vi", title=title, number=number), file="plan.yaml")

    if all(line.strip() for line in wanted):
        plan = load(bundle(written, register("vi")))
        assert [plan.title, plan.number] == [tidy(line) for line in wanted]


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("37/KH-UBND", "37-kh-ubnd"),
        ("12/QĐ-TTg", "12-qd-ttg"),
        ("Kế hoạch số 5", "ke-hoach-so-5"),
        ("…/…", ""),
    ],
)
def test_a_documents_number_names_its_file(written: str, named: str):
    """As people would name it, without marks and slashes."""
    assert slug(written) == named


def test_the_parts_are_given_to_agencies_of_a_register_that_is_there():
    """Its own ids, of those who can be written to."""
    known = load_register(Bundle.read(PARTS / "agencies.yaml"))

    assert Cast.of(known) == Cast("ubnd-tinh", "so-noi-vu", ("so-tu-phap", "huyen-chiem-hoa"))


def test_one_agency_plays_every_part_if_there_is_no_other():
    """A register that was just begun is enough to begin a plan."""
    one = "register: a\nas_of: 2020-01-01\nagencies: {a: {name: A, kind: b, email: a@b.example}}\n"

    assert Cast.of(load_register(Bundle("a", {"a": one}))) == Cast("a", "a", ("a",))
