"""A sample plan as text, to be changed by tests."""

from __future__ import annotations

from pathlib import Path

from plan_definitions import Bundle

PARTS = Path(__file__).parent / "broken" / "parts"
REAL = Path(__file__).parents[2] / "plan_definitions" / "tuyen-quang" / "37-kh-ubnd-2020.yaml"


def sample(*changes: tuple[str, str], agencies: tuple[tuple[str, str], ...] = ()) -> Bundle:
    """Return the sample plan with some of its words changed."""
    names = ("plan", "agencies", "calendar")
    plan, register, calendar = (
        (PARTS / f"{name}.yaml").read_text(encoding="utf-8") for name in names
    )
    return Bundle(
        "plan.yaml",
        {
            "plan.yaml": _changed(plan, changes),
            "parts/agencies.yaml": _changed(register, agencies),
            "parts/calendar.yaml": calendar,
        },
    )


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
