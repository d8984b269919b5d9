"""A preview on a terminal: drawn with characters, whole at 80 columns, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from cli import sketch
from cli.canvas import Canvas
from cli.main import app
from notifiers.rendering import render
from services.errors import Refused
from services.views.previewing import Preview, mails
from tests.pages.samples import hostile, plausible, quiet_days, short_periods, staged, worst_case

PLAN = Path(__file__).parents[2] / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c", "a")}
Printer = Callable[..., str]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Printer:
    """Return what a terminal of `width` columns shows."""

    def show(
        shown: Preview, language: str = "vi", *, width: int = 80, colour: bool = False, **how: bool
    ) -> str:
        file = StringIO()
        console = Console(
            file=file, width=width, highlight=False, color_system="256" if colour else None
        )
        monkeypatch.setattr(sketch, "out", console)
        sketch.print_preview(shown, language, **how)
        return file.getvalue()

    return show


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("shown", [plausible(), worst_case(), hostile(), staged(DIAMOND)])
def test_no_line_is_wider_than_the_terminal(
    printed: Printer, shown: Preview, width: int, language: str
):
    """A drawing that wraps is no drawing."""
    lines = printed(shown, language, width=width).splitlines()

    assert max(map(cell_len, lines)) <= width


def test_quiet_days_are_marked_and_explained(printed: Printer):
    """Three days without a number, and the reason beside them."""
    lines = printed(quiet_days(), width=120).splitlines()

    (week,) = (line for line in lines if line.startswith("11/5"))
    assert week.count("▒▒") == 3
    assert "11/5 Không gửi thư đến hết ngày 13/5/2020 (Bầu cử)" in "\n".join(lines)


def test_it_does_not_drown_its_reader(printed: Printer):
    """150 mails are gathered into what goes out when; 1,138 lines become 340."""
    assert len(printed(plausible()).splitlines()) < 350


def test_every_stage_stands_in_a_box_with_its_arrows(printed: Printer):
    """What waits for what is seen, not read."""
    said = printed(plausible())

    for stage in plausible().plan.stages:
        assert stage.id in said
    assert said.count("▼") == 3  # two stages to the next one, and the event
    assert said.count("▶") == 1  # past the event
    assert len(re.findall("^└─▶│ Bước 4", said, re.MULTILINE)) == 1


def test_the_days_add_up_to_all_mails(printed: Printer):
    """A week is a line: a number a day, and a mark where something is due."""
    said = printed(worst_case())

    weeks = [
        line[10:38] for line in said.splitlines() if re.match(r"\d\d/\d+(/\d{4})? +[·\d]", line)
    ]
    counts = [int(number) for week in weeks for number in re.findall(r"\d+", week)]

    assert sum(counts) == len(worst_case().rehearsal.issued)
    assert any("░░◆" in week for week in weeks)  # Saturday 9 May
    assert any("▒▒" in week for week in weeks)  # 30 April
    assert "30/4 Ngày Chiến thắng" in said


def test_a_wide_terminal_shows_bars_too(printed: Printer):
    """The same days with their weight."""
    assert "█" in printed(plausible(), width=120)
    assert "█" not in printed(plausible(), width=80)


def test_every_deadline_has_its_derivation(printed: Printer):
    """Why that date is what coordinators ask first."""
    said = " ".join(printed(plausible()).split())

    assert re.search(r"trước ngày 10/6/2020\b[^→]*→ hết ngày 09/6/2020 \(thứ Ba\)", said)
    assert "21 đúng hạn, 5 nộp quá hạn" in said
    assert "(Mục III.2.2 · institutions-report) – Sở Tư pháp: đã hoàn thành" in said


def test_every_recipient_has_its_line(printed: Printer):
    """A letter a mail, in the order of sending."""
    said = printed(plausible())

    assert re.search(r"^so-noi-vu +14 Sở Nội vụ +GNNNNBGGNNNSGS", said, re.MULTILINE)
    assert re.search(r"^huyen-na-hang +7 UBND huyện Na Hang +GNNNTNN", said, re.MULTILINE)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_with_mails_every_text_is_there(printed: Printer, language: str):
    """The whole of it, for those who ask."""
    said = " ".join(printed(plausible(), language, whole=True).split())

    for _, digest in [*mails(plausible(), language)][::9]:
        assert " ".join(render(digest).text.split()) in said


def test_colour_changes_no_word(printed: Printer):
    """A log, a pipe and a terminal say the same."""
    plain = printed(plausible())
    coloured = printed(plausible(), colour=True)

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_a_plan_without_dates_or_mails_is_told_all_the_same(printed: Printer):
    """Nothing to draw is no error."""
    for shown in (staged({}), short_periods()):
        assert "Kế hoạch" in printed(shown)


def test_the_mails_of_one_recipient(printed: Printer, monkeypatch: pytest.MonkeyPatch):
    """Somebody asks: what will we get?"""
    file = StringIO()
    monkeypatch.setattr(sketch, "out", Console(file=file, width=80))

    sketch.print_mails_to(plausible(), "vi", "so-tu-phap")

    said = file.getvalue()
    assert said.startswith("Sở Tư pháp")
    assert said.count("[37/KH-UBND]") == 4
    with pytest.raises(Refused) as refused:
        sketch.print_mails_to(plausible(), "vi", "so-tu-fap")
    assert "so-tu-phap" in refused.value.say("vi")


@pytest.mark.parametrize("option", [["--mails"], ["--to", "so-tu-phap"]])
def test_options_of_the_text_are_refused_elsewhere(option: list[str]):
    """An option without effect would be believed."""
    assert CliRunner().invoke(app, ["preview", str(PLAN), *option]).exit_code == 0
    asked = CliRunner().invoke(app, ["preview", str(PLAN), "--format", "json", *option])
    assert asked.exit_code == 2


def rows(canvas: Canvas) -> Iterator[str]:
    return (line.plain for line in canvas.lines())


def test_lines_join_where_they_meet():
    """A crossing is no corner."""
    canvas = Canvas()
    canvas.box(0, 2, 3, 5)
    canvas.down(0, 1, 4)
    canvas.across(1, 0, 2)
    canvas.across(3, 0, 1)

    assert [*rows(canvas)] == ["  ┌───┐", "┌─┤   │", "│ └───┘", "├╴", "╵"]


def test_words_keep_their_cells():
    """A mark of its own and a broad sign move nothing."""
    canvas = Canvas()
    canvas.box(0, 0, 3, 8)
    canvas.write(1, 2, "a\u0323文b")

    assert [*rows(canvas)] == ["┌──────┐", "│ a\u0323文b │", "└──────┘"]
