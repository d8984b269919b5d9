"""Plan 48 on pages and in calendars: tasks that each body owes to the one above it."""

from __future__ import annotations

from plan_definitions import load
from services.pages import preview_page
from services.views.calendar_feed import preview_feed
from services.views.previewing import preview
from tests.pages.reading import calendar
from tests.services.written import song_lam


def test_a_calendar_names_every_district_that_communes_report_to():
    """One deadline of nine communes, three recipients."""
    feed = calendar(preview_feed(preview(load(song_lam())), "vi"))

    said = [event.words("DESCRIPTION") for event in feed.children]
    (report,) = (words for words in said if "20 ngày làm việc kể từ ngày ban hành" in words)
    districts = "UBND thành phố Lam Giang; UBND huyện Thượng Lam; UBND huyện Hải Lam"
    assert f"Nơi nhận: {districts}" in report


def test_a_page_says_to_each_commune_where_its_report_goes():
    """The mail of the page is the mail that goes out."""
    page = preview_page(preview(load(song_lam())), "vi")

    assert "Gửi kết quả tới UBND huyện Hải Lam" in page
    assert "gửi kết quả tới parent" not in page.casefold()
