"""Headers: of every mail, in both languages, each comes back as it went in."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest

from notifiers.mime.message import Sender, build
from notifiers.rendering import Mail, render
from tests.notifiers.brief_samples import BRIEFS
from tests.notifiers.mail_builder import addressed
from tests.notifiers.mail_samples import SAMPLES

MAILS: dict[str, Callable[[str], Mail]] = {**SAMPLES, **BRIEFS}
ADDRESS = "don-doc@sonoivu.example"


@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_header_of_every_mail_comes_back(name: str, language: str) -> None:
    """Both of Python's parsers read what was written; answers go to whom it comes from."""
    mail = MAILS[name](language)
    made = render(mail)
    sender = Sender(mail.sender.name, ADDRESS, reply_to=mail.sender.email)
    content = build(made, mail, sender=sender, addressees=addressed(mail.recipient))
    new, old = message_from_bytes(content, policy=policy.default), message_from_bytes(content)

    assert new["Subject"] == str(make_header(decode_header(old["Subject"]))) == made.subject
    for header, shown, address in (
        ("From", mail.sender.name, ADDRESS),
        ("To", mail.recipient.name, mail.recipient.email),
    ):
        name_read, address_read = parseaddr(" ".join(str(old[header]).splitlines()))
        assert (str(make_header(decode_header(name_read))), address_read) == (shown, address)
        assert [one.addr_spec for one in new[header].addresses] == [address]
    assert new["Reply-To"] == mail.sender.email
    assert new["Message-ID"] == mail.message_id
    assert new["References"] == new["In-Reply-To"] == mail.thread_id
    assert new["Content-Language"] == language
    assert new["X-Dondoc-Kind"] == mail.word
    assert new["X-Dondoc-Recipient"] == mail.recipient.id
    assert parsedate_to_datetime(new["Date"]) == mail.as_of
    assert not new.defects
