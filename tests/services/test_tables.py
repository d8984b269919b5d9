"""Tables: the pages of a run as an operator reads them: Markdown that reads at a glance."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from language.catalogue import text
from notifiers.wire.channel import Refused as MailRefused
from notifiers.wire.channel import TryLater
from services import chasing, recording
from services.mail import addressing
from services.tables import cards, late, mail, overview, rows
from services.tables.markdown import artifact_key, plain, table
from services.views import board
from services.views.board import Board
from services.wiring import Parts
from storage import relays
from storage.outbox import Status
from storage.tables import MESSAGES
from tests.services import written as w
from tests.services.office import BY, Offices, Recording, deliver, start, submit, wake

MORNING = w.at("2020-05-11 08:00")
pytestmark = pytest.mark.on_files("what is read stands on pages; the readers are tried beside")


@pytest.fixture(scope="module")
def late_37(lasting_office: Offices) -> Board:
    """Plan 37 on the first morning after the deadline: 27 are late, mail delivered."""
    with lasting_office() as parts:
        start(parts, w.real())
        for moment in (w.START, w.EVE, MORNING):
            wake(parts, moment)
        return board.read(parts, "kh37-2020", MORNING)


def pages(seen: Board, language: str = "vi") -> dict[str, str]:
    """Return every Markdown page of a run."""
    found = {
        "board": overview.board_markdown(seen, language),
        "late": late.late_markdown(seen, language),
        "escalations": late.escalations_markdown(seen, language),
        "mail": mail.mail_markdown(seen, language),
        "agencies": overview.agencies_markdown(seen, language),
    }
    cards_ = {s.id: cards.stage_markdown(seen, s, language) for s in seen.stages}
    return found | cards_


def columns(page: str) -> set[int]:
    """Return how many cells the lines of a page's tables have, table by table, as differences."""
    widths = []
    before = 0
    for line in page.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if cells and before:
            widths.append(cells - before)
        before = cells
    return set(widths)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_is_whole_tables_without_ids_of_rungs(late_37: Board, language: str):
    """A table whose rows differ in width falls apart; `overdue-2` is no word of an office."""
    for name, page in pages(late_37, language).items():
        assert columns(page) <= {0}, name
        assert not re.search(r"\b(overdue|remind|escalate)-\d", page), name
        assert len(page) < 16_000, name


def test_twenty_seven_who_owe_the_same_are_one_row(late_37: Board):
    """A wall of equal rows says nothing; the agencies are named in it all the same."""
    page = pages(late_37)["board"]

    line = next(one for one in page.splitlines() if "Báo cáo tổng kết" in one and "QUÁ HẠN" in one)
    assert line.count("|") == 7
    assert "**27**" in line
    assert all(
        late_37.plan.agencies[row.obligation.obligation.agency.id].name in line
        for row in late_37.late
    )
    assert "trước ngày 10/5/2020 (Chủ nhật) → hết ngày 09/5/2020" in line
    assert "đôn đốc lần 1 (11/5/2020)" in line
    assert "đôn đốc lần 2 (12/5/2020)" in line


def test_the_board_says_first_what_wants_attention(late_37: Board):
    """Who is late and what those above were told, each with a link, before anything else."""
    page = pages(late_37)["board"]

    attention = page.index("## Cần chú ý")
    assert attention < page.index("## Sắp tới") < page.index("## Các bước")
    assert "**Quá hạn 27 nghĩa vụ**, lâu nhất từ ngày 10/5/2020" in page
    assert "(/v2/artifacts/key/late-kh37-2020)" in page
    assert "(/v2/artifacts/key/escalations-kh37-2020)" in page
    assert "chưa tới nơi" not in page


def test_a_calm_run_has_nothing_under_attention(small: Parts):
    """No heading without anything below it."""
    wake(small, w.START)

    page = overview.board_markdown(board.read(small, "nho", w.START), "vi")

    assert "Cần chú ý" not in page
    assert "Không có cơ quan nào quá hạn" in late.late_markdown(
        board.read(small, "nho", w.START), "vi"
    )


def test_the_late_page_answers_since_when_and_who_was_told(late_37: Board):
    """Three of the questions that operators are asked."""
    page = pages(late_37)["late"]

    assert "quá hạn từ ngày 10/5/2020, 2 ngày (27 cơ quan)" in page
    assert (
        "| Sở Tư pháp | đôn đốc lần 1 (11/5/2020) | Sở Nội vụ (11/5/2020) "
        "| đôn đốc lần 2 (12/5/2020) |" in page
    )


def test_mail_that_did_not_arrive_stands_first_with_its_reason(small: Parts):
    """To whom, why, and what to do; what was delivered is counted."""

    def answer(envelope: object) -> MailRefused | TryLater:
        to = getattr(envelope, "recipients", ("",))[0]
        return MailRefused("550 <x> | no") if to.startswith("a@") else TryLater("451 busy")

    chasing.issue_notices(small, w.START)
    deliver(small, w.START, Recording(answer))
    seen = board.read(small, "nho", w.START)

    page = mail.mail_markdown(seen, "vi")

    assert "không gửi được: **1**" in page
    assert "gửi lại sau: **3**" in page
    assert "Sở An (a@nho.example)" in page
    assert "550 \\<x\\> \\| no" in page
    assert "dondoc outbox retry" in page
    assert "**4 thư chưa tới nơi.**" in overview.board_markdown(seen, "vi")


def test_the_mail_page_names_the_address_that_a_mail_went_to(small: Parts):
    """Not the one that the register has: another took its place."""
    addressing.take_place(small, "a@nho.example", "moi@nho.example", now=w.START, by="văn thư")
    chasing.issue_notices(small, w.START)
    deliver(small, w.START)

    page = mail.mail_markdown(board.read(small, "nho", w.START), "vi")

    assert "Sở An (moi@nho.example)" in page
    assert "a@nho.example" not in page


@pytest.mark.parametrize(
    ("status", "later", "needed"),
    [
        (Status.UNDELIVERABLE, 0, True),
        (Status.EXPIRED, 0, True),
        (Status.BOUNCED, 0, False),
        (Status.UNCERTAIN, 30, False),
        (Status.UNCERTAIN, 90, True),
        (Status.LATER, 600, False),
    ],
)
def test_the_mail_page_tells_what_needs_a_person_from_what_is_tried_again(
    small: Parts, status: Status, later: int, needed: bool
):
    """Who reads it sees what is theirs to do; unknown for over an hour is theirs as well."""
    chasing.issue_notices(small, w.START)
    with small.database.writing() as connection:
        connection.execute(MESSAGES.update().values(status=status.value))

    page = mail.mail_markdown(board.read(small, "nho", w.START + timedelta(minutes=later)), "vi")

    assert ("## Cần người xử lý" in page) is needed
    again = "Bị trả lại" if status is Status.BOUNCED else "Hệ thống đang tự gửi lại"
    assert (f"## {again}" in page) is not needed
    assert f"{text('vi', f'status.{status.value}')}: **4**" in page


def test_a_mail_page_names_the_address_that_the_mail_went_to(small: Parts):
    """The register may say another: somebody asks where it is, not where it might have gone."""
    chasing.issue_notices(small, w.START)
    addressing.take_place(small, "a@nho.example", "moi@nho.example", now=w.START, by="LAN")
    deliver(small, w.START, Recording())

    page = mail.mail_markdown(board.read(small, "nho", w.START), "vi")

    assert "Sở An (moi@nho.example)" in page
    assert "a@nho.example)" not in page


def test_a_mail_server_that_is_left_alone_is_said_on_the_board_and_the_mail_page(small: Parts):
    """The first mail alone was tried; the others wait, and nothing else would say why."""
    chasing.issue_notices(small, w.START)
    deliver(small, w.START, Recording(lambda _: TryLater("connecting: refused", of_relay=True)))
    seen = board.read(small, "nho", w.START)

    for page in (mail.mail_markdown(seen, "vi"), overview.board_markdown(seen, "vi")):
        assert "không nhận thư" in page
        assert "connecting: refused" in page
        assert "4 thư đang chờ" in page

    with small.database.writing() as connection:
        relays.close(connection)
    assert "không nhận thư" not in mail.mail_markdown(board.read(small, "nho", w.START), "vi")


def test_a_mail_page_stays_readable_when_a_server_dies(
    small: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Thousands of lines would be read by nobody, and kept by Prefect."""
    monkeypatch.setattr(mail, "MOST", 2)
    chasing.issue_notices(small, w.START)
    with small.database.writing() as connection:
        connection.execute(MESSAGES.update().values(status=Status.LATER.value))

    page = mail.mail_markdown(board.read(small, "nho", w.START), "vi")

    assert "… và 2 thư khác" in page
    assert page.count("gửi lại sau |") == 2


def test_what_people_typed_stays_text_and_cells_stay_cells():
    """A bar, a line break or a link in a reason does not break the page."""
    assert plain("[x](http://a) *b* `c` <d>") == r"\[x\](http://a) \*b\* \`c\` \<d\>"
    made = table(["a", "b"], [["1|2", "3\n4"]])
    assert made.splitlines()[2] == r"| 1\|2 | 3 4 |"


def test_artifact_keys_know_only_small_letters_digits_and_hyphens():
    """Prefect refuses any other; and no two runs may share a page."""
    named = [("kh37", "2020-x"), ("kh37-2020", "x"), ("kh37.2020", "x"), ("kh37.2020-x",)]

    keys = [artifact_key("stage", *names) for names in [*named, ("kh37", "2020.x")]]

    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[a-z0-9-]+", key) for key in keys)
    assert artifact_key("board", "kh37-2020") == "board-kh37-2020"
    assert artifact_key("stage", "kh37-2020", "draft") == "stage-kh37-2020--draft"


def test_every_obligation_is_a_row_to_search(late_37: Board):
    """The table has one row each, with words for its state."""
    found = rows.obligation_rows(late_37, "vi")

    assert len(found) == len(late_37.rows) == 90
    assert {len(row) for row in found} == {7}
    assert found[0]["Tình trạng"] == "chưa hoàn thành, quá hạn"


def test_a_card_shows_its_stage_and_only_its_rows(late_37: Board):
    """Linked from the stage's run: what it waits for, on whom."""
    first, second = late_37.stages[:2]

    page = cards.stage_markdown(late_37, first, "vi")
    blocked = cards.stage_markdown(late_37, second, "vi")

    assert page.startswith("# 37/KH-UBND – 1 agency-reports: Overdue 27/27")
    assert first.message in page
    assert "(/v2/artifacts/key/board-kh37-2020)" in page
    assert "Tổng hợp, đánh giá theo chuyên đề" not in page
    assert "Tổng hợp, đánh giá theo chuyên đề" in blocked


def test_an_early_return_shows_on_the_board_with_its_new_deadline(small: Parts):
    """Why then: the board gives the reason of the deadline that holds now."""
    submit(small, w.REPORT_A, now=w.EVE)
    recording.send_back(small, "nho", w.REPORT_A, BY, why="Thiếu phụ lục", days=3, now=w.LATE)

    page = overview.board_markdown(board.read(small, "nho", w.LATE), "vi")

    assert "trả lại ngày 11/5/2020, hoàn thiện trong 3 ngày làm việc" in page


def test_a_plan_with_markup_in_its_names_shows_it_as_text(parts: Parts):
    """A coordinator's asterisks are not the page's."""
    bundle = w.bundle(w.ONE.replace("title: Báo cáo,", 'title: "Báo *cáo* | [x](y)",'))
    start(parts, bundle)

    page = overview.board_markdown(board.read(parts, "nho", w.START), "vi")

    assert columns(page) <= {0}
    assert r"Báo \*cáo\*" in page


def test_a_difficulty_and_a_pause_want_attention_on_the_board(small: Parts):
    """Somebody waits for an answer; somebody decided that nobody is chased."""
    wake(small, w.START)
    recording.report_difficulty(small, "nho", w.REPORT_A, BY, what="Mất *điện*", now=w.EVE)
    recording.pause(small, "nho", BY, agency="b", why="Bão số 5", now=w.EVE)
    seen = board.read(small, "nho", w.EVE)

    page = overview.board_markdown(seen, "vi")

    assert r"**Sở An** báo khó khăn, vướng mắc ngày 08/5/2020, chưa được trả lời: Mất \*điện\*" in (
        page
    )
    assert "Sở Bình" in page.split("## Sắp tới")[0]
    assert "Bão số 5" in page.split("## Sắp tới")[0]
    upcoming_part = page.split("## Sắp tới")[1].split("## Các bước")[0]
    assert "Sở Bình" not in upcoming_part
