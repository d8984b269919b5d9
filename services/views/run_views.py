"""Run views: what the flow runs of a plan run show: its plan, its stages, its escalations.

A view says what Prefect should show; `flows/showing.py` makes it so. Names are ASCII,
because the run graph's font has no Vietnamese letters; messages are in the plan's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engine.ledger import ObligationState
from engine.plan import Plan
from language.catalogue import text
from language.dates import instant
from plan_definitions.handbook.skeleton import slug
from services.views import upcoming
from services.views.board import Board, Escalation
from services.views.stage_views import StageView, late_since, names
from storage.outbox import Status
from storage.stage_runs import ESCALATION

MOST_LATE_TAGS = 60  # the lists fold what has no room; by each the runs can be filtered
MOST_NAMES = 5
MOST_STEPS = 2


class Look(StrEnum):
    """How a run looks in the lists: grey and waiting, red, or green."""

    WAITS = "waits"
    ALARMS = "alarms"
    IS_DONE = "done"


@dataclass(frozen=True, slots=True)
class RunView:
    """What one flow run shows.

    `id` is unique within the plan run; `called` is the run's name in the lists, `state`
    the name of its state, `message` that state's message: one line.
    """

    id: str
    called: str
    state: str
    message: str
    look: Look
    tags: tuple[str, ...]


PLAN = "plan/plan"


def of_plan(board: Board) -> RunView:
    """Return the view of the whole run: red while anybody is late, for whom it may concern."""
    plan, language = board.plan, board.plan.language
    open_rows = [row for row in board.rows if row.obligation.opened_at is not None]
    closed = sum(row.obligation.is_closed for row in open_rows)
    look = Look.ALARMS if board.late else Look.WAITS
    if all(stage.is_done for stage in board.stages):
        done = sum(row.obligation.is_closed for row in board.rows)
        state, look = f"Done {done}/{len(board.rows)}", Look.IS_DONE
    elif board.late:
        state = f"Overdue {len(board.late)}/{len(open_rows)}"
    elif any(stage.is_open for stage in board.stages):
        state = f"Waiting {closed}/{len(open_rows)}"
    else:
        state = next(stage.name for stage in board.stages if not stage.is_done)
    said = ["; ".join(f"{stage.number} {stage.id}: {stage.name}" for stage in board.stages) + "."]
    if board.late:
        late = [row.obligation.obligation.agency.id for row in board.late]
        since = late_since(plan, board.late[0].obligation)
        said.append(
            text(
                language,
                "plan.late",
                count=len(late),
                names=names(plan, late, MOST_NAMES),
                since=since,
            )
        )
    ahead = upcoming.steps(board.state, board.now, most=MOST_STEPS)
    if ahead and look is not Look.IS_DONE:
        steps = "; ".join(upcoming.said(plan, step) for step in ahead)
        said.append(text(language, "plan.next", steps=steps))
    return RunView(PLAN, board.run, state, " ".join(said), look, _tags(board, _late(board)))


def of_stage(board: Board, stage: StageView) -> RunView:
    """Return the view of a stage: suspended until its gate holds."""
    return RunView(
        id=stage.id,
        called=f"{board.run}/{stage.number:0{len(str(len(board.stages)))}}-{stage.id}",
        state=stage.name,
        message=stage.message,
        look=Look.IS_DONE if stage.is_done else Look.WAITS,
        tags=_tags(board, () if stage.is_done else stage.late, f"stage:{stage.id}"),
    )


def of_escalation(board: Board, escalation: Escalation) -> RunView:
    """Return the view of an escalation: red until whoever it named has answered."""
    plan, language, message = board.plan, board.plan.language, escalation.message
    named = [board.state.obligations[key] for key in escalation.obligations]
    late = [one for one in named if one.is_late(board.now)]
    at = instant(language, message.send_at.astimezone(plan.zone))
    to = plan.agencies[message.recipient].name
    key = "sent" if message.status is Status.SENT else "unsent"
    status = text(language, f"status.{message.status.value}")
    said = text(
        language,
        f"escalation.{key}",
        to=to,
        at=at,
        count=len(named),
        status=status,
        error=message.error,
    ).rstrip()
    if escalation.is_dropped:
        state, look = "Dropped", Look.IS_DONE
        late = []
        said += " " + text(language, "escalation.dropped")
    elif late:
        state, look = f"Escalated {len(late)}/{len(named)}", Look.ALARMS
        agencies = names(plan, [one.obligation.agency.id for one in late], MOST_NAMES)
        said += " " + text(language, "escalation.open", count=len(late), names=agencies)
    else:
        state, look = f"Answered {len(named)}/{len(named)}", Look.IS_DONE
        said += " " + text(language, "escalation.answered")
    day = f"{message.slot.astimezone(plan.zone):%Y-%m-%d}"
    part = "" if message.part == 1 else f" {message.part}"
    return RunView(
        id=f"{ESCALATION}{message.id}",
        called=f"{board.run}/escalation {day} to {message.recipient}{part}",
        state=state,
        message=said,
        look=look,
        tags=_tags(board, _agencies(late), "escalation"),
    )


def _late(board: Board) -> tuple[str, ...]:
    return _agencies([row.obligation for row in board.late])


def _agencies(states: Iterable[ObligationState]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.obligation.agency.id for one in states))


def _tags(board: Board, late: tuple[str, ...], *more: str) -> tuple[str, ...]:
    """Return the tags of a run: the lists show who is late without a run being opened."""
    tags = ["dondoc", f"run:{board.run}", f"province:{province(board.plan)}", *more]
    tags += [f"late:{agency}" for agency in late[:MOST_LATE_TAGS]]
    if len(late) > MOST_LATE_TAGS:
        tags.append(f"late:+{len(late) - MOST_LATE_TAGS}")
    return tuple(tags)


def province(plan: Plan) -> str:
    """Return the province by its issuer's name, in ASCII: `tuyen-quang`; else the issuer's id."""
    found = re.search(r"(?:tỉnh|[Tt]hành phố)\s+(.+)", plan.agencies[plan.issuer].name)
    return plan.issuer if found is None else slug(found[1])
