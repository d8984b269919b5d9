"""Contacts: who gets an agency's mail, as a register writes it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.plan import Contact, Span, Substitute
from plan_definitions.reading.validation import Findings
from plan_definitions.reading.yaml_source import Document, Path
from plan_definitions.schema import ContactForm
from plan_definitions.spans import check_span


def contacts_of(forms: Sequence[ContactForm]) -> tuple[Contact, ...]:
    """Return the contacts that faultless forms state."""
    return tuple(
        Contact(
            name=form.name,
            role=form.role,
            email=form.email or "",
            away=tuple(Span(span.first, span.last, span.why) for span in form.away),
            substitute=_substitute(form),
        )
        for form in forms
    )


def _substitute(form: ContactForm) -> Substitute | None:
    instead = form.substitute
    return None if instead is None else Substitute(instead.name, instead.email or "")


def check_contacts(
    forms: Sequence[ContactForm], document: Document, findings: Findings, *agency: str
) -> None:
    """Note every fault in the contacts of an agency, which stands at the path `agency`."""
    first: dict[str, int] = {}  # by address: the contact that has it first
    for number, form in enumerate(forms):
        at: Path = (*agency, "contacts", number)
        address = (form.email or "").lower()
        before = first.setdefault(address, number)
        if address and before != number:
            line, _ = document.mark((*agency, "contacts", before, "email"))
            place: Path = (*at, "email")
            findings.add(document, "address-twice", *place, address=form.email, line=line)
        instead = form.substitute
        if address and instead is not None and (instead.email or "").lower() == address:
            findings.add(document, "own-substitute", *at, "substitute", "email", name=form.name)
        for index, span in enumerate(form.away):
            check_span(span, document, findings, *at, "away", index)
