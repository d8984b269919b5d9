"""Which files a plan leads to, and under which names they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plan_definitions import Bundle
from plan_definitions.reading import source, yaml_source
from plan_definitions.reading.source import MOST_FILES


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A folder of plans beside one of calendars, and one of registers."""
    for folder in ("plans", "calendars", "agencies"):
        (tmp_path / folder).mkdir()
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_may_name_several_registers(office: Path):
    """The province's and a district's."""
    for name in ("a", "b"):
        write(office / f"agencies/{name}.yaml", f"register: {name}\n")
    plan = write(office / "plans/p.yaml", "agencies: [../agencies/a.yaml, ../agencies/b.yaml]\n")

    assert list(Bundle.read(plan).texts) == [
        "p.yaml",
        "../agencies/a.yaml",
        "../agencies/b.yaml",
    ]


def test_an_overlay_names_its_parent_from_where_it_stands(office: Path):
    """It knows nothing of the plans that use it."""
    write(office / "calendars/tinh.yaml", "extends: viet-nam.yaml\n")
    write(office / "calendars/viet-nam.yaml", "calendar: viet-nam\n")
    plan = write(office / "plans/p.yaml", "calendar: ../calendars/tinh.yaml\n")

    bundle = Bundle.read(plan)

    assert list(bundle.texts) == ["p.yaml", "../calendars/tinh.yaml", "../calendars/viet-nam.yaml"]
    assert bundle.named("viet-nam.yaml", beside="../calendars/tinh.yaml") in bundle.texts


def test_a_circle_of_overlays_is_read_once_round(office: Path):
    """Whoever reads on would never come to an end."""
    write(office / "calendars/a.yaml", "extends: ./b.yaml\n")
    write(office / "calendars/b.yaml", "extends: ../calendars/a.yaml\n")
    plan = write(office / "plans/p.yaml", "calendar: ../plans/../calendars/a.yaml\n")

    assert list(Bundle.read(plan).texts) == [
        "p.yaml",
        "../calendars/a.yaml",
        "../calendars/b.yaml",
    ]


def test_each_file_is_read_and_parsed_once(office: Path, monkeypatch: pytest.MonkeyPatch):
    """However often it is named, and whoever asks for it later."""
    parsed: list[str] = []
    taken: list[str] = []

    def counting(file: str, text: str) -> Any:
        parsed.append(Path(file).name)
        return yaml_source.parse(file, text)

    def reading(path: Path) -> str:
        taken.append(path.name)
        return read_text(path)

    read_text = source.read_text
    monkeypatch.setattr(source, "parse", counting)
    monkeypatch.setattr(source, "read_text", reading)
    write(office / "plans/a.yaml", "register: a\n")
    plan = write(
        office / "plans/p.yaml", "agencies: [a.yaml, ./a.yaml, a.yaml]\ncalendar: a.yaml\n"
    )

    bundle = Bundle.read(plan)
    for name in bundle.texts:
        bundle.document(name)

    assert sorted(taken) == ["a.yaml", "p.yaml"]
    assert sorted(parsed) == ["a.yaml", "p.yaml"]


@pytest.mark.parametrize("shape", ["list", "chain", "nowhere"])
def test_too_many_files_are_refused(shape: str, office: Path):
    """Each could name hundreds more."""
    names = [f"f{n}.yaml" for n in range(200)]
    for here, following in zip(names, [*names[1:], names[0]], strict=True):
        if shape != "nowhere":
            write(
                office / "plans" / here, f"extends: {following}\n" if shape == "chain" else "a: b\n"
            )
    first = "f0.yaml" if shape == "chain" else f"[{', '.join(names)}]"
    plan = write(office / "plans/p.yaml", f"agencies: {first}\n")

    bundle = Bundle.read(plan)

    assert len(bundle.texts) + len(bundle.unread) == MOST_FILES + 1
    assert list(bundle.unread.values())[-1] == "too-many-files"
    assert bundle.why_unread("f199.yaml") == "too-many-files"


@pytest.mark.parametrize("name", ["/etc/x.yaml", "../../x.txt", "a\\b.yaml"])
def test_an_overlay_cannot_make_us_read_other_files(name: str, office: Path):
    """No more than a plan can."""
    write(office / "calendars/a.yaml", f"extends: {name}\n")
    plan = write(office / "plans/p.yaml", "calendar: ../calendars/a.yaml\n")

    bundle = Bundle.read(plan)

    assert bundle.why_unread(bundle.named(name, beside="../calendars/a.yaml")) == "bad-path"
    assert len(bundle.texts) == 2


def test_bundles_from_before_are_understood_as_they_were_written():
    """Names were kept as the plan has them; a stored plan must load for years."""
    kept: dict[str, Any] = {
        "main": "p.yaml",
        "texts": {"p.yaml": "agencies: ./a.yaml\n", "./a.yaml": "a: b\n"},
    }

    bundle = Bundle.from_json(kept)

    assert bundle.named("./a.yaml") == "./a.yaml"
    assert bundle.to_json() == kept
    assert bundle == Bundle("p.yaml", kept["texts"])
    assert bundle.fingerprint.startswith("27ab1b6cbf3a88b8f935c32d")
