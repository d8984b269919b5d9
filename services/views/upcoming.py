"""Upcoming: what the ladder will do next if nobody answers, as an operator is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from engine.chasing import Kind, Notice, rungs
from engine.graph import gives_way_at
from engine.ledger import RunState
from engine.plan import Plan
from language.catalogue import text
from language.dates import instant
from services.views.stage_views import moment_name, names
from services.views.wording import rung_name

FEW = 3  # recipients that are named rather than counted


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one time: one rung to one or many recipients, or a stage that ends.

    `notices` is empty for a stage that ends by itself.
    """

    at: datetime
    notices: tuple[Notice, ...] = ()
    stage: str = ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who gets mail, each once."""
        return tuple(dict.fromkeys(notice.recipient for notice in self.notices))


def steps(state: RunState, now: datetime, *, most: int) -> tuple[Step, ...]:
    """Return the next steps after `now`, at most `most`, by time.

    As if nobody answered: whoever submits is spared, and a stage that opens adds its own.
    What falls within a pause is none.
    """
    gathered: dict[tuple[datetime, str, str], list[Notice]] = {}
    for notice in _notices(state, now):
        above = notice.recipient if notice.kind is Kind.ESCALATE else ""
        gathered.setdefault((notice.at, notice.rung, above), []).append(notice)
    found = [Step(at, tuple(notices)) for (at, _, _), notices in gathered.items()]
    found += [Step(at, stage=stage) for stage, at in _endings(state, now)]
    return tuple(sorted(found, key=lambda step: step.at)[:most])


def _notices(state: RunState, now: datetime) -> Iterator[Notice]:
    for obligation in state.obligations.values():
        yield from (
            one
            for one in rungs(state.plan, obligation)
            if one.at > now and not obligation.is_paused(one.at)
        )


def _endings(state: RunState, now: datetime) -> Iterator[tuple[str, datetime]]:
    for stage in state.plan.stages:
        where = state.stages[stage.id]
        if where.opened_at is not None and where.done_at is None:
            at = gives_way_at(state, stage)
            if at is not None and at > now:
                yield stage.id, at


def said(plan: Plan, step: Step) -> str:
    """Say a step: when, what, to whom."""
    language = plan.language
    if step.stage:
        at = moment_name(plan, step.at)
        return text(language, "step.stage-ends", at=at, stage=step.stage)
    at = instant(language, step.at.astimezone(plan.zone))
    rung = rung_name(language, step.notices[0].rung)
    return text(language, "step.rung", at=at, rung=rung, to=recipients(plan, step))


def recipients(plan: Plan, step: Step) -> str:
    """Say who gets mail at a step: by name if they are few, else how many."""
    to = step.recipients
    if len(to) <= FEW:
        return names(plan, list(to))
    return text(plan.language, "step.agencies", count=len(to))
