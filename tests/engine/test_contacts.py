"""Contacts: whoever can be reached is reached, each once, and the right one answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contacts import Addressee, Knowledge, Known, addressees, answers_to
from engine.plan import Agency, Contact, Role, Span, Substitute

DAY = date(2020, 5, 11)
NOW = Span(DAY - timedelta(days=1), DAY + timedelta(days=1), "nghỉ phép")
PAST = Span(DAY - timedelta(days=9), DAY - timedelta(days=1))
BOUNCED = Known(bounced=True)


def contact(
    name: str, role: Role = Role.FOCAL, *, away: Sequence[Span] = (), substitute: str = ""
) -> Contact:
    """Return a contact whose address is its name's, and that of its substitute."""
    instead = Substitute(substitute.upper(), f"{substitute}@x.example") if substitute else None
    return Contact(name.upper(), role, f"{name}@x.example", tuple(away), instead)


HEAD = contact("head", Role.HEAD)
COPY = contact("copy", Role.COPY)


def agency(*contacts: Contact, email: str | None = "box@x.example") -> Agency:
    """Return an agency."""
    return Agency("a", "Sở A", "department", email, contacts=contacts)


def knowing(**found: Known) -> dict[str, Known]:
    """Return what is known of addresses, named by what stands before their @."""
    return {f"{name}@x.example": known for name, known in found.items()}


def reached(
    one: Agency, *, day: date = DAY, with_head: bool = False, known: Knowledge | None = None
) -> list[str]:
    """Return whom mail goes to, copies in brackets, by what stands before the @."""
    found = addressees(one, day=day, with_head=with_head, known=known)
    names = [(each.address.partition("@")[0], each.is_copy) for each in found]
    return [f"({name})" if is_copy else name for name, is_copy in names]


# ── answers ──


@pytest.mark.parametrize(
    ("one", "known", "address"),
    [
        (agency(contact("an")), {}, "box@x.example"),
        (agency(contact("copy", Role.COPY), contact("an"), email=None), {}, "an@x.example"),
        (agency(contact("an")), knowing(box=BOUNCED), "an@x.example"),
        (agency(), knowing(box=Known(replaced_by="new@x.example")), "new@x.example"),
        (agency(), knowing(box=BOUNCED), ""),
    ],
    ids=["mailbox", "no-mailbox", "bounced", "replaced", "nobody"],
)
def test_answers_go_to_the_mailbox_else_to_who_is_to_answer(
    one: Agency, known: Knowledge, address: str
):
    """Never to an address that mail comes back from."""
    assert answers_to(one, day=DAY, known=known) == address


# ── roles ──


def test_without_contacts_mail_goes_to_the_mailbox():
    """As it always did."""
    assert addressees(agency(), day=DAY) == (Addressee("box@x.example", "Sở A", Role.MAILBOX),)


def test_the_focal_point_answers_and_the_mailbox_gets_a_copy():
    """Văn thư registers what comes in; copies only read."""
    assert reached(agency(COPY, HEAD, contact("focal"))) == ["focal", "(box)", "(copy)"]


def test_every_focal_point_is_asked():
    """Two who share the work."""
    assert reached(agency(contact("one"), contact("two"), email=None)) == ["one", "two"]


def test_the_head_is_added_from_its_rung_on():
    """To those who answer, not as a copy: it is their business now."""
    one = agency(HEAD, contact("focal"))
    assert reached(one, with_head=True) == ["focal", "head", "(box)"]


@pytest.mark.parametrize(
    ("one", "answering"),
    [
        (agency(HEAD, COPY), ["box", "(copy)"]),
        (agency(HEAD, COPY, email=None), ["head", "(copy)"]),
        (agency(COPY, email=None), ["copy"]),
        (agency(email=None), []),
    ],
)
def test_without_a_focal_point_the_next_best_answers(one: Agency, answering: list[str]):
    """The mailbox, else the head, else whoever reads it."""
    assert reached(one) == answering


def test_a_head_that_answers_already_is_named_once():
    """There is nobody else, and the rung asks for the head too."""
    assert reached(agency(HEAD, email=None), with_head=True) == ["head"]


def test_an_address_in_two_roles_is_written_to_once_in_the_first():
    """However its letters are written."""
    shared = Contact("A", Role.FOCAL, "Box@X.example")
    assert addressees(agency(shared, HEAD), day=DAY) == (
        Addressee("Box@X.example", "A", Role.FOCAL),
    )


# ── who is away ──


def test_a_substitute_gets_the_mail_of_who_is_away():
    """And it says in whose place."""
    (first, _) = addressees(agency(contact("focal", away=[NOW], substitute="sub")), day=DAY)
    assert first == Addressee("sub@x.example", "SUB", Role.FOCAL, instead_of="FOCAL")


@pytest.mark.parametrize(
    ("day", "answering"),
    [
        (NOW.first - timedelta(days=1), "focal"),
        (NOW.first, "sub"),
        (NOW.last, "sub"),
        (NOW.last + timedelta(days=1), "focal"),
    ],
)
def test_an_absence_holds_on_its_first_and_last_day(day: date, answering: str):
    """Both of them included."""
    one = agency(contact("focal", away=[PAST, NOW], substitute="sub"), email=None)
    found = "sub" if PAST.holds(day) else answering
    assert reached(one, day=day) == [found]


def test_who_is_away_without_a_substitute_leaves_it_to_the_next():
    """The other focal point, else the mailbox."""
    gone = contact("gone", away=[NOW])
    assert reached(agency(gone, contact("here"))) == ["here", "(box)"]
    assert reached(agency(gone)) == ["box"]


def test_where_everybody_is_away_the_focal_point_gets_it_all_the_same():
    """It is read after the holiday; sent nowhere it would never be."""
    one = agency(contact("focal", away=[NOW]), contact("head", Role.HEAD, away=[NOW]), email=None)
    assert reached(one) == ["focal"]
    assert reached(one, with_head=True) == ["focal"]


def test_a_substitute_that_is_away_itself_gets_nothing():
    """Two who stand in for each other and are both on holiday."""
    one = contact("one", away=[NOW], substitute="two")
    two = contact("two", away=[NOW], substitute="one")
    assert reached(agency(one, two)) == ["box"]


def test_an_absence_that_was_learnt_counts_as_one_that_was_written():
    """An automatic reply said until when, and who reads the mail meanwhile."""
    one = agency(contact("focal", substitute="sub"), email=None)
    assert reached(one, known=knowing(focal=Known(away=NOW))) == ["sub"]
    learnt = Known(away=NOW, substitute="other@x.example")
    assert reached(one, known=knowing(focal=learnt)) == ["other"]
    assert reached(one, known=knowing(focal=Known(away=PAST, substitute="o@x.example"))) == [
        "focal"
    ]


def test_a_substitute_whose_mail_comes_back_makes_room_for_the_next():
    """Whom the reply named bounced; the register names another."""
    one = agency(contact("focal", substitute="sub"), email=None)
    known = knowing(focal=Known(away=NOW, substitute="gone@x.example"), gone=BOUNCED)
    assert reached(one, known=known) == ["sub"]


# ── what comes back ──


def test_mail_that_comes_back_goes_to_the_next_contact():
    """Whoever is left in the role, else the substitute, else the mailbox, else the head."""
    known = knowing(focal=BOUNCED)
    focal, other = contact("focal"), contact("other")
    assert reached(agency(focal, other), known=known) == ["other", "(box)"]
    assert reached(agency(contact("focal", substitute="sub")), known=known) == ["sub", "(box)"]
    assert reached(agency(focal, HEAD), known=known) == ["box"]
    assert reached(agency(focal, HEAD, email=None), known=known) == ["head"]
    assert reached(agency(focal), known=known | knowing(box=BOUNCED)) == []


def test_what_is_known_of_an_address_counts_however_it_is_written():
    """Servers answer in small letters."""
    one = agency(Contact("A", Role.FOCAL, "Focal@X.example"))
    assert reached(one, known=knowing(focal=BOUNCED)) == ["box"]


def test_an_address_that_took_anothers_place_gets_its_mail():
    """Also if that one was replaced in its turn; the name stays, the role too."""
    known = knowing(
        focal=Known(bounced=True, replaced_by="new@x.example"),
        new=Known(replaced_by="newer@x.example"),
    )
    (first, _) = addressees(agency(contact("focal")), day=DAY, known=known)
    assert first == Addressee("newer@x.example", "FOCAL", Role.FOCAL)


def test_a_mailbox_that_was_replaced_is_not_written_to():
    """The agency moved."""
    known = knowing(box=Known(replaced_by="new@x.example"))
    assert reached(agency(), known=known) == ["new"]


@pytest.mark.parametrize(
    ("known", "answering"),
    [
        ({"box": Known(replaced_by="BOX@x.example")}, ["box"]),
        (
            {"box": Known(replaced_by="b@x.example"), "b": Known(replaced_by="Box@x.example")},
            ["box"],
        ),
        (
            {"box": Known(True, "b@x.example"), "b": Known(replaced_by="box@x.example")},
            ["b"],
        ),
        ({"box": Known(True, "b@x.example"), "b": Known(True, "box@x.example")}, []),
    ],
)
def test_addresses_that_replace_each_other_end_somewhere(
    known: dict[str, Known], answering: list[str]
):
    """A circle is somebody's mistake; mail goes to one of them that arrives."""
    assert reached(agency(), known=knowing(**known)) == answering


# ── laws ──

names = st.sampled_from(["p", "q", "r", "P", "box", "s"])
addresses = names.map(lambda name: f"{name}@x.example")
absences = st.lists(st.sampled_from([NOW, PAST]), max_size=2).map(tuple)
people = st.builds(
    Contact,
    name=st.text("AB", min_size=1, max_size=3),
    role=st.sampled_from([Role.FOCAL, Role.HEAD, Role.COPY]),
    email=addresses,
    away=absences,
    substitute=st.none() | st.builds(Substitute, name=st.just("S"), email=addresses),
)
agencies = st.builds(
    Agency,
    id=st.just("a"),
    name=st.just("A"),
    kind=st.just("department"),
    email=st.none() | addresses,
    contacts=st.lists(people, max_size=5).map(tuple),
)
facts = st.builds(
    Known,
    bounced=st.booleans(),
    replaced_by=st.just("") | addresses,
    away=st.none() | st.sampled_from([NOW, PAST]),
    substitute=st.just("") | addresses,
)
knowledge = st.dictionaries(addresses.map(str.lower), facts, max_size=5)
unreplaced = st.dictionaries(
    addresses.map(str.lower), facts.filter(lambda fact: not fact.replaced_by), max_size=5
)


@given(agencies, st.booleans(), knowledge)
def test_no_mail_goes_to_an_address_from_which_it_came_back(
    one: Agency, with_head: bool, known: Knowledge
):
    """Bounced is not reminded, whatever replaces or stands in for whom."""
    for each in addressees(one, day=DAY, with_head=with_head, known=known):
        assert not known.get(each.address.lower(), Known()).bounced


@given(agencies, st.booleans(), knowledge)
def test_nobody_gets_a_mail_twice(one: Agency, with_head: bool, known: Knowledge):
    """Each address once, and nobody is only a copy of nothing."""
    found = addressees(one, day=DAY, with_head=with_head, known=known)
    assert len({each.address.lower() for each in found}) == len(found)
    assert not found or not found[0].is_copy
    assert [each.is_copy for each in found] == sorted(each.is_copy for each in found)


@given(agencies, st.booleans(), unreplaced)
def test_whoever_can_be_reached_at_all_is_reached(one: Agency, with_head: bool, known: Knowledge):
    """A mail to nobody is an agency that is never told, and reported as late."""
    written = [one.email, *(each.email for each in one.contacts)]
    written += [each.substitute.email for each in one.contacts if each.substitute is not None]
    arrives = [
        address
        for address in written
        if address and not known.get(address.lower(), Known()).bounced
    ]
    found = addressees(one, day=DAY, with_head=with_head, known=known)
    assert bool(found) or not arrives


@given(agencies, knowledge)
def test_the_head_is_only_added(one: Agency, known: Knowledge):
    """From its rung on nobody else gets less."""
    without = {each.address.lower() for each in addressees(one, day=DAY, known=known)}
    with_head = addressees(one, day=DAY, with_head=True, known=known)
    assert without <= {each.address.lower() for each in with_head}


@given(agencies)
def test_who_is_here_answers_before_who_is_away(one: Agency):
    """Nobody on holiday is written to while a focal point or the mailbox is there."""
    here = [each for each in one.contacts if each.role is Role.FOCAL and NOW not in each.away]
    gone = {each.email.lower() for each in one.contacts if NOW in each.away}
    if here and not gone & {each.email.lower() for each in here}:
        found = [each for each in addressees(one, day=DAY) if each.role is not Role.MAILBOX]
        assert gone.isdisjoint(each.address.lower() for each in found)
