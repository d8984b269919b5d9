"""Reach wording: contacts and quiet days in words, as lists of what came and went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.plan import Contact, Span
from language import dates
from language.catalogue import text


def spans_said(spans: Sequence[Span], language: str) -> list[str]:
    """Return each spell of days in words, with its reason."""
    return [_span(span, language) for span in spans]


def contacts_said(contacts: Sequence[Contact], language: str) -> list[str]:
    """Return each contact in words, with its absences and who stands in."""
    return [_contact(one, language) for one in contacts]


def _span(span: Span, language: str) -> str:
    first, last = (dates.day(language, day) for day in (span.first, span.last))
    said = first if first == last else _say(language, "span", first=first, last=last)
    return f"{said} ({span.why})" if span.why else said


def _contact(one: Contact, language: str) -> str:
    parts = [_say(language, f"role.{one.role}"), one.email]
    if one.away:
        parts.append(_say(language, "away", spans=", ".join(spans_said(one.away, language))))
    if one.substitute is not None:
        instead = f"{one.substitute.name} <{one.substitute.email}>"
        parts.append(_say(language, "substitute", name=instead))
    return f"{one.name} ({', '.join(parts)})"


def _say(language: str, key: str, **values: Any) -> str:
    return text(language, f"comparison.{key}", **values)
