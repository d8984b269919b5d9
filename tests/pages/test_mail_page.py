"""The page of mails: nothing runs in it but its own script, nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from language.catalogue import LANGUAGES
from services.mail import proofs
from services.mail.proofs import Wanted
from services.pages.mail_page import mail_page
from services.settings import Settings
from services.views.previewing import Preview
from tests.pages import samples
from tests.pages.reading import read

SETTINGS = Settings(smtp_host="", sender="dondoc@so.example")


def page_of(shown: Preview, language: str = "vi") -> str:
    """The page of every mail of a preview."""
    found = proofs.of_plan(shown, Wanted(), SETTINGS)
    return mail_page(found, shown.plan.title, proofs.scene(shown, len(found), language), language)


def embedded(page: str) -> list[dict[str, object]]:
    """The mails that a page carries, as its script reads them."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    mails: list[dict[str, object]] = json.loads(found[1])
    return mails


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_carries_every_mail_whole(language: str):
    """It is one file: it can be passed on and opened anywhere."""
    shown = samples.plausible()

    found = embedded(page_of(shown, language))

    expected = proofs.of_plan(shown, Wanted(), SETTINGS)
    assert [one["html"] for one in found] == [one.html for one in expected]
    assert [one["text"] for one in found] == [one.text for one in expected]


def test_only_its_own_script_may_run_and_nothing_is_fetched():
    """The policy holds in the frames of the mails as well, which inherit it."""
    page = page_of(samples.plausible())

    reader = read(page)
    policies = [a["content"] for tag, a in reader.tags if a.get("http-equiv")]
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert len(policies) == 1
    assert f"script-src 'sha256-{digest}'" in (policies[0] or "")
    assert "default-src 'none'" in (policies[0] or "")
    assert [a["sandbox"] for tag, a in reader.tags if tag == "iframe"] == [""]
    assert not [a for _, a in reader.tags if a.get("src") or a.get("href")]


def test_hostile_words_stay_words():
    """A name that holds a script is shown, and closes no element of the page."""
    shown = samples.hostile()

    page = page_of(shown)

    reader = read(page)
    assert [tag for tag, _ in reader.tags].count("script") == 2
    assert samples.HOSTILE in reader.text
    assert any(samples.HOSTILE in str(one["name"]) for one in embedded(page))


def test_a_mail_that_can_not_be_sent_says_so_on_the_page():
    """In the reader's language, above the mail."""
    found = embedded(page_of(samples.hostile()))

    assert any("không gửi được" in str(one["fault"]) for one in found)
