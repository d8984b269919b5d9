"""The plans of a folder, as a form offers them."""

from __future__ import annotations

import os
from pathlib import Path

from plan_definitions import shelf
from services.settings import Settings

PLAN = "plan: thu\nnumber: 12/KH-UBND\ntitle: Rà soát\n  thủ tục\nstages:\n  mot: {tasks: {}}\n"


def test_of_what_is_shipped_only_plans_to_start_are_offered():
    """A register, a calendar, a scenario or an example cannot be started."""
    found = shelf.plans(Settings().plans_folder)

    assert [plan.path for plan in found] == [
        "song-lam/48-kh-ubnd-2024.yaml",
        "tuyen-quang/37-kh-ubnd-2020.yaml",
    ]
    assert found[1].number == "37/KH-UBND"
    assert found[1].title.startswith("Tổng kết công tác cải cách hành chính")


def test_a_plan_with_faults_is_offered_and_what_cannot_be_read_is_not(tmp_path: Path):
    """Whoever picks it is told its faults; a stray file must not empty the list."""
    (tmp_path / "ke-hoach").mkdir()
    (tmp_path / "ke-hoach" / "moi.yaml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "dut.yml").write_text("plan: [\nstages:\n", encoding="utf-8")
    (tmp_path / "anh.yaml").write_bytes(b"\x00\xff\xfe" * 100)
    (tmp_path / "hong.yaml").symlink_to(tmp_path / "khong-co.yaml")
    (tmp_path / ".nhap.yaml").write_text(PLAN, encoding="utf-8")

    found = {plan.path: (plan.number, plan.title) for plan in shelf.plans(tmp_path)}

    assert found == {
        "dut.yml": ("", ""),
        "ke-hoach/moi.yaml": ("12/KH-UBND", "Rà soát thủ tục"),
    }


def test_a_changed_folder_bears_another_stamp(tmp_path: Path):
    """The forms are made anew when a coordinator saves a plan, not at every look."""
    file = tmp_path / "moi.yaml"
    file.write_text(PLAN, encoding="utf-8")
    before = shelf.stamp(tmp_path)
    assert shelf.stamp(tmp_path) == before

    os.utime(file, ns=(1, 1))

    assert shelf.stamp(tmp_path) != before
    assert shelf.stamp(tmp_path / "khong-co") == ()
