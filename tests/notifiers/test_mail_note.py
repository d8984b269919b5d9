"""Note: a short mail comes back as it was written, and nothing can be slipped into it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header

import pytest

from notifiers.errors import BadAddress, BadHeader
from notifiers.mime.message import Sender
from notifiers.mime.note import Note, envelope

SENDER = Sender("Đôn Đốc", "dondoc@tuyenquang.example")
NOTE = Note(
    to="truc.ban@tuyenquang.example",
    subject="Đôn Đốc báo động: thư không gửi được",
    text="Không gửi được 2 thư của đợt kh37-2020.\n\nTrang báo động: http://127.0.0.1/\n",
    message_id="<alarm.1@tuyenquang.example>",
    at=datetime.fromisoformat("2020-05-11T08:00:00+07:00"),
    language="vi",
)


def test_a_note_comes_back_as_it_was_written():
    """Spaces, marks and line ends, whatever encoding they travel in."""
    made = envelope(NOTE, sender=SENDER)
    read = message_from_bytes(made.content)
    body = read.get_payload(decode=True)

    assert (made.sender, made.recipients) == (SENDER.address, (NOTE.to,))
    assert str(make_header(decode_header(read["Subject"]))) == NOTE.subject
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n") == NOTE.text
    assert read["Date"] == "Mon, 11 May 2020 08:00:00 +0700"
    assert read["Auto-Submitted"] == "auto-generated"
    assert b"\n" not in made.content.replace(b"\r\n", b"")


@pytest.mark.parametrize("to", ["", "truc ban@x.example", "a@b.example\r\nBcc: c@d.example"])
def test_an_address_that_plain_smtp_cannot_carry_is_refused(to: str):
    """The setting is typed by hand."""
    with pytest.raises(BadAddress):
        envelope(replace(NOTE, to=to), sender=SENDER)


def test_a_subject_slips_no_header_in():
    """It may hold what another program sent."""
    with pytest.raises(BadHeader):
        envelope(replace(NOTE, subject="x\r\nBcc: a@b.example"), sender=SENDER)
