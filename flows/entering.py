"""Entering: the shape that all entries have as flows, so that each only says its own part.

An operator's form asks who records it, which agency and task it is about (pickers hand
over labels, the command line an obligation's id), and then what this entry needs. The
signature and the help that Prefect makes the form of are put together from both.
"""

# Annotations stay values here: Prefect reads the forms' types from the signatures.
import inspect
import re
import unicodedata
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeAlias

from prefect import Flow, flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BeforeValidator, ValidatorFunctionWrapHandler, WrapValidator

from flows import moment, office, showing
from flows.chase import chase
from flows.refusals import as_state
from flows.results import HERE
from flows.workload import FEW
from plan_definitions import parse_date
from services import chasing, naming
from services.errors import DondocError, Refused
from services.naming import Wanted
from services.recording import LONGEST_RETURN, Recorded, Source
from services.views import wording
from services.wiring import Parts


def _leniently(written: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a date as offices write it; what is none stays, for `day_of` to refuse it."""
    if isinstance(written, str) and (not written.strip() or parse_date(written)):
        return parse_date(written)
    try:
        return read(written)
    except ValueError:
        return str(written)


def _as_text(written: Any) -> str:
    return "" if written is None else str(written)


def _as_it_is(written: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a value of the type asked for; what is none stays, for the entry to refuse it."""
    try:
        return None if written == "" else read(written)
    except ValueError:
        return str(written)


# A wrong value must end a run with our sentence, not with Prefect's list of type errors.
Day = Annotated[date | None, WrapValidator(_leniently)]
Text = Annotated[str, BeforeValidator(_as_text)]
Days = Annotated[int | None, WrapValidator(_as_it_is)]
Switch = Annotated[bool | None, WrapValidator(_as_it_is)]


def day_of(written: object) -> date | None:
    """Return the date that a form or a program handed over. Raises Refused where it is none."""
    if written is None or isinstance(written, date):
        return written
    raise Refused("refused.not-a-date", written=str(written)[:80])


def days_of(written: object) -> int | None:
    """Return a number of working days that was handed over. Raises Refused where it is none."""
    if written is None or isinstance(written, int):
        return written
    raise Refused("refused.days", days=str(written)[:80], longest=LONGEST_RETURN)


def is_on(written: object) -> bool:
    """Return whether a switch is on. Raises Refused where it is neither on nor off."""
    if written is None or isinstance(written, bool):
        return bool(written)
    raise Refused("refused.not-a-switch", written=str(written)[:80])


def required_day(written: object) -> date:
    """Return a date that must be there. Raises Refused where it is none or missing."""
    day = day_of(written)
    if day is None:
        raise Refused("refused.no-date")
    return day


def require(document: str) -> None:
    """What moves a deadline or opens a stage rests on a document: people must name it."""
    if not document.strip():
        raise Refused("refused.empty-document")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an entry is made: the parts, the run, what it is about, by whom, and when."""

    parts: Parts
    run: str
    by: str
    now: datetime
    obligation: str = ""
    agency: str | None = None

    @property
    def place(self) -> tuple[Parts, str, str]:
        """What every entry about an obligation begins with."""
        return (self.parts, self.run, self.obligation)

    def source(self, document: str = "", dated: object = None) -> Source:
        """Return where the entry comes from."""
        return Source(self.by, document.strip(), day_of(dated))


Body: TypeAlias = Callable[..., Recorded]
EntryFlow: TypeAlias = Flow[..., Coroutine[Any, Any, State[Any]]]
_EMPTY = inspect.Parameter.empty


def _asked(name: str, annotation: Any, default: Any = _EMPTY) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


HELP: Mapping[str, str] = {
    "by": "who records it",
    "agency": "the agency, by its id or as the picker shows it",
    "task": "the task; not needed where the agency has only one that this can be about",
    "obligation": "instead of agency and task: stage/task/agency, as the board shows it",
    "run": "the plan run; not needed while only one is active",
    "now": "for rehearsals; by default the present",
    "show": "bring the stages and the board up to it; not needed for each of many",
}
BY = _asked("by", Text, "")
AGENCY = _asked("agency", Text, "")
TASK = _asked("task", Text, "")
OBLIGATION = _asked("obligation", Text, "")
RUN = _asked("run", Text, "")
NOW = _asked("now", datetime | None, None)
SHOW = _asked("show", bool, True)


def about_obligation(verb: str, *, wanted: Wanted) -> Callable[[Body], EntryFlow]:
    """Make a flow of a function that records something about one obligation.

    `wanted` says which obligations it can be about where only the agency is named.
    """

    def decorate(body: Body) -> EntryFlow:
        async def enter(**given: Any) -> State[Any]:
            parts, now = begin(given.pop("now", None))
            by, show = _named(given.pop("by")), given.pop("show", True)
            run, obligation = _meant(parts, given, wanted)
            own = {key: value for key, value in given.items() if key not in HELP}
            recorded = body(Desk(parts, run, by, now, obligation), **own)
            return await finish(parts, recorded, now, show=show)

        def name() -> str:
            given = runtime.flow_run.parameters
            try:
                run, obligation = _meant(office.parts(), given, wanted)
            except DondocError:
                return _refused_name(verb, given)
            _, task, agency = [*obligation.split("/"), "", "", ""][:3]
            return ascii_name(f"{run}/{verb} {agency} {task}")

        return _flow(enter, body, name, (BY, AGENCY, TASK), (OBLIGATION, RUN, NOW, SHOW))

    return decorate


def about_run(verb: str) -> Callable[[Body], EntryFlow]:
    """Make a flow of a function that records something about a whole run or one agency in it."""

    def decorate(body: Body) -> EntryFlow:
        async def enter(**given: Any) -> State[Any]:
            parts, now = begin(given.pop("now", None))
            by, show = _named(given.pop("by")), given.pop("show", True)
            run = naming.find_run(parts, given.get("run"))
            agency = naming.find_agency(parts, run, given.get("agency", ""))
            own = {key: value for key, value in given.items() if key not in HELP}
            recorded = body(Desk(parts, run, by, now, agency=agency), **own)
            return await finish(parts, recorded, now, show=show)

        def name() -> str:
            given = runtime.flow_run.parameters
            try:
                run = naming.find_run(office.parts(), given.get("run"))
            except DondocError:
                return _refused_name(verb, given)
            return ascii_name(f"{run}/{verb} {naming.id_of(given.get('agency') or '')}")

        return _flow(enter, body, name, (BY, AGENCY), (RUN, NOW, SHOW))

    return decorate


def begin(now: datetime | None) -> tuple[Parts, datetime]:
    """Return the parts of this process, and the present."""
    parts = office.parts()
    return parts, now or moment.now(parts.settings)


async def finish(parts: Parts, recorded: Recorded, now: datetime, *, show: bool) -> State[Any]:
    """Show the change; where it made something due, issue it at once; say what was recorded."""
    await bring_up(parts, recorded.run, now, show=show)
    return Completed(message=wording.recorded(parts.settings.language, recorded))


async def bring_up(parts: Parts, run: str, now: datetime, *, show: bool) -> None:
    """Show the run as it stands now, before the mail takes its time; issue what became due."""
    if show:
        await showing.show(parts, run, now)
    # Nobody waits at a form for a large morning: that is the clock's.
    is_little = chasing.count_due(parts, now, most=FEW + 1) <= FEW
    if show and is_little and chasing.is_anything_due(parts, now):
        await chase(now=now, show=run, return_state=True)


def ascii_name(written: str) -> str:
    """Return a run's name: the fonts of Prefect's run graph lack Vietnamese letters."""
    plain = unicodedata.normalize("NFD", written.replace("đ", "d").replace("Đ", "D"))
    letters = plain.encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9./:_ -]", " ", letters).split())[:120]


def _named(by: str) -> str:
    if not by.strip():
        raise Refused("refused.empty-by")
    return by.strip()


def _refused_name(verb: str, given: Mapping[str, Any]) -> str:
    """Name a run whose words will be refused, by those words."""
    keys = ("obligation", "agency", "task")
    words = [naming.id_of(str(given.get(key) or "")) for key in keys]
    run = naming.id_of(str(given.get("run") or ""))
    return ascii_name(f"{run}/{verb} {' '.join(words)}" if run else f"{verb} {' '.join(words)}")


def _meant(parts: Parts, given: Mapping[str, Any], wanted: Wanted) -> tuple[str, str]:
    run = naming.find_run(parts, given.get("run"))
    named = {key: given.get(key) or "" for key in ("agency", "task", "obligation")}
    return run, naming.find_obligation(parts, run, **named, wanted=wanted)


def _flow(
    enter: Callable[..., Any],
    body: Body,
    name: Callable[[], str],
    first: tuple[inspect.Parameter, ...],
    last: tuple[inspect.Parameter, ...],
) -> EntryFlow:
    """Give `enter` the signature and the help of the form, and make it a flow of body's name."""
    own = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in list(inspect.signature(body).parameters.values())[1:]
    ]
    asked = [*first, *own, *last]
    enter.__signature__ = inspect.Signature(asked, return_annotation=State)  # type: ignore[attr-defined]
    enter.__name__, enter.__qualname__ = body.__name__, body.__qualname__
    enter.__module__ = body.__module__
    enter.__doc__ = _help(inspect.getdoc(body) or "", first, last)
    return flow(
        name=body.__name__.replace("_", "-"),
        flow_run_name=name,
        persist_result=False,
        result_storage=HERE,
    )(as_state(enter))


def _help(
    own: str, first: tuple[inspect.Parameter, ...], last: tuple[inspect.Parameter, ...]
) -> str:
    """Put the help for what every form asks around the help for what this one does."""
    what, _, args = own.partition("\n\nArgs:\n")
    before = [f"    {one.name}: {HELP[one.name]}" for one in first]
    after = [f"    {one.name}: {HELP[one.name]}" for one in last]
    return "\n".join([what, "", "Args:", *before, *([args] if args else []), *after])
