"""Bounces: what a mail is that came back, told by what mail servers really write."""

from __future__ import annotations

from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.wire.bounces import LARGEST, Kind, Returned, Verdict, read

FOLDER = Path(__file__).parent / "returned"
OURS = "<one.a.nho@dondoc.example>"
REPORTS = {
    "postfix": (Verdict.GONE, "5.1.1"),
    "postfix-delayed": (Verdict.DELAYED, "4.4.1"),
    "exchange": (Verdict.GONE, "5.1.10"),
    "gmail": (Verdict.GONE, "5.1.1"),
    "exim": (Verdict.GONE, "5.1.1"),
    "sendmail": (Verdict.FAILED, "5.2.2"),
    "zimbra": (Verdict.GONE, "5.2.1"),
    "qmail": (Verdict.GONE, "5.1.1"),
}
STATUSES = {
    "5.1.0": Verdict.GONE,
    "5.1.2": Verdict.GONE,
    "5.1.3": Verdict.GONE,
    "5.1.5": Verdict.FAILED,
    "5.1.6": Verdict.GONE,
    "5.1.7": Verdict.FAILED,
    "5.1.8": Verdict.FAILED,
    "5.1.10": Verdict.GONE,
    "5.2.0": Verdict.FAILED,
    "5.2.1": Verdict.GONE,
    "5.2.2": Verdict.FAILED,
    "5.2.3": Verdict.FAILED,
    "5.3.4": Verdict.FAILED,
    "5.4.4": Verdict.GONE,
    "5.4.6": Verdict.FAILED,
    "5.5.0": Verdict.FAILED,
    "5.6.1": Verdict.FAILED,
    "5.7.1": Verdict.FAILED,
    "4.1.1": Verdict.FAILED,
    "4.4.7": Verdict.FAILED,
    "15.1.1": Verdict.FAILED,
}


def content(name: str) -> bytes:
    """Return a mail of the folder."""
    return (FOLDER / f"{name}.eml").read_bytes()


def report(status: str = "5.1.1", action: str = "failed", said: str = "550 no") -> Returned:
    """Return what Postfix's report comes to with other fields."""
    changed = content("postfix").replace(b"Status: 5.1.1", f"Status: {status}".encode())
    changed = changed.replace(b"Action: failed", f"Action: {action}".encode())
    before, _, rest = changed.partition(b"Diagnostic-Code: smtp; ")
    return read(before + f"Diagnostic-Code: smtp; {said}\n\n".encode() + rest.partition(b"\n\n")[2])


@pytest.mark.parametrize("name", REPORTS)
def test_what_a_mail_server_reports_is_read(name: str):
    """Whichever server an office has: which address, what became of it, which mail of ours."""
    found = read(content(name))

    (one,) = found.reports
    assert (found.kind, found.about) == (Kind.REPORT, (OURS,))
    assert one.addresses[0] == "a@nho.example"
    assert (one.verdict, one.status) == REPORTS[name]
    assert one.diagnostic
    assert "\n" not in one.diagnostic


def test_a_mailbox_behind_an_alias_is_known_by_both_names():
    """We wrote to the alias; the report is about where it led to."""
    (one,) = read(content("sendmail")).reports

    assert one.addresses == ("a@nho.example", "a.nguyen@local.nho.example")


def test_an_address_that_is_not_ascii_is_read():
    """RFC 6533: in `utf-8;`, escaped or not."""
    found = read(content("utf8"))

    (one,) = found.reports
    assert (found.kind, found.about) == (Kind.REPORT, (OURS,))
    assert one.addresses == ("sởan@nho.example",)
    assert (one.verdict, one.diagnostic) == (Verdict.GONE, "550 5.1.1 không có hộp thư")


def test_vietnamese_in_a_plain_report_is_read():
    """It ought to be ASCII, yet some servers write UTF-8; people read what it says."""
    (one,) = report(said="550 5.1.1 không có hộp thư").reports

    assert one.diagnostic == "550 5.1.1 không có hộp thư"


@pytest.mark.parametrize("status", STATUSES)
def test_only_some_statuses_say_that_an_address_is_gone(status: str):
    """RFC 3463: nobody's address is given up for a full mailbox or somebody's spam filter."""
    (one,) = report(status).reports

    assert one.verdict is STATUSES[status]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_no_bounce(action: str):
    """Whoever asks for such a report gets them too."""
    (one,) = report("2.0.0", action).reports

    assert one.verdict is Verdict.ARRIVED


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("550 User unknown", Verdict.GONE),
        ("550 5.7.1 blocked by policy", Verdict.FAILED),
        ("552 Mailbox is full, user unknown to have read it", Verdict.FAILED),
        ("550 5.1.1 no such user", Verdict.GONE),
        ("550 refused", Verdict.FAILED),
    ],
)
def test_a_bare_status_gives_way_to_what_the_server_said(said: str, verdict: Verdict):
    """Old servers say 5.0.0 for everything, and the truth in words."""
    (one,) = report("5.0.0", said=said).reports

    assert one.verdict is verdict


def test_an_address_with_a_plus_is_known_as_written_and_decoded():
    """RFC 3461's xtext turns `+2B` into a plus; not every server has encoded it."""
    changed = content("postfix").replace(b"rfc822;a@nho", b"rfc822;a+2Bb@nho")

    (one,) = read(changed).reports

    assert one.addresses == ("a+2bb@nho.example", "a+b@nho.example", "a@nho.example")


@pytest.mark.parametrize("name", ["absent-exchange", "absent-zimbra", "absent-old"])
def test_an_automatic_reply_is_neither_answer_nor_bounce(name: str):
    """Who is away has answered nothing, and is reached all the same."""
    found = read(content(name))

    assert (found.kind, found.reports, found.sender) == (Kind.AUTO_REPLY, (), "a@nho.example")
    assert found.about[0] == OURS


def test_an_officials_answer_is_a_persons_to_read():
    """Though it speaks of absence, and quotes what a mail server said."""
    assert read(content("answer")).kind is Kind.LETTER


def test_a_report_that_somebody_forwards_is_a_letter():
    """It is about another's mail, or asks a question."""
    assert read(content("forwarded")).kind is Kind.LETTER


@pytest.mark.parametrize(
    "header",
    ["X-Autoreply: yes", "Precedence: auto_reply", "Auto-Submitted: auto-replied (vacation)"],
)
def test_programs_that_are_older_than_the_rfc_say_it_their_way(header: str):
    """One header is enough."""
    mail = header.encode() + b"\nFrom: a@nho.example\n\nx"

    assert read(mail).kind is Kind.AUTO_REPLY


def test_a_notice_of_a_system_is_left_alone():
    """`auto-generated` answers nobody (RFC 3834): a register of documents may write so."""
    mail = "Auto-Submitted: auto-generated\nFrom: qlvb@nho.example\nSubject: Công văn đến\n\nx"

    assert read(mail.encode()).kind is Kind.LETTER


def test_the_same_mail_has_the_same_key_and_one_without_an_id_has_one_too():
    """What is read twice counts once."""
    named, bare = content("postfix"), content("postfix").replace(b"Message-Id:", b"X-Nothing:")

    assert read(named).key == "<20200511010009.4B1F52C00A1@mail.nho.example>"
    assert read(bare).key == read(bare).key != read(bare + b"x").key


def test_the_report_of_a_huge_mail_is_read_all_the_same():
    """It stands before the mail that it returns, of which only the beginning is looked at."""
    huge = content("postfix").replace(b"S8Otbmgg", b"S8Otbmgg" * 1_300_000)

    found = read(huge)

    assert len(huge) > 10_000_000 > LARGEST
    assert (found.kind, found.about) == (Kind.REPORT, (OURS,))


HOSTILE = {
    "multiparts in multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(6000)
    ),
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 9000,
    "parameters": b"Content-Type: multipart/report; " + b';"' * 130_000 + b"\n\nx",
    "blank lines": b"From: MAILER-DAEMON@x.example\n\n" + b"\n" * LARGEST,
    "a line of addresses": b"From: MAILER-DAEMON@x.example\n\n  " + b"a@" * 130_000,
    "a charset that is none": b"Content-Type: text/plain; charset=\xff\xfe\n\n\xff",
    "a header that is none": b"Subject: =?nonsense?b?!!!?=\nMessage-ID: <" + b"a" * 9000 + b">\n\n",
    "nothing": b"",
    "bytes": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(20)
def test_a_hostile_mail_is_a_letter_and_takes_no_time(name: str):
    """Whoever knows the address can write to it."""
    assert read(HOSTILE[name]).kind is Kind.LETTER


PIECES = [line for path in sorted(FOLDER.glob("*.eml")) for line in path.read_bytes().split(b"\n")]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40)), max_size=60))
def test_whatever_is_written_is_read_without_an_error(lines: list[bytes]):
    """Lines of real reports in any order, with any bytes between them."""
    found = read(b"\n".join(lines))

    assert found.key
    assert all(one.addresses and one.addresses[0] for one in found.reports)
    assert (found.kind is Kind.REPORT) == bool(found.reports)
    written = [name for one in found.reports for name in one.addresses]
    assert all(name.isprintable() and name == name.lower() for name in written)


@given(st.data())
def test_a_report_that_is_cut_or_damaged_is_read_without_an_error(data: st.DataObject):
    """A byte changed, the end lost: it says what it still says, or is a letter."""
    whole = content(data.draw(st.sampled_from(sorted(REPORTS))))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + 1 :]
    cut = data.draw(st.integers(0, len(damaged)))

    found = read(damaged[:cut])

    assert found.kind in Kind
    assert all(one.verdict in Verdict for one in found.reports)


def test_a_plain_letter_is_a_letter():
    """Most of what comes is one."""
    mail = MIMEText("Kính gửi: Sở Nội vụ", "plain", "utf-8")
    mail["From"] = "a@nho.example"

    assert read(mail.as_bytes()).kind is Kind.LETTER
