"""Written: letters that hide, and that not every database keeps, go no further than the service."""

from __future__ import annotations

import pytest

from services import briefing, chasing, recording, runs
from services.errors import Refused
from services.mail import addressing, mailroom
from services.recording import Source
from services.wiring import Parts
from services.written import line, passage
from storage import ledger
from tests.services import written as w
from tests.services.office import outbox_of, start

HIDDEN = ["\0", "\udcff", "\x1b", "\u202e"]


@pytest.mark.parametrize("sign", HIDDEN, ids=ascii)
def test_a_name_with_a_hidden_letter_is_refused_or_kept_without_it(small: Parts, sign: str):
    """PostgreSQL refuses NUL with an error of its driver; SQLite keeps it, and nobody sees it."""
    by, why = f"văn{sign} thư", f"một{sign}\nhai"
    chasing.issue_notices(small, w.LATE)
    with pytest.raises(Refused, match="Không có đợt thực hiện nho"):
        runs.find(small, f"nho{sign}")
    with pytest.raises(Refused) as refused:
        start_named(small, f"nho{sign}2", by)
    with pytest.raises(Refused, match="Không có nghĩa vụ"):
        recording.submit(small, "nho", f"{w.REPORT_A}{sign}", Source(by), now=w.LATE)
    with pytest.raises(Refused):
        recording.announce(small, f"government{sign}", Source(by), now=w.LATE)

    start_named(small, "nho-2", by)
    recording.waive(small, "nho", w.REPORT_B, Source(by), why=why, now=w.LATE)
    briefing.send(small, "nho", now=w.LATE, by=by)
    mailroom.cancel(small, outbox_of(small)[0].id, by=by, why=why, now=w.LATE)
    noted = addressing.take_place(small, "a@x.example", "b@x.example", now=w.LATE, by=by)

    assert refused.value.key == "refused.bad-run-name"
    assert noted.noted_by == "văn thư"
    with small.database.reading() as connection:
        kept = [one for run in ("nho", "nho-2") for one in ledger.entries(connection, run)]
    assert not [one for one in kept if sign in one.by or sign in str(one.data)]


def start_named(parts: Parts, run: str, by: str) -> None:
    """Start the small plan under a name."""
    runs.start(parts, w.bundle(), now=w.START, by=by, run=run)


def test_what_is_too_long_is_refused(parts: Parts):
    """A whole letter pasted into the field of a name is a mistake."""
    start(parts)
    with pytest.raises(Refused, match="200"):
        line("x" * 201)
    with pytest.raises(Refused, match=r"4[.]?000"):
        passage("x" * 4001)
    assert passage("một\r\nhai") == "một\nhai"
