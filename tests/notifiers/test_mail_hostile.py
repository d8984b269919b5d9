"""Hostile: whatever a name, a subject or a file is called, it comes back, and nothing else does."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.charset import Charset
from email.header import Header, decode_header, make_header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import getaddresses
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.contacts import Addressee
from engine.plan import Role
from notifiers.errors import BadAddress, BadHeader
from notifiers.mime.attachment import Attachment
from notifiers.mime.headers import filename_on_disk
from notifiers.mime.message import Sender, build
from notifiers.rendering import Rendered, render
from tests.notifiers.mail_samples import SAMPLES

SENDER = Sender("Sở Nội vụ tỉnh Tuyên Quang", "don-doc@sonoivu.example", "vanthu@sonoivu.example")
MAIL = SAMPLES["remind"]("vi")
HEADERS = [
    "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "Auto-Submitted", "Content-Language", "X-Dondoc-Run", "X-Dondoc-Kind", "X-Dondoc-Recipient",
    "MIME-Version", "Content-Type",
]  # fmt: skip
HOSTILE = (
    "=?utf-8?q?=0D=0ABcc:_a=40b.example?=",
    "=?utf-8?b?DQpCY2M6IGFAYi5leGFtcGxl?= <a@b.example>",
    'Sở "Nội vụ", tỉnh; <c@d.example>',
    "<script>alert(1)</script>&nbsp;",
    "ế" * 300,
    "A" * 300,
    "A " * 150,
    "  hai  khoảng  ",
    "👩‍👩‍👧‍👦" * 20,
    "Ủy ban nhân dân tỉnh Tuyên Quang, " * 9,
    "e\u0302\u0301" * 60,
    "\\",
    '"',
    "a(b)c",
    "x@y.example",
    "=?",
    "?=",
)
# Controls are refused, which is a test of its own; halves of characters are no text.
WRITTEN = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=300)
VIETNAMESE = st.text("aăâbcdđeêghiklmnoôơpqrstuưvxy ÁẶẤẾỆỐỢỨỰỹ,;:\"'()<>@.=?_-/\\👍", max_size=300)
ANY = st.one_of(WRITTEN, VIETNAMESE, st.sampled_from(HOSTILE))


def to(*names: str, copies: Sequence[str] = ()) -> list[Addressee]:
    """Addressees of these names, at addresses of their own."""
    every = [(name, False) for name in names] + [(name, True) for name in copies]
    return [
        Addressee(f"n{number}@so-y-te.example", name, Role.FOCAL, is_copy=is_copy)
        for number, (name, is_copy) in enumerate(every)
    ]


def built(
    subject: str = "Nhắc",
    addressees: Sequence[Addressee] | None = None,
    attachments: Sequence[Attachment] = (),
    sender: Sender = SENDER,
) -> bytes:
    """A mail; of its parts only those that a test is about need telling."""
    said = Rendered(subject, "Chữ\n", "<p>Chữ</p>\n")
    reached = to("Sở Y tế") if addressees is None else addressees
    return build(said, MAIL, sender=sender, addressees=reached, attachments=attachments)


def both_parsers(content: bytes) -> tuple[EmailMessage, Message]:
    """The mail as the newer and as the older classes of the standard library read it."""
    new = message_from_bytes(content, policy=policy.default)
    return new, message_from_bytes(content)


def read_old(value: Any) -> str:
    """A field's text by the older parser."""
    return str(make_header(decode_header(" ".join(str(value).splitlines()))))


def addresses_old(message: Message, field: str) -> list[tuple[str, str]]:
    """A field's mailboxes by the older parser: taken apart first, decoded then."""
    raw = " ".join(str(message[field]).splitlines())
    return [(str(make_header(decode_header(name))), found) for name, found in getaddresses([raw])]


def check_the_wire(content: bytes) -> None:
    """Nothing but what RFC 5322 and RFC 2047 let stand on a line, and no header of others."""
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    head = content.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        assert len(line) <= (76 if b"=?" in line else 998)
        assert line.strip()
    assert max((len(word) for word in re.findall(rb"=\?[^ \r\n]+\?=", head)), default=0) <= 75
    assert [name for name in both_parsers(content)[1] if name not in HEADERS] == []


# ── Headers ──


@given(ANY)
@example(HOSTILE[0])
def test_any_subject_comes_back(subject: str):
    """To the letter and the space, by either parser of Python 3.11."""
    content = built(subject)
    new, old = both_parsers(content)

    assert read_old(old["Subject"]) == subject
    assert new["Subject"] == subject
    check_the_wire(content)


@given(st.lists(ANY, min_size=1, max_size=4), st.lists(ANY, max_size=4))
def test_any_names_come_back_each_with_its_address(names: list[str], copies: list[str]):
    """Who is to answer in To, who gets a copy in Cc, in their order, whatever they are called."""
    everybody = to(*names, copies=copies)
    content = built(addressees=everybody, sender=replace(SENDER, name=names[0]))
    new, old = both_parsers(content)

    for field, is_copy in (("To", False), ("Cc", True)):
        wanted = [(one.name, one.address) for one in everybody if one.is_copy is is_copy]
        assert (field in old) == bool(wanted)
        if not wanted:
            continue
        assert addresses_old(old, field) == wanted
        assert [found.addr_spec for found in new[field].addresses] == [one[1] for one in wanted]
        for found, (name, _) in zip(new[field].addresses, wanted, strict=True):
            # Python 3.11's newer parser leaves the fold between two encoded words of a name in
            # as a space (RFC 2047 §6.2 says to drop it), and takes spaces in a row for one.
            assert found.display_name.replace(" ", "") == name.replace(" ", "")
            if len(name.encode()) <= 36 and "  " not in name:
                assert found.display_name == name
    assert addresses_old(old, "From") == [(names[0], SENDER.address)]
    assert old["Bcc"] is None
    check_the_wire(content)


def test_a_long_name_is_folded_between_its_words():
    """A reader who leaves the fold in shows a wide space, and not a word torn in two."""
    name = "Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh Tuyên Quang"
    new, _ = both_parsers(built(addressees=to(name)))

    [found] = new["To"].addresses
    assert found.display_name.split() == name.split()


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u2029"])
def test_a_line_break_is_refused_wherever_it_stands(sign: str):
    """In To, in Cc, in the subject, in a file's name or type: no mail rather than another's."""
    bad = f"x{sign}Bcc: a@b.example"
    report = Attachment("a.pdf", "application/pdf", b"")
    for broken in (
        {"subject": bad},
        {"addressees": to(bad)},
        {"addressees": to("x", copies=[bad])},
        {"attachments": [replace(report, filename=bad)]},
        {"attachments": [replace(report, content_type=f"application/pdf{sign}X: y")]},
        {"sender": replace(SENDER, name=bad)},
    ):
        with pytest.raises(BadHeader):
            built(**cast(dict[str, Any], broken))
    for reached in (replace(to("x")[0], address=f"a@b.example{sign}Bcc: c@d.example"),):
        with pytest.raises(BadAddress):
            built(addressees=[reached])


def test_half_a_character_is_refused():
    """It is no text; no server could be told it."""
    with pytest.raises(BadHeader):
        built("x \ud83d y")


def test_a_mail_to_nobody_is_not_made():
    """An agency none of whose addresses can be reached is a matter for a person."""
    with pytest.raises(BadAddress):
        built(addressees=[])


def test_a_domain_with_marks_stands_in_its_plain_form():
    """Every server and every reader knows it by that name (RFC 5891)."""
    address = Addressee("van-thu@tuyênquang.example", "Văn thư", Role.FOCAL)
    _, old = both_parsers(built(addressees=[address]))

    assert addresses_old(old, "To") == [("Văn thư", "van-thu@xn--tuynquang-n4a.example")]


def test_an_address_that_no_plain_header_can_hold_is_named_and_keeps_the_mail_plain():
    """The others still see who got it, and their server need not speak SMTPUTF8 (RFC 6857)."""
    addresses = [
        Addressee("văn-thư@b.example", "Văn thư", Role.FOCAL),
        Addressee("a@b.example", "Sở A", Role.FOCAL),
    ]
    content = built(addressees=addresses)
    new, old = both_parsers(content)

    first, second = new["To"].groups
    assert (first.display_name, first.addresses) == ("Văn thư văn-thư@b.example", ())
    assert [found.addr_spec for found in second.addresses] == ["a@b.example"]
    assert ("Sở A", "a@b.example") in addresses_old(old, "To")
    check_the_wire(content)


# ── Attachments ──


@given(ANY.filter(bool), st.binary(max_size=300))
@example("Công văn đôn đốc số   -SNV.docx", b"\x00")
@example("Công văn " * 30 + ".docx", b"")
@example("../../etc/passwd", b"x")
@example("utf-8''x.docx", b"x")
@example("it's 100%.docx", b"x")
@example('""', b"")
@example("<Công văn>.docx", b"")
def test_any_file_comes_back_under_its_name(filename: str, content: bytes):
    """Letters are called in Vietnamese (RFC 2231); text and HTML stay what a reader shows."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    mail = built(attachments=[Attachment(filename, kind, content)])
    new, old = both_parsers(mail)

    assert new.get_content_type() == "multipart/mixed"
    [found] = new.iter_attachments()
    kept = filename_on_disk(filename).strip()  # either parser strips it
    assert not set(kept) & set('<>:"/\\|?*')
    assert found.get_filename() == kept
    assert found.get_content_type() == kind
    assert found.get_content() == content
    shown = new.get_body()
    assert shown is not None
    assert shown.get_content_type() == "text/html"
    parts = [part for part in old.walk() if part.get_content_disposition() == "attachment"]
    assert [part.get_filename() for part in parts] == [kept]
    assert parts[0].get_payload(decode=True) == content
    assert max(map(len, mail.split(b"\r\n"))) <= 100
    assert not [defect for part in new.walk() for defect in part.defects]
    check_the_wire(mail)


def test_several_files_keep_their_order():
    """The letter first, then its table."""
    files = [Attachment(f"{n}.pdf", "application/pdf", bytes([n])) for n in range(3)]
    new, _ = both_parsers(built(attachments=files))

    assert [part.get_filename() for part in new.iter_attachments()] == ["0.pdf", "1.pdf", "2.pdf"]


# ── The same as by the long way ──


def the_long_way(made: Rendered, addressees: Sequence[Addressee]) -> Message:
    """The mail as the standard library's older classes put it together."""
    charset = Charset("utf-8")

    def mailboxes(name: str, found: Sequence[tuple[str, str]]) -> Header:
        header = Header(header_name=name)
        for number, (display, address) in enumerate(found):
            header.append(("," if number else "") and ",", charset="us-ascii")
            header.append(display, charset=charset)
            header.append(f"<{address}>", charset="us-ascii")
        return header

    message = MIMEMultipart("alternative")
    for name, value in (
        ("From", mailboxes("From", [(SENDER.name, SENDER.address)])),
        ("To", mailboxes("To", [(a.name, a.address) for a in addressees if not a.is_copy])),
        ("Cc", mailboxes("Cc", [(a.name, a.address) for a in addressees if a.is_copy])),
        ("Reply-To", SENDER.reply_to),
        ("Subject", Header(made.subject, charset=charset, header_name="Subject")),
        ("Message-ID", MAIL.message_id),
        ("In-Reply-To", MAIL.thread_id),
        ("References", MAIL.thread_id),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "vi"),
        ("X-Dondoc-Run", MAIL.run_id),
        ("X-Dondoc-Kind", "remind"),
        ("X-Dondoc-Recipient", "so-y-te"),
    ):
        cast(Any, message)[name] = value
    for content, subtype in ((made.text, "plain"), (made.html, "html")):
        message.attach(MIMEText(content.replace("\n", "\r\n"), subtype, "utf-8"))
    wire = compat32.clone(linesep="\r\n", max_line_length=76)
    return message_from_bytes(message.as_bytes(policy=wire))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_mail_reads_as_if_the_standard_library_had_made_it(name: str):
    """Put together as bytes because that is fast; nothing of it may differ to a reader."""
    made = render(SAMPLES[name]("vi"))
    everybody = to("Sở Y tế", "Nguyễn Văn An", copies=["Sở Tư pháp", "Lãnh đạo"])
    ours = message_from_bytes(build(made, MAIL, sender=SENDER, addressees=everybody))
    theirs = the_long_way(made, everybody)

    for field in HEADERS:
        if field in ("From", "To", "Cc"):
            assert addresses_old(ours, field) == addresses_old(theirs, field)
        elif field not in ("Date", "Content-Type"):
            assert read_old(ours[field]) == read_old(theirs[field])
    mine, others = list(ours.walk()), list(theirs.walk())
    assert [part.get_content_type() for part in mine] == [
        part.get_content_type() for part in others
    ]
    for part, other in zip(mine[1:], others[1:], strict=True):
        assert part.get_payload(decode=True) == other.get_payload(decode=True)
        assert part.get_content_charset() == other.get_content_charset() == "utf-8"


def test_a_mail_is_made_in_less_time_than_its_rendering():
    """12 kB of text and 30 kB of HTML: at most 0.3 ms of the processor, the quickest of many."""
    line = "Sở Y tế: Báo cáo tổng kết cải cách hành chính, chậm 3 ngày làm việc.\n"
    made = Rendered(
        "[37/KH-UBND] Quá hạn: Báo cáo tổng kết", line * (12_000 // 90), line * (30_000 // 90)
    )
    everybody = to("Sở Y tế", copies=["Sở Tư pháp"])

    def once() -> float:
        began = time.process_time_ns()
        build(made, MAIL, sender=SENDER, addressees=everybody)
        return (time.process_time_ns() - began) / 1e6

    assert min(once() for _ in range(200)) < 0.3
