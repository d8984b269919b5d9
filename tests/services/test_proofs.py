"""Proofs: what is looked at is what would go out, byte by byte."""

from __future__ import annotations

from email import message_from_bytes

import pytest

from language.catalogue import LANGUAGES
from services.errors import Refused
from services.mail import proofs
from services.mail.proofs import Wanted
from services.settings import Settings
from tests.pages import samples

SETTINGS = Settings(smtp_host="", sender="dondoc@so.example")


def test_every_mail_of_the_preview_is_there_in_the_order_of_sending():
    """A person who has looked at all of them has seen every mail that the ladders send."""
    shown = samples.plausible()

    found = proofs.of_plan(shown, Wanted(), SETTINGS)

    told = [one for one in found if one.slip.kind != "brief"]
    assert len(told) == len(shown.rehearsal.issued)
    assert [one.slip.number for one in found] == list(range(1, len(found) + 1))
    assert [one.slip.at for one in found] == sorted(one.slip.at for one in found)


def test_there_is_one_brief_for_each_day_on_which_mail_goes_out():
    """The coordinator's own mail is looked at as well, though no ladder sends it."""
    shown = samples.plausible()

    found = proofs.of_plan(shown, Wanted(kind="brief"), SETTINGS)

    days = {one.digest.send_at.astimezone(shown.plan.zone).date() for one in shown.rehearsal.issued}
    assert [one.slip.at.astimezone(shown.plan.zone).date() for one in found] == sorted(days)
    assert {one.slip.recipient for one in found} == {shown.plan.coordinator}


def test_a_proof_says_what_its_bytes_say():
    """Looking at anything but the bytes would prove nothing about the mail."""
    (found,) = proofs.of_plan(samples.plausible(), Wanted(number=1), SETTINGS)

    read = message_from_bytes(found.content)
    headers = dict(found.headers)
    assert headers["Message-ID"] == read["Message-ID"] == found.slip.mail.message_id
    assert headers["From"].endswith("<dondoc@so.example>")
    assert found.slip.mail.recipient.name in headers["To"]
    assert headers["Subject"] == found.subject
    assert "=?" not in "".join(headers.values())
    assert found.size == len(found.content) > 1000
    assert found.html.startswith("<!DOCTYPE html>")
    assert found.slip.mail.recipient.name in found.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_mails_are_looked_at_in_either_language(language: str):
    """The setting of the language is tried before a plan says it."""
    (found,) = proofs.of_plan(samples.plausible(), Wanted(number=1), SETTINGS, language=language)

    assert f"\nContent-Language: {language}\n" in found.content.decode().replace("\r\n", "\n")


def test_what_is_asked_for_narrows():
    """Agency, kind and rung together pick one mail out of hundreds."""
    wanted = Wanted(agency="so-y-te", kind="overdue", rung="overdue-3")

    found = proofs.of_plan(samples.worst_case(), wanted, SETTINGS)

    assert len(found) == 1
    assert "overdue-3" in found[0].slip.rungs
    assert found[0].slip.recipient == "so-y-te"


def test_a_rung_that_nobody_has_is_refused_with_those_there_are():
    """A mistyped word shows what could have been meant, not an empty page."""
    with pytest.raises(Refused, match="overdue-1"):
        proofs.of_plan(samples.worst_case(), Wanted(rung="overdue-99"), SETTINGS)


def test_a_mail_that_can_not_be_built_says_why():
    """An address that SMTP can't carry is found at the desk, not in the outbox."""
    found = proofs.of_plan(samples.hostile(), Wanted(), SETTINGS)

    faulty = [one for one in found if one.fault]
    assert faulty
    assert all(one.text and one.html and not one.content for one in faulty)
