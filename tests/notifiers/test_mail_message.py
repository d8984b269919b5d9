"""Message: every header comes back as it went in, and nothing can be slipped into one."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest

from notifiers.digest import Digest
from notifiers.errors import BadAddress, BadHeader
from notifiers.mime.message import Sender, build
from notifiers.rendering import Rendered, render
from tests.notifiers import mail_builder as b
from tests.notifiers.mail_samples import SAMPLES

SENDER = Sender("Sở Nội vụ tỉnh Tuyên Quang", "don-doc@sonoivu.example", "vanthu@sonoivu.example")
SUBJECTS = [
    *(render(make("vi")).subject for make in SAMPLES.values()),
    "Nhắc",
    "plain ascii",
    " ".join(["plain ascii"] * 25),
    "hai  khoảng   trắng và Ủy ban nhân dân",
    'Có "dấu nháy", phẩy; và <b>HTML</b> & ký tự Đ đ ơ ư',
    "=?utf-8?q?giả_mạo?= vẫn là chữ",
    "=?utf-8?q?=0D=0ABcc:_a=40b.example?=",
    " ".join(["Ủy ban nhân dân tỉnh Tuyên Quang"] * 10),
    "ế" * 300,
]
NAMES = [
    *b.NAMES.values(),
    'Sở "Nội vụ", tỉnh',
    'Office, of "Quotes" \\ and <angles>',
    "Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh Tuyên Quang nhiệm kỳ 2016-2021",
    "A" * 90,
]
INJECTIONS = ["x\r\nBcc: a@b.example", "x\nBcc: a@b.example", "x\rBcc: a", "x\x00y", "x\u2028y"]


def sample() -> Digest:
    """A reminder."""
    return SAMPLES["remind"]("vi")


def built(subject: str = "Nhắc", digest: Digest | None = None, sender: Sender = SENDER) -> bytes:
    """A mail with `subject`."""
    mail = digest or sample()
    said = Rendered(subject, "Chữ\n", "<p>Chữ</p>\n")
    return build(said, mail, sender=sender, addressees=b.addressed(mail.recipient))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_comes_back_as_it_went_in(subject: str) -> None:
    """Both of Python's parsers read what was written, spaces and all."""
    content = built(subject)
    new = message_from_bytes(content, policy=policy.default)
    old = message_from_bytes(content)

    assert str(make_header(decode_header(old["Subject"]))) == subject
    assert new["Subject"] == subject
    assert new["Bcc"] is None
    assert old["Bcc"] is None


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_with_its_address(name: str) -> None:
    """Commas, quotes and letters of a name stay in the name."""
    digest = sample()
    recipient = replace(digest.recipient, name=name)
    content = built(digest=replace(digest, recipient=recipient), sender=replace(SENDER, name=name))
    new = message_from_bytes(content, policy=policy.default)
    old = message_from_bytes(content)

    for header, address in (("To", "vanthu@so-y-te.example"), ("From", SENDER.address)):
        [found] = new[header].addresses
        # Python 3.11's newer parser leaves the fold between two encoded words of a name in
        # (RFC 2047 §6.2 says to drop it); the letters and the address are what it can show.
        assert found.display_name.replace(" ", "") == name.replace(" ", "")
        assert found.addr_spec == address
        raw_name, raw_address = parseaddr(" ".join(str(old[header]).splitlines()))
        assert str(make_header(decode_header(raw_name))) == name
        assert raw_address == address


@pytest.mark.parametrize("bad", INJECTIONS)
def test_a_line_break_in_a_header_is_refused(bad: str) -> None:
    """Nobody is added to a mail through a subject, a name, a run or an address."""
    digest = sample()
    with pytest.raises(BadHeader):
        built(bad)
    with pytest.raises(BadHeader):
        built(sender=replace(SENDER, name=bad))
    with pytest.raises(BadHeader):
        built(digest=replace(digest, recipient=replace(digest.recipient, name=bad)))
    with pytest.raises(BadHeader):
        built(digest=replace(digest, run_id=bad))
    with pytest.raises(BadHeader):
        built(digest=replace(digest, message_id=bad))
    with pytest.raises(BadAddress):
        built(sender=replace(SENDER, reply_to=bad))


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "no-at",
        "a@b@c.example",
        "a@b.example\r\nBcc: x@y.example",
        "a@b.example\n",
        "a b@c.example",
        "<a@b.example>",
        "a@b.example, c@d.example",
        "a..b@c.example",
        f"{'a' * 250}@b.example",
    ],
)
def test_an_address_that_plain_smtp_cannot_carry_is_refused(address: str | None) -> None:
    """Better no mail than one that goes to somebody else."""
    digest = sample()
    with pytest.raises(BadAddress):
        built(digest=replace(digest, recipient=replace(digest.recipient, email=address)))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_bodies_come_back_as_they_were_rendered(name: str, language: str) -> None:
    """Text first, HTML second: a client shows the last that it can."""
    digest = SAMPLES[name](language)
    made = render(digest)
    whole = build(made, digest, sender=SENDER, addressees=b.addressed(digest.recipient))
    message = message_from_bytes(whole, policy=policy.default)

    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert message.get_content_type() == "multipart/alternative"
    assert kinds == ["text/plain", "text/html"]
    for kind, content in (("plain", made.text), ("html", made.html)):
        part = message.get_body((kind,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == content
    assert not message.defects


def test_the_headers_thread_name_and_mark_the_mail() -> None:
    """Automatic, in its thread, dated by the clock that was handed in."""
    digest = sample()
    message = message_from_bytes(built(), policy=policy.default)

    assert message["Message-ID"] == digest.message_id
    assert message["In-Reply-To"] == message["References"] == digest.thread_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "vi"
    assert message["Reply-To"] == SENDER.reply_to
    assert (message["X-Dondoc-Run"], message["X-Dondoc-Kind"]) == (b.RUN, "remind")
    assert message["X-Dondoc-Recipient"] == "so-y-te"
    assert parsedate_to_datetime(message["Date"]) == digest.send_at
    assert str(message["Date"]).endswith("+0700")


def test_the_same_digest_gives_the_same_bytes() -> None:
    """What is sent again after a crash is the same mail, to the byte."""
    assert built() == built()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_wire_form_keeps_its_limits(subject: str) -> None:
    """ASCII, CRLF only, no line over 998 characters, no encoded word over 75 (RFC 2047 §2)."""
    content = built(subject)

    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert max((len(word) for word in re.findall(rb"=\?[^ \r\n]+\?=", content)), default=0) <= 75
