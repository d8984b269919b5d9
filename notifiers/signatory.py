"""Signatory: in whose name a mail goes out, which is who gets the answers to it.

The coordinator writes to everybody but those that stand under another body: a commune hears
from its district. Nobody writes to itself or reports on itself: such mail is the system's own,
and its answers go to the coordinator all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.plan import Agency, Plan
from language.catalogue import text


def signatory(plan: Plan, recipient: Agency, *, language: str, late: Iterable[str] = ()) -> Agency:
    """Return the body that a mail to `recipient` comes from; `late` are those it reports.

    Its name is the one to show, its address where answers go.
    """
    coordinator = plan.agencies[plan.coordinator]
    if (district := above(plan, recipient)) is not None:
        return district
    if recipient.id == coordinator.id or coordinator.id in late:
        return replace(coordinator, name=text(language, "mail.system"))
    return coordinator


def above(plan: Plan, agency: Agency) -> Agency | None:
    """Return the body between an agency and the plan's levels, if there is one."""
    if agency.parent is None or agency.parent in plan.levels or agency.id in plan.levels:
        return None
    return plan.agencies[agency.parent]
