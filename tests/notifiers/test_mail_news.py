"""News: what the coordinator reads of events and stages, word for word."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from engine.deadline import By, Phrase
from engine.ledger import Entry, EntryKind, RunState, fold
from engine.plan import Gate, GateBy, Stage, Task
from notifiers.digest import Digest, compose
from notifiers.news import Closed, Opened
from notifiers.rendering import render
from notifiers.words.news_wording import NAMES
from tests.notifiers import mail_builder as b

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = bool(os.environ.get("DONDOC_GOLDEN"))  # DONDOC_GOLDEN=1 pytest tests/notifiers
LANGUAGES = ("vi", "en")
EVENT = "government.programme-issued"
NIGHT = b.at("2020-05-16 00:00")
MORNING = b.at("2020-05-18 08:00")


def two_stages() -> tuple[Stage, Stage]:
    """A stage of many, and one that waits for it and for the Government."""
    first = Stage(
        id="agency-reports",
        title="Báo cáo của các cơ quan",
        tasks=(b.REPORT, b.REWARDS),
        gate=Gate(tasks=(b.REPORT.id,), otherwise=GateBy(date(2020, 5, 15))),
    )
    summary = Task(
        id="summary",
        title="Dự thảo báo cáo tổng kết",
        by=("so-y-te",),
        due=Phrase("chậm nhất ngày 15/5/2020", By(date(2020, 5, 15))),
        ladder="standard",
        to="so-noi-vu",
        ref="Mục II.2",
    )
    second = Stage(
        id="summary",
        title="Báo cáo tổng kết của tỉnh",
        tasks=(summary, replace(summary, id="figures", by=("so-tu-phap", "so-tai-chinh"))),
        gate=Gate(tasks=("summary",)),
        needs=("agency-reports",),
        event=EVENT,
    )
    return first, second


def story(*, handed_in: int) -> tuple[RunState, list[Entry]]:
    """So many handed in, one excused; time closed the stage; the event opened the next one."""
    plan = b.plan(stages=two_stages())
    keys = [b.key("final-report", agency) for agency in b.REPORTING]
    told = b.at("2020-05-14 09:00")
    start = Entry(EntryKind.STAGE_OPENED, b.STARTED, b.STARTED, "test", stage="agency-reports")
    came = [
        Entry(EntryKind.SUBMITTED, told, told, "test", obligation=key) for key in keys[:handed_in]
    ]
    came.append(Entry(EntryKind.WAIVED, told, told, "test", obligation=keys[handed_in]))
    missing = keys[handed_in + 1 :]
    counts = {"closed": handed_in + 1, "total": len(keys), "missing": missing}
    issued = b.at("2020-05-15 17:40")
    turned = [
        Entry(
            EntryKind.EVENT_ANNOUNCED,
            b.at("2020-05-12 00:00"),
            issued,
            "test",
            document="76/NQ-CP",
            data={"event": EVENT},
        ),
        Entry(EntryKind.STAGE_DONE, NIGHT, NIGHT, "test", stage="agency-reports", data=counts),
        Entry(EntryKind.STAGE_OPENED, NIGHT, NIGHT, "test", stage="summary"),
    ]
    return fold(plan, [start, *came, *turned]), turned


def alone(language: str) -> Digest:
    """A mail of news and nothing else."""
    state, turned = story(handed_in=12)
    return compose(
        state,
        [],
        run_id=b.RUN,
        recipient="so-noi-vu",
        send_at=MORNING,
        language=language,
        news=turned,
    )


def beside(language: str) -> Digest:
    """News in the mail in which others are reported late."""
    state, turned = story(handed_in=24)
    return compose(
        state,
        b.due(state, "so-noi-vu", b.at("2020-05-11 08:00")),
        run_id=b.RUN,
        recipient="so-noi-vu",
        send_at=MORNING,
        language=language,
        news=turned[-1:],
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "sample"), [("event", alone), ("event-beside", beside)])
def test_news_read_as_agreed(name: str, sample: object, language: str) -> None:
    """Every word that an office gets was read by a person; a change shows in review."""
    assert callable(sample)
    made = render(sample(language))
    for ending, content in (("txt", f"{made.subject}\n\n{made.text}"), ("html", made.html)):
        path = GOLDEN / f"{name}.{language}.{ending}"
        if REGENERATE:
            path.write_text(content, encoding="utf-8")
        assert content == path.read_text(encoding="utf-8"), path.name


def test_a_closed_stage_says_how_and_who_is_missing() -> None:
    """Ten are named, the rest is counted: a mail is no register."""
    _, closed, opened = alone("vi").news
    assert isinstance(closed, Closed)
    assert isinstance(opened, Opened)

    assert closed.gave_way
    assert (closed.closed, closed.waived, closed.still_missing) == (13, 1, 14)
    assert closed.on == date(2020, 5, 15)
    said = render(alone("vi")).text
    listed = next(line for line in said.splitlines() if "Còn thiếu khi khép lại" in line)
    assert listed.count(";") == NAMES
    assert "và 4 cơ quan khác" in listed


def test_an_opened_stage_says_why_and_what_is_owed() -> None:
    """By which document, by how many, by when; and that the date has passed."""
    said = render(alone("vi")).text

    assert "Nghị quyết số 76/NQ-CP ngày 12/5/2020" in said
    assert "bước 1 kết thúc ngày 15/5/2020" in said
    assert "Sở Y tế; hạn hết ngày 15/5/2020 (đã qua)." in said
    assert "2 cơ quan; hạn hết ngày 15/5/2020 (đã qua)." in said


def test_the_subject_of_news_names_the_stage_that_opened() -> None:
    """That is what somebody has to do something about."""
    made = render(alone("vi"))
    assert made.subject == (
        "[37/KH-UBND] Thông báo: mở bước 2 – Báo cáo tổng kết của tỉnh (+2 tin)"
    )


def test_text_and_html_of_news_say_the_same() -> None:
    """Whoever reads plain text knows as much."""
    made = render(alone("vi"))
    for line in made.text.splitlines():
        if line.startswith("- "):
            assert line[2:].replace("“", "") in made.html.replace("“", "")


def test_news_of_what_the_plan_lost_are_passed_over() -> None:
    """An amended plan has no such stage any more; the mail is made all the same."""
    state, turned = story(handed_in=12)
    lost = Entry(EntryKind.STAGE_OPENED, NIGHT, NIGHT, "test", stage="gone")
    found = compose(
        state, [], run_id=b.RUN, recipient="so-noi-vu", send_at=MORNING, news=[lost, turned[0]]
    )
    assert len(found.news) == 1
