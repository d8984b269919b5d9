"""The page of a comparison: whole, harmless, self-contained and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.deadline import Before, Phrase
from services.comparing import Comparison, compare
from services.comparing.wording import account
from services.pages.comparison import comparison_page
from services.views.previewing import preview
from tests.pages.reading import read
from tests.pages.samples import HOSTILE, hostile
from tests.services.edits import LATER, NEW_DEPARTMENT, NO_HEALTH, edited_37, shown_37

LANGUAGES = ("vi", "en")
NAMES = ("cu.yaml", "moi.yaml")


def much() -> Comparison:
    """An edit that changes something of every kind."""
    return edited_37(
        LATER,
        ("      rewards:", "      khen-thuong:"),
        ("quorum: 90%", "quorum: 80%"),
        ("remind: [10, 5, 2, 1, 0] ", "remind: [5, 2, 1, 0] "),
        register=(*NEW_DEPARTMENT, NO_HEALTH),
    )


def hostile_edit() -> Comparison:
    """Both plans full of words that attack the page, with a deadline moved."""
    old = hostile()
    phrase = Phrase(f"trước ngày 15/5/2020 {HOSTILE}", Before(old.plan.issued.replace(month=6)))
    stages = tuple(
        replace(stage, tasks=tuple(replace(task, due=phrase, note=HOSTILE) for task in stage.tasks))
        for stage in old.plan.stages
    )
    return compare(old, preview(replace(old.plan, stages=stages, title=f"{HOSTILE} 2")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tag_is_closed_and_nothing_is_fetched_or_runs(language: str):
    """The page is passed on by mail and opened where there is no network."""
    page = comparison_page(much(), NAMES, language)

    reader = read(page)

    assert ("html", {"lang": language}) in reader.tags
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "img", "iframe", "object"}
    for tag, attributes in reader.tags:
        assert not {"src", "srcset", "action", "href", "xlink:href"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")], tag
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    for query in ("prefers-color-scheme: dark", "max-width: 760px", "@media print", "A4"):
        assert query in style[1]


def test_hostile_words_are_shown_and_do_nothing():
    """Titles and file names come from many people."""
    page = comparison_page(hostile_edit(), (HOSTILE, HOSTILE), "vi")

    assert "<script" not in page
    assert page.count("</style>") == 1
    assert HOSTILE in read(page).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_everything_that_the_account_says(language: str):
    """Text and page are laid out from one account, and neither leaves anything out."""
    compared = much()
    text = read(comparison_page(compared, NAMES, language)).text

    told = account(compared, language)
    words = [told.title, told.mails, *NAMES, *(one.said for one in told.counts)]
    for part in told.parts:
        words += [part.heading, part.about]
        for group in part.groups:
            words += [group.who, group.counts, group.about, *group.names]
            for item in group.items:
                words += [item.what, item.ref, item.old, item.new, item.by, *item.names]
                words += [*item.gone, *item.added, *(one.label for one in item.details)]
                words += [said for one in item.details for said in (one.said, one.old, one.new)]
    for said in words:
        assert " ".join(said.split()) in text


def test_nothing_changed_is_one_sentence_on_the_page():
    """No empty tables."""
    text = read(comparison_page(compare(shown_37(), shown_37()), NAMES, "vi")).text

    assert "kế hoạch không đổi" in text
    assert "Thư thay đổi" not in text


def test_the_same_comparison_gives_the_same_page():
    """Two people compare their pages byte by byte."""
    assert comparison_page(much(), NAMES, "vi") == comparison_page(much(), NAMES, "vi")


def test_the_page_stays_small_though_every_mail_changes():
    """It is passed on by mail."""
    page = comparison_page(edited_37(("language: vi", "language: en")), NAMES, "vi")

    assert len(page.encode()) < 500_000
