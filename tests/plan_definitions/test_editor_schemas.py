"""The schemas with which editors help: in step with the models, and neither laxer nor stricter.

Whatever `dondoc check` finds no fault in, an editor must not underline; what is plainly a
slip, it should.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from pydantic import TypeAdapter, ValidationError

from language.catalogue import LANGUAGES, sentences
from plan_definitions import Bundle, cells, check, check_calendar, has_faults
from plan_definitions.handbook import forms
from plan_definitions.handbook.schemas import FOLDER, files, schema
from plan_definitions.reading.yaml_source import parse
from plan_definitions.schema import Form
from tests.plan_definitions import editor_yaml
from tests.plan_definitions.plan_texts import PARTS, sample

ROOT = Path(__file__).parents[2]
HOME = ROOT / "plan_definitions"
FIXTURES = PARTS.parent
VALIDATORS = {name: Draft7Validator(schema(form)) for name, form in forms.FILES.items()}
HEADER = re.compile(r"# yaml-language-server: \$schema=(\S+)")
FAULTLESS = sorted(
    path
    for path in FIXTURES.glob("*.yaml")
    if not path.name.startswith("calendar") and not has_faults(check(Bundle.read(path)))
)


def faults(file: str, text: str) -> list[str]:
    """Return what an editor underlines, each with where it stands."""
    found = VALIDATORS[file].iter_errors(editor_yaml.read(text))
    return [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in found]


def kind_of(text: str) -> str:
    """Return which kind of file a text is."""
    keys = editor_yaml.read(text)
    first = {"plan": "plan", "register": "agencies", "scenario": "scenario"}
    return next((kind for key, kind in first.items() if key in keys), "calendar")


def shipped() -> list[Path]:
    """Return every file that comes with the program."""
    return sorted(HOME.rglob("*.yaml"))


def test_the_schemas_in_the_repository_are_those_of_the_models():
    """An editor that knows last month's keys underlines what is right."""
    standing = {f"{FOLDER}/{path.name}": path for path in (ROOT / FOLDER).iterdir()}

    assert {name: path.read_text(encoding="utf-8") for name, path in standing.items()} == files()


@pytest.mark.parametrize("file", forms.FILES)
def test_each_schema_is_one(file: str):
    """Draft-07 is what the language servers of YAML editors are sure to know."""
    Draft7Validator.check_schema(VALIDATORS[file].schema)


@pytest.mark.parametrize("file", forms.FILES)
def test_patterns_are_those_of_editors(file: str):
    """They run in JavaScript, in its strict mode (`u`), where a needless escape is an error."""
    for pattern in re.findall(r'"pattern": "(.*)"', files()[f"{FOLDER}/{file}.schema.json"]):
        written = pattern.replace("\\\\", "\\")
        assert not re.search(r"\\(?![s.()\\rn]|u[0-9a-f]{4})|\(\?(?![:!])", written), written


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_shipped_files_point_to_their_schema_and_satisfy_it(path: Path):
    """They are what coordinators copy; the first line is what makes an editor help."""
    text = path.read_text(encoding="utf-8")
    header = HEADER.fullmatch(text.splitlines()[0])

    assert header is not None
    assert (path.parent / header[1]).resolve() == HOME / "schemas" / f"{kind_of(text)}.schema.json"
    assert faults(kind_of(text), text) == []


@pytest.mark.parametrize("path", FAULTLESS, ids=lambda path: path.stem)
def test_what_check_finds_faultless_no_editor_underlines(path: Path):
    """Two helpers that disagree help nobody."""
    assert faults("plan", path.read_text(encoding="utf-8")) == []


def test_registers_and_calendars_without_fault_are_not_underlined_either():
    """The files that the samples name."""
    for path in sorted(PARTS.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        kind = kind_of(text)
        if kind == "calendar" and not has_faults(check_calendar(Bundle.read(path))):
            assert faults(kind, text) == [], path.name
        if path.name in ("agencies.yaml", "agencies-more.yaml"):
            assert faults(kind, text) == [], path.name


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        ("plan", "number: 1/KH-UBND\n", "'plan' is a required"),
        ("plan", sample(("    needs:", "    neds:")).texts["plan.yaml"], "neds"),
        ("plan", sample(("    title: Báo cáo\n", "")).texts["plan.yaml"], "'title' is a required"),
        ("plan", sample(("to: superior", "to: boss")).texts["plan.yaml"], "boss"),
        ("plan", sample(("issued: 06/4/2020", "issued: 31/13/2020")).texts["plan.yaml"], "issued"),
        ("plan", sample(("quorum: 90%", "quorum: 190%")).texts["plan.yaml"], "quorum"),
        (
            "plan",
            sample(("due: trước ngày 12/5/2020", "due: {befor: 1}")).texts["plan.yaml"],
            "due",
        ),
        ("plan", sample(("remind: [5, 1, 0]", "remind: [five]")).texts["plan.yaml"], "remind"),
        ("plan", sample(("  summary:", "  Tổng hợp:")).texts["plan.yaml"], "Tổng hợp"),
        (
            "plan",
            sample(("stages:\n", "notes: [{ref: a, text: b}]\nstages:\n")).texts["plan.yaml"],
            "notes",
        ),
        ("agencies", "register: a\nas_of: 2020-03-01\nagencies: {}\n", "agencies"),
        ("agencies", "register: a\nas_of: 2020-03-01\nagencies: {a: {name: A}}\n", "'kind'"),
        ("calendar", "calendar: a\nbase: VN\n", "valid under"),
        (
            "calendar",
            "calendar: a\nbase: VN\nnotices_until: 2026\nextends: b.yaml\n",
            "valid under",
        ),
        ("scenario", "scenario: a\ntitle: A\nentries: [{at: 2020-05-07 15:30}]\n", "entries/0"),
        (
            "scenario",
            "scenario: a\ntitle: A\nentries: [{at: 2020-05-07 15:30, submit: a/b}]\n",
            "'by'",
        ),
    ],
)
def test_a_plain_slip_is_underlined(file: str, text: str, where: str):
    """While it is being typed, not after a run of `check`."""
    found = faults(file, text)

    assert any(where in fault for fault in found), found


VALUES: dict[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {
    "date": (
        cells.Day,
        (
            *("2020-04-06", "06/4/2020", "6.4.2020", "ngày 06/4/2020", '"2020-04-06"'),
            *("ngày 10 tháng 5 năm 2020", "Ngày 10 Tháng 5 năm 2020", "NGÀY 6/4/2020"),
            "nga\u0300y 10 tha\u0301ng 5 na\u0306m 2020",
        ),
        (
            "2020",
            "6/4",
            "31/13/2020",
            "40/1/2020",
            "2020-13-01",
            "sớm",
            "06/4/1820",
            "[2020-04-06]",
        ),
    ),
    "clock": (
        cells.Clock,
        ('"08:00"', "08:00", "8h00", "8h", "8H30", "8 giờ", "8 giờ 30 phút", "17:00"),
        ("8", '"24:00"', "8:60", "sáng", "8.30"),
    ),
    "moment": (
        cells.Moment,
        ("2020-05-07 15:30", "2020-05-07T15:30", "07/5/2020 15h30", "ngày 07/5/2020 8h"),
        ("2020-05-07", "15:30", "2020-05-07 25:30", "2020"),
    ),
    "quorum": (
        cells.Quorum,
        ("90%", "25", '"25"', "100%", "66,7%", "66.7 %", "0,5%", "07"),
        ("0", "0%", "190%", "-5%", "0.9", "nửa", "90 phần trăm"),
    ),
    "working-days": (
        cells.WorkingDays,
        (
            "5",
            '"5"',
            "5 ngày làm việc",
            "1 working day",
            "05 (năm) ngày làm việc",
            "5 WORKING days",
        ),
        ("0", "251", "5 ngày", "2 tháng", "mai", "1.5"),
    ),
    "count": (cells.Count, ("1", '"10"', "010", "250", "+3"), ("0", "251", "1.5", "một", "[1]")),
    "count-or-none": (cells.CountOrNone, ("0", "10"), ("-1", "251")),
    "counts": (cells.Counts, ("[10, 5, 0]", "3", "[]", '["5", 1]'), ("[ten]", "-1", "[251]")),
    "rows": (cells.Rows, ("1", "[18, 19]", '"7"'), ("0", "[]", "[a]")),
    "year": (cells.Year, ("2026", '"2026"'), ("1889", "26", "nay")),
    "items": (cells.Items, ("16",), ("0", "nhiều")),
    "id": (cells.Id, ("kh37-2020", "37", "a.b-c"), ("Kế hoạch", "-a", "a b", "x" * 81)),
    "text": (
        cells.Text,
        ("Báo cáo", "2020", "1.5", "12/BC", '"a\\n"', "|\n  một dòng\n", "2020-05-06"),
        ('""', '"a\\nb"', "[a]", "{a: b}", "|\n  một\n  hai\n"),
    ),
    "agencies": (
        cells.Agencies,
        ("so-noi-vu", "[a, b]", "37", "communes of reporting"),
        ("[]", "{a: b}"),
    ),
    "agencies-or-none": (cells.AgenciesOrNone, ("[]", "a", "[a, 1]"), ("{a: b}", '""')),
    "roll": (cells.RollWord, ("none", "forward", "back"), ("lùi", "true")),
    "level": (cells.Level, ("parent", "coordinator", "superior"), ("boss",)),
    "role": (
        cells.RoleWord,
        ("focal", "head", "copy", "đầu mối", "Thủ trưởng", "BẢN SAO", "đầu  mối", "ba\u0309n sao"),
        ("mailbox", "boss", "đầu mối chính", "[focal]", "dau moi"),
    ),
    "language": (cells.Language, ("vi", "en"), ("fr",)),
    "concerning": (cells.Concerning, ("communes",), ("districts",)),
    "flag": (cells.Flag, ("true", "false", "no", "Yes", "có", "Không", "TRUE"), ("1", "maybe")),
    "email": (
        cells.Address,
        ("vanthu@sonoivu.example", "a.b+c@d-e.vn"),
        ("vanthu", "a b@c.vn", "a@b", "a@b..vn", "sở@noivu.vn", "a" * 250 + "@b.vn"),
    ),
    "values": (cells.Values, ("{period: 2021-2030}", "{year: 2021}"), ("{}", "a", "{a: [b]}")),
    "appendix-label": (cells.AppendixLabel, ("I", "VIII", "Biểu 02a", "Phụ lục số 3"), ("Mục 1",)),
    "appendices": (
        cells.Appendices,
        (
            *("Phụ lục IV", "[Phụ lục I (trừ Mục 3), Biểu 02]", '["Mục 3, 4 Phụ lục VIII"]', "[]"),
            *("{appendix: I}", "{appendix: 2, less: 3}", "{appendix: I, items: 3, points: [2, 4]}"),
            "[{appendix: VIII, items: [3, 4]}]",
        ),
        (
            "4",
            "{items: 3}",
            "{apendix: I}",
            "[{appendix: I, mục: 3}]",
            "{appendix: I, items: []}",
            "{appendix: I, points: 2}",
            "{appendix: I, items: 3, less: 4}",
        ),
    ),
    "deadline": (
        cells.Deadline,
        (
            *("trước ngày 10/5/2020", "none", "quý II/2020", "sau khi Chính phủ ban hành"),
            *("{before: 2020-05-10}", "{by: 10/5/2020}", "{in: 5/2020}", "{in: 2020}"),
            *("{in: 5.2020}", "{within: 10 working days, of: 2020-05-10}", "{after: a.b}"),
            *("{of: issued, within: 10}", '{within: "10", of: x}', "{within: 2 tuần, of: Sự kiện}"),
        ),
        (
            *("5", "[trước ngày 10/5/2020]", "{befor: 2020-05-10}", "{before: 5/2020}", "{}"),
            *("{within: 10}", "{of: x}", "{before: 2020-05-10, by: 2020-05-11}", "{in: [5]}"),
            *("{within: mai, of: x}", "{after: a, before: 2020-05-10}", '""'),
        ),
    ),
    "gate-end": (
        cells.GateEnd,
        (
            *("5 ngày làm việc sau hạn", "đến hết ngày 29/5/2020", "{by: 2020-05-29}"),
            *("{before: 29/5/2020}", "{in: II/2020}"),
        ),
        ("5", "{within: 5, of: 2020-05-10}", "{after: x}", "{}", "{by: mai}"),
    ),
}
CASES = [
    (kind, written, accepted)
    for kind, (_, good, bad) in VALUES.items()
    for accepted, values in ((True, good), (False, bad))
    for written in values
]


@pytest.mark.parametrize(("kind", "written", "accepted"), CASES)
def test_editor_and_reader_agree_on_a_value(kind: str, written: str, accepted: bool):
    """What an official writes without quotes comes to the editor as a number, or as text."""
    document, _ = parse("", f"x: {written}\n")
    assert document is not None
    try:
        TypeAdapter(VALUES[kind][0]).validate_python(document.value["x"])
        is_read = True
    except ValidationError:
        is_read = False

    assert is_read is accepted
    assert DEFINITIONS[kind].is_valid(editor_yaml.read(f"x: {written}\n")["x"]) is accepted


def _definitions() -> dict[str, Draft7Validator]:
    found: dict[str, Draft7Validator] = {}
    for form in forms.FILES.values():
        whole = schema(form)
        for kind in whole["definitions"]:
            reference = {"$ref": f"#/definitions/{kind}", "definitions": whole["definitions"]}
            found[kind] = Draft7Validator(reference)
    found["appendix-label"] = Draft7Validator(
        {
            "type": "string",
            **schema(forms.FILES["plan"])["properties"]["appendices"]["propertyNames"],
        }
    )
    return found


DEFINITIONS = _definitions()


def test_every_shape_of_value_is_among_those_compared():
    """A cell that is added and not compared would drift."""
    compared = [_shape(kind) for kind in VALUES]
    others = {kind for kind in DEFINITIONS if not kind.endswith("Form")} - set(VALUES)

    # What only stands within others is compared with them.
    assert {kind for kind in others if _shape(kind) not in compared} == {"period", "span"}


def _shape(kind: str) -> dict[str, Any]:
    """Return the schema of a kind of value, without what is said of it."""
    whole = DEFINITIONS[kind].schema
    shape = whole.get("definitions", {}).get(kind, whole)
    return {key: part for key, part in shape.items() if key != "patternErrorMessage"}


@pytest.mark.parametrize("form", forms.all_forms(), ids=lambda form: form.__name__)
def test_the_catalogue_explains_every_key_of_a_form_and_no_other(form: type[Form]):
    """A key without a word is a riddle; a word without its key is a promise not kept."""
    head = f"form.{forms.name_of(form)}."
    expected = {f"{head}title", f"{head}about", *(f"{head}keys.{k.name}" for k in forms.keys(form))}

    for language in LANGUAGES:
        assert {key for key in sentences(language) if key.startswith(head)} == expected


def test_the_catalogue_explains_no_form_or_value_that_there_is_not():
    """What is left of a form that was dropped."""
    names = {forms.name_of(form) for form in forms.all_forms()}
    twins = set(
        re.findall(
            r'"(before|by|in|within|of|after|appendix|items?|points|less)": \{',
            "".join(files().values()),
        )
    )

    for language in LANGUAGES:
        said = sentences(language)
        assert {key.split(".")[1] for key in said if key.startswith("form.")} == names
        assert {key.split(".")[1] for key in said if key.startswith("twin.")} == twins
        kinds = {key.split(".")[1] for key in said if key.startswith("cell.")}
        cells = {kind for kind in DEFINITIONS if not kind.endswith("Form")}
        assert kinds - cells == {"mapping", "list", "form-or", "expected"}


def test_descriptions_are_vietnamese_first_and_english_after():
    """A coordinator reads the one, a helper from outside the other."""
    due = schema(forms.FILES["plan"])["definitions"]["TaskForm"]["properties"]["due"]
    vi, en = due["markdownDescription"].split("\n\n")

    assert vi.startswith("Thời hạn, viết như trong văn bản: `trước ngày 10/5/2020`")
    assert en.startswith("The deadline, as the document words it")
    assert "`" not in due["description"]


def test_what_an_editor_inserts_by_itself_is_the_default():
    """A default that is another one in the editor would be written into plans."""
    plan = schema(forms.FILES["plan"])
    ladder = plan["definitions"]["LadderForm"]["properties"]

    assert plan["properties"]["time_zone"]["default"] == "Asia/Ho_Chi_Minh"
    assert (ladder["send_at"]["default"], ladder["office_ends"]["default"]) == ("08:00", "17:00")
    assert plan["definitions"]["GateForm"]["properties"]["quorum"]["default"] == "100%"
    assert plan["definitions"]["StageForm"]["properties"]["gate"]["default"] == "all"
    assert "default" not in plan["definitions"]["DefaultsForm"]["properties"]["due"]
