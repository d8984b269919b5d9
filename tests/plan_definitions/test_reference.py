"""The reference of the plan language: in step with the program, and never wrong of a value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from language.catalogue import LANGUAGES
from plan_definitions import Bundle, check, check_calendar, load, load_scenario
from plan_definitions.handbook import forms, value_tables
from plan_definitions.handbook.reference import FOLDER, LINKED, SECTIONS, files, page
from plan_definitions.phrases import examples

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "plan_definitions" / "examples"


def row(language: str, written: str) -> list[str]:
    """Return the cells of the line of a table that begins with what is written."""
    (line,) = (line for line in page(language).splitlines() if line.startswith(f"| `{written}` |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_pages_in_the_repository_are_those_that_are_made():
    """Who looks a key up must not find last month's."""
    standing = {f"{FOLDER}/{path.name}": path for path in (ROOT / FOLDER).iterdir()}

    assert {name: path.read_text(encoding="utf-8") for name, path in standing.items()} == files()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_of_every_form_has_its_line(language: str):
    """The reference is complete or it is none."""
    shown = page(language)

    for form in forms.all_forms():
        part = shown.split(f'<a id="form-{forms.name_of(form)}"></a>')[1].split("<a id=")[0]
        assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == [
            k.name for k in forms.keys(form)
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_lead_somewhere(language: str):
    """Within the page, and to the files beside it."""
    shown = page(language)
    places = set(re.findall(r'<a id="([^"]+)">', shown))
    links = set(re.findall(r"\]\(([^)]+)\)", shown))

    assert set(LINKED.values()) <= set(SECTIONS) <= places
    assert {link[1:] for link in links if link.startswith("#")} <= places
    assert all((ROOT / FOLDER / link).exists() for link in links if not link.startswith("#"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_unsaid_in_a_page(language: str):
    """A value that was not put in, or a brace that was doubled."""
    shown = page(language)

    assert not re.search(r"None|\{\{|\}\}|\{[a-z-]+\}", shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_are_whole_and_without_fault(language: str):
    """They are the first thing that is copied."""
    folder = EXAMPLES / language
    plan = load(Bundle.read(folder / "plan.yaml"))

    assert check(Bundle.read(folder / "plan.yaml")) == []
    assert check_calendar(Bundle.read(folder / "calendar.yaml")) == []
    assert load_scenario(folder / "scenario.yaml", plan).acts
    assert {path.stem for path in folder.iterdir()} == set(forms.FILES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_shows_all_that_can_be_said_once(language: str):
    """Groups, defaults, appendices, communes, ladders on ladders: what newcomers do not guess."""
    plan = load(Bundle.read(EXAMPLES / language / "plan.yaml"))
    _, reports, proposal = plan.stages

    assert plan.obligations["communes/review/xa-b"].to == "huyen-a"
    assert reports.tasks[0].to == "so-noi-vu"
    assert reports.tasks[0].collects == "communes/review"
    assert proposal.event == "programme-issued"
    assert proposal.tasks[0].partners == ("so-noi-vu", "so-tai-chinh")
    assert {ladder.overdue.at_most for ladder in plan.ladders.values()} == {5}


def test_what_is_said_of_a_deadline_is_what_the_engine_says():
    """Spot checks against the calendar on the wall: 10/5/2020 is a Sunday, 30/4 and 1/5 are off."""
    assert row("vi", "trước ngày 10/5/2020")[1:] == [
        "09/5/2020 (thứ Bảy)",
        "trước ngày 10/5/2020 (Chủ nhật) → hết ngày 09/5/2020 (thứ Bảy)"
        " → ngày làm việc cuối cùng 08/5/2020",
    ]
    assert row("vi", "trong thời hạn 10 ngày làm việc kể từ ngày ban hành")[1] == (
        "20/4/2020 (thứ Hai)"
    )
    assert row("en", "{within: 5, of: tên-bước xong}")[2] == "5 June 2020 (Friday)"
    assert row("en", "kịp thời")[1:] == ["–", "no last day, never late"]
    assert row("vi", "2 tuần")[1] == "14 ngày"
    assert row("vi", "trước ngày 01/6/2020")[1] == "hết ngày 31/5/2020 (Chủ nhật)"


@pytest.mark.parametrize("phrase", examples())
def test_every_phrase_that_help_proposes_stands_in_the_reference(phrase: str):
    """Who is told to write it can read what it means."""
    assert row("vi", phrase)[1]


def test_places_in_appendices_and_their_twins_are_the_same():
    """They stand on one line as one thing."""
    for said, twin in value_tables.appendix_pairs():
        assert (said.appendix, said.items, said.points, said.less) == (
            twin.appendix,
            twin.items,
            twin.points,
            twin.less,
        )
