"""Previewing: every deadline and every mail of a plan, with no side effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.deadline import Deadline
from engine.ledger import RunState
from engine.plan import Gate, GateAfterDue, GateBy, Plan
from engine.rehearsal import WORST_CASE, Issued, Rehearsal, Scenario, rehearse
from language.catalogue import text
from notifiers.digest import Digest as MailDigest
from notifiers.digest import compose
from notifiers.rendering import subject
from services.views import messages


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan under a virtual clock."""

    plan: Plan
    scenario: Scenario
    rehearsal: Rehearsal

    @property
    def state(self) -> RunState:
        """The state at the end."""
        return self.rehearsal.state


def preview(plan: Plan, scenario: Scenario | None = None) -> Preview:
    """Run `plan` through `scenario`; without one, the worst case: nobody answers."""
    scenario = scenario or WORST_CASE
    return Preview(plan, scenario, rehearse(plan, scenario))


def derivation(deadline: Deadline | None, language: str) -> str:
    """Say how a deadline came about, step by step."""
    if deadline is None:
        return ""
    return " → ".join(text(language, step.key, **step.values) for step in deadline.derivation)


def gate_text(gate: Gate, total: int, language: str) -> str:
    """Say when a stage counts as done."""
    needed = gate.needed(total)
    said = text(language, "gate.all" if needed == total else "gate.quorum", count=needed, of=total)
    match gate.otherwise:
        case GateAfterDue(days):
            said += text(language, "gate.or-after-due", count=days)
        case GateBy(day):
            said += text(language, "gate.or-by", day=day)
    return said


def to_json(shown: Preview, language: str) -> dict[str, Any]:
    """Return the preview as `docs/json.md` describes it."""
    plan, state = shown.plan, shown.state
    return {
        "plan": plan.id,
        "stages": [
            {
                "id": stage.id,
                "needs": list(stage.needs),
                "event": stage.event,
                "opens": _instant(plan, state.stages[stage.id].opened_at),
                "done": _instant(plan, state.stages[stage.id].done_at),
                "gate": gate_text(stage.gate, len(plan.gated(stage)), language),
            }
            for stage in plan.stages
        ],
        "obligations": [
            _obligation(state, key, shown.rehearsal.ended_at, language) for key in plan.obligations
        ],
        "messages": [message_json(plan, one) for one in shown.rehearsal.issued],
    }


def _obligation(state: RunState, key: str, now: datetime, language: str) -> dict[str, Any]:
    one = state.obligations[key]
    due = one.due
    return {
        "id": key,
        "stage": one.obligation.stage.id,
        "task": one.obligation.task.id,
        "agency": one.obligation.agency.id,
        "phrase": one.obligation.task.due.text,
        "last_day": None if due is None else due.last_day.isoformat(),
        "last_working_day": None if due is None else due.last_working_day.isoformat(),
        "late_from": None if due is None else _instant(state.plan, due.late_from),
        "derivation": derivation(due, language),
        "outcome": one.outcome(now).value,
    }


def message_json(plan: Plan, issued: Issued, subject: str = "") -> dict[str, Any]:
    """Return a message of a preview as `docs/json.md` describes it; its subject if it is known."""
    digest = issued.digest
    return messages.to_json(
        send_at=digest.send_at,
        to=digest.recipient,
        kind=digest.kind.word,
        rungs=digest.rungs,
        obligations=digest.obligations,
        subject=subject or subject_of(issued),
        zone=plan.zone,
    )


def mails(shown: Preview, language: str | None = None) -> Iterator[tuple[Issued, MailDigest]]:
    """Yield every mail in the order of sending."""
    for one in shown.rehearsal.issued:
        yield one, mail_of(one, language)


def mail_of(issued: Issued, language: str | None = None) -> MailDigest:
    """Return what the mail of an issued digest would say."""
    digest = issued.digest
    return compose(
        issued.state,
        digest.notices,
        run_id=issued.state.plan.id,
        recipient=digest.recipient,
        send_at=digest.slot,
        as_of=digest.send_at,
        language=language,
        history=issued.history,
        news=digest.news,
    )


def subject_of(issued: Issued) -> str:
    """Return the subject that the mail would carry, in the plan's language."""
    return subject(mail_of(issued))


def _instant(plan: Plan, moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(plan.zone).isoformat()
