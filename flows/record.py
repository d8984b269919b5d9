"""Record: what agencies and the coordinator do, as flows that an operator can start.

Each takes who records it, because Prefect does not know; a wrong entry ends the run with
one plain sentence and changes nothing. What all of their forms ask stands in
`flows.entering`; here is what each asks besides.
"""

# Annotations stay values here: Prefect reads the forms' types from the decorated functions.
import json
from datetime import datetime
from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.entering import (
    Day,
    Days,
    Desk,
    Switch,
    Text,
    about_obligation,
    about_run,
    ascii_name,
    begin,
    bring_up,
    day_of,
    days_of,
    is_on,
    require,
    required_day,
)
from flows.refusals import as_state
from flows.results import HERE
from services import choices, naming, recording
from services.errors import Refused
from services.naming import Wanted
from services.recording import Recorded, Source
from services.views import wording


@about_obligation("submit", wanted=Wanted.OPEN)
def record_submission(
    at: Desk,
    dated: Day = None,
    document: Text = "",
    part: Switch = False,
    nil: Switch = False,
) -> Recorded:
    """Record that an agency has submitted what it owes; nothing more is sent about it.

    Args:
        dated: the date on the document, from which it counts; by default today
        document: its number, e.g. 120/BC-STP
        part: only a part of it has come in: the rest is owed and chased as before
        nil: a nil report, there is nothing to report: it counts as a submission
    """
    source = at.source(document, dated)
    return recording.submit(*at.place, source, part=is_on(part), nil=is_on(nil), now=at.now)


@about_obligation("withdraw", wanted=Wanted.WITHDRAWABLE)
def withdraw_submission(at: Desk, why: Text = "") -> Recorded:
    """Take the last submission back that was recorded by mistake; it is owed as before.

    Args:
        why: what was wrong about it
    """
    return recording.withdraw(*at.place, at.source(), why=why, now=at.now)


@about_obligation("return", wanted=Wanted.SUBMITTED)
def return_report(
    at: Desk, why: Text = "", days: Days = None, dated: Day = None, document: Text = ""
) -> Recorded:
    """Return a submitted report for completion.

    Args:
        why: what is to be completed, as the agency will read it
        days: working days for the new report; by default the old deadline stands
        dated: the date of the return; by default today
        document: the number of the returning letter, if any
    """
    source = at.source(document, dated)
    return recording.send_back(*at.place, source, why=why, days=days_of(days), now=at.now)


@about_obligation("accept", wanted=Wanted.SUBMITTED)
def accept_report(at: Desk) -> Recorded:
    """Accept a submitted report."""
    return recording.accept(*at.place, at.source(), now=at.now)


@about_obligation("extend", wanted=Wanted.OPEN)
def extend_deadline(at: Desk, until: Day = None, document: Text = "", why: Text = "") -> Recorded:
    """Give an agency until the end of a later day.

    Args:
        until: the new last day
        document: the document that approves it
        why: the reason
    """
    require(document)
    last = required_day(until)
    return recording.extend(*at.place, at.source(document), until=last, why=why, now=at.now)


@about_obligation("waive", wanted=Wanted.OPEN)
def waive_obligation(at: Desk, why: Text = "", document: Text = "") -> Recorded:
    """Say that an obligation is owed no more.

    Args:
        why: the reason, e.g. that the agency was dissolved
        document: the document that says so, if any
    """
    return recording.waive(*at.place, at.source(document), why=why, now=at.now)


@about_obligation("difficulty", wanted=Wanted.OPEN)
def report_difficulty(
    at: Desk, what: Text = "", dated: Day = None, document: Text = ""
) -> Recorded:
    """Keep a difficulty that an agency reports; what is due, and when, stays as it is.

    Args:
        what: the difficulty, in the agency's words
        dated: the date on the document; by default today
        document: its number, if it came in writing
    """
    return recording.report_difficulty(*at.place, at.source(document, dated), what=what, now=at.now)


@about_obligation("answer", wanted=Wanted.WITH_DIFFICULTY)
def answer_difficulty(
    at: Desk, answer: Text = "", dated: Day = None, document: Text = ""
) -> Recorded:
    """Answer the difficulties that an agency has reported.

    Args:
        answer: what was answered
        dated: the date on the document; by default today
        document: its number, if it was answered in writing
    """
    source = at.source(document, dated)
    return recording.answer_difficulty(*at.place, source, answer=answer, now=at.now)


@about_run("pause")
def pause_chasing(at: Desk, why: Text = "", until: Day = None, document: Text = "") -> Recorded:
    """Issue nothing about one agency, or in the whole run, until it is resumed.

    Args:
        why: the reason
        until: the last day of the pause, which then ends by itself; by default it lasts
        document: the document that says so, if any
    """
    source, last = at.source(document), day_of(until)
    return recording.pause(
        at.parts, at.run, source, agency=at.agency, why=why, until=last, now=at.now
    )


@about_run("resume")
def resume_chasing(at: Desk, why: Text = "", document: Text = "") -> Recorded:
    """End a pause: what fell within it is issued as after an outage, the newest rung only.

    Args:
        why: the reason, if it is to be kept
        document: the document that says so, if any
    """
    source = at.source(document)
    return recording.resume(at.parts, at.run, source, agency=at.agency, why=why, now=at.now)


def _event_name() -> str:
    return ascii_name(f"event {naming.id_of(str(runtime.flow_run.parameters.get('event') or ''))}")


@flow(name="announce-event", flow_run_name=_event_name, persist_result=False, result_storage=HERE)
@as_state
async def announce_event(
    event: Text = "",
    document: Text = "",
    by: Text = recording.PREFECT_EVENT,
    dated: Day = None,
    values: dict[str, Any] | str | None = None,
    now: datetime | None = None,
    show: bool = True,
) -> State[Any]:
    """Record an outside event, and open what waited for it. Sent twice it counts once.

    Args:
        event: its name in the plan file, e.g. government.programme-issued, or as the form offers it
        document: the document that it came with, e.g. 76/NQ-CP
        by: who announces it
        dated: the date on the document; by default today
        values: what tells this event from others of its name, as the plan's `correlate` asks
        now: for rehearsals; by default the present
        show: bring the stages and the board up to it; not needed for each of many
    """
    require(document)
    carried = _carried(values)
    source = Source(by.strip() or recording.PREFECT_EVENT, document.strip(), day_of(dated))
    parts, now = begin(now)
    name, demanded = choices.chosen_event(parts, event)
    if not name:
        raise Refused("refused.no-event")
    announced = recording.announce(parts, name, source, values=carried or demanded, now=now)
    for one in announced.recorded:
        await bring_up(parts, one.run, now, show=show)
    message = wording.announced(parts.settings.language, announced)
    return Completed(name="Announced" if announced.recorded else "Nothing changed", message=message)


def _carried(values: dict[str, Any] | str | None) -> dict[str, str]:
    """Return the values that an event carries; a trigger's template hands them over as JSON."""
    read: Any = values
    if isinstance(values, str):
        try:
            read = json.loads(values.strip() or "{}")
        except ValueError:
            raise Refused("refused.event-values", written=values[:80]) from None
    if not isinstance(read, dict | None):
        raise Refused("refused.event-values", written=str(values)[:80])
    return {str(key): str(value) for key, value in (read or {}).items()}
