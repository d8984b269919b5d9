"""Judging: what a server's answers come to, for a message and for each of its addresses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.contacts import Addressee
from engine.plan import Role
from notifiers.wire.channel import Outcome, Refused, Sent, TryLater, Unknown
from services.mail.judging import WAITS, Verdict, judge
from storage.outbox import Message, Status
from storage.recipients import SETTLED, Fate, Recipient

NOW = datetime(2020, 5, 11, 1, 0, tzinfo=UTC)
FOCAL = Addressee("an@nho.example", "Nguyễn Văn An", Role.FOCAL)
HEAD = Addressee("binh@nho.example", "Lê Thị Bình", Role.HEAD)
COPY = Addressee("luu@nho.example", "Văn thư", Role.COPY, is_copy=True)
UNKNOWN = Refused("550 5.1.1 no such user", of_address=True, of_mailbox=True)


def message(tries: int = 1, sent_at: datetime | None = None) -> Message:
    """Return a claimed message."""
    return Message(
        id=7,
        run="nho",
        recipient="a",
        slot=NOW,
        part=1,
        send_at=NOW,
        kind="overdue",
        message_id="<x@dondoc.example>",
        subject="",
        status=Status.SENDING,
        tries=tries,
        next_try_at=NOW,
        sent_at=sent_at,
        error="",
    )


def judged(*pairs: tuple[Addressee, Outcome], before: tuple[Recipient, ...] = ()) -> Verdict:
    """Judge the answers of one try."""
    outcomes = {addressee.address: outcome for addressee, outcome in pairs}
    return judge(message(), [one for one, _ in pairs], before, outcomes, now=NOW)


def test_taken_by_everybody_it_is_sent():
    """The plain case."""
    found = judged((FOCAL, Sent("250 ok")), (COPY, Sent("250 ok")))

    assert (found.status, found.reaches, found.next_try_at) == (Status.SENT, True, None)
    assert [(one.address, one.fate) for one in found.recipients] == [
        ("an@nho.example", Fate.SENT),
        ("luu@nho.example", Fate.SENT),
    ]


def test_what_one_may_still_take_is_tried_again_though_the_agency_has_it():
    """The rung counts from the first who is to answer; the copy follows."""
    found = judged((FOCAL, Sent("250 ok")), (COPY, TryLater("451 busy")))

    assert (found.status, found.detail, found.reaches) == (Status.LATER, "451 busy", True)
    assert found.next_try_at == NOW + WAITS[0]


def test_a_copy_alone_reaches_nobody():
    """Who only reads does not answer."""
    found = judged((FOCAL, Refused("554 5.7.1 policy")), (COPY, Sent("250 ok")))

    assert (found.status, found.reaches) == (Status.UNDELIVERABLE, False)
    assert found.detail == "554 5.7.1 policy"


def test_where_the_head_has_it_the_agency_has_it():
    """One of those who are to answer is enough; the dead address is known from now on."""
    found = judged((FOCAL, UNKNOWN), (HEAD, Sent("250 ok")))

    assert (found.status, found.reaches) == (Status.SENT, True)
    assert found.unknown == (("an@nho.example", "550 5.1.1 no such user"),)


def test_where_no_address_is_there_another_is_tried_at_once():
    """The next look finds the next contact, since these are marked."""
    found = judged((FOCAL, UNKNOWN), (COPY, Sent("250 ok")))

    assert (found.status, found.next_try_at) == (Status.LATER, NOW)


def test_what_is_refused_for_what_it_says_goes_to_a_person():
    """Another address would refuse it too."""
    found = judged((FOCAL, Refused("554 spam")))

    assert (found.status, found.next_try_at, found.unknown) == (Status.UNDELIVERABLE, None, ())


def test_what_nobody_knows_the_fate_of_is_uncertain():
    """Graver than later: it may be there twice."""
    found = judged((FOCAL, Unknown("cut off")), (COPY, TryLater("451")))

    assert (found.status, found.detail) == (Status.UNCERTAIN, "cut off")


def test_the_waits_grow_and_stay_at_the_longest():
    """RFC 5321 §4.5.4.1 asks for at least half an hour, but for the first tries."""
    waits = []
    for tries in range(1, 7):
        outcomes: dict[str, Outcome] = {FOCAL.address: TryLater("451")}
        found = judge(message(tries), [FOCAL], (), outcomes, now=NOW)
        assert found.next_try_at is not None
        waits.append(found.next_try_at - NOW)

    assert waits == [*WAITS, WAITS[-1], WAITS[-1]]
    assert waits[1] >= timedelta(minutes=30)


def test_a_second_try_that_reaches_the_rest_does_not_reach_the_agency_anew():
    """It is in the ledger once that it was told."""
    before = Recipient(7, FOCAL.address, FOCAL.name, "focal", is_copy=False, fate=Fate.SENT)
    outcomes: dict[str, Outcome] = {COPY.address: Sent("250")}

    found = judge(message(2, sent_at=NOW), [FOCAL, COPY], [before], outcomes, now=NOW)

    assert (found.status, found.reaches) == (Status.SENT, False)
    assert {one.fate for one in found.recipients} == {Fate.SENT}


OUTCOMES = st.sampled_from(
    [Sent("250"), UNKNOWN, Refused("554"), TryLater("451"), TryLater("x", of_relay=True)]
)


@given(st.lists(st.tuples(st.sampled_from([FOCAL, HEAD, COPY]), OUTCOMES), min_size=1, max_size=3))
def test_a_message_rests_only_where_every_address_is_settled(
    answers: list[tuple[Addressee, Outcome]],
):
    """Nothing is lost: as long as an address may take it, or another may be found, it is tried."""
    pairs = tuple({one.address: (one, outcome) for one, outcome in answers}.values())
    found = judged(*pairs)

    is_open = any(one.fate not in SETTLED for one in found.recipients)
    if is_open:
        assert found.status is Status.LATER
    assert (found.next_try_at is None) == (found.status in (Status.SENT, Status.UNDELIVERABLE))
    if found.status is Status.SENT:
        assert any(isinstance(o, Sent) and not a.is_copy for a, o in pairs)
