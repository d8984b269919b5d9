"""Wording: a comparison as an account, the gravest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.deadline import Deadline
from engine.ledger import ObligationState
from engine.plan import Obligation, Plan
from language.catalogue import text
from services.comparing.account import Account, Count, Detail, Group, Item, Mark, Part
from services.comparing.changes import Change, Differences
from services.comparing.comparison import Comparison
from services.comparing.duties import Duties, Moved, Reworked
from services.comparing.ladders import ladder_details
from services.comparing.mail_wording import groups as mail_groups
from services.comparing.outline import Outline, StageMove
from services.comparing.words import Words
from services.pages.speech import Speech

SHOWN_DAYS = 12
"""Days of a changed calendar that are listed; another calendar altogether has hundreds."""


def account(compared: Comparison, language: str) -> Account:
    """Say what a comparison found, in the reader's language."""
    words = Words(compared, language)
    return Account(
        title=words.say("title", number=compared.new.plan.number),
        scene=_scene(words),
        verdict=_verdict(words),
        counts=tuple(one for one in _counts(words) if one.count),
        mails=_mail_counts(words),
        parts=tuple(part for part in _parts(words) if part.groups),
    )


def _scene(words: Words) -> str:
    title = words.compared.new.scenario.title
    key = "scenario" if title else "worst-case"
    return text(words.language, f"screen.{key}", title=title)


def _verdict(words: Words) -> str:
    if not words.compared.is_same:
        return ""
    return words.say("same-texts" if words.compared.same_texts else "same")


def _counts(words: Words) -> Iterator[Count]:
    owed = words.compared.counts["obligations"]
    marks = (
        ("gone", Mark.GONE),
        ("added", Mark.ADDED),
        ("moved", Mark.MOVED),
        ("outcomes", Mark.CHANGED),
        ("renamed", Mark.RENAMED),
    )
    for key, mark in marks:
        yield Count(mark, owed[key], words.say(f"count.{key}", count=owed[key]))
    stages = len(words.compared.stages)
    yield Count(Mark.MOVED, stages, words.say("count.stages", count=stages))
    edits = sum(len(group.items) for part in _plan_parts(words) for group in part.groups)
    yield Count(Mark.CHANGED, edits, words.say("count.edits", count=edits))


def _mail_counts(words: Words) -> str:
    counts = words.compared.counts["mails"]
    kinds = ("vanish", "appear", "move", "change")
    said = [words.say(f"count.{kind}", count=counts[kind]) for kind in kinds if counts[kind]]
    if not said:
        return words.say("count.mails-same", count=counts["new"])
    return words.say(
        "count.mails", old=counts["old"], new=counts["new"], changes=", ".join(said)
    )


def _parts(words: Words) -> Iterator[Part]:
    duties, plans = words.compared.duties, words.compared
    yield _part("warnings", words, _warnings(words))
    yield _part("gone", words, _owed(duties.gone, Mark.GONE, plans.old.plan, words))
    yield _part("added", words, _owed(duties.added, Mark.ADDED, plans.new.plan, words))
    yield _part("moved", words, _moved(duties.moved, words))
    yield _part("outcomes", words, _outcomes(duties, words))
    yield _part("stages", words, (_stage_move(move, words) for move in plans.stages))
    yield from _plan_parts(words)
    head = words.say("heading.mails"), words.say("about.mails")
    yield Part("mails", *head, tuple(mail_groups(words)))


def _plan_parts(words: Words) -> Iterator[Part]:
    """Yield what was edited in the files themselves."""
    outline = words.compared.outline
    yield _part("plan", words, _plan(outline, words))
    yield _part("tasks", words, _tasks(words.compared.duties, words))
    yield _part("register", words, _register(outline, words))


def _part(key: str, words: Words, items: Iterable[Item]) -> Part:
    found = tuple(items)
    groups = (Group(found),) if found else ()
    return Part(key, words.say(f"heading.{key}"), words.say(f"about.{key}"), groups)


# ── what to look at first ──


def _warnings(words: Words) -> Iterator[Item]:
    compared = words.compared
    for change in compared.outline.head:
        if change.field == "id":
            yield Item(Mark.WARNING, words.say("another-plan", old=change.old, new=change.new))
    yield from _renamed(words)
    if silent := compared.no_longer:
        who, names = words.many(_names(silent, words))
        yield Item(Mark.WARNING, words.say("no-longer"), who=who, names=names)
    if newly := compared.newly:
        who, names = words.many(_names(newly, words))
        yield Item(Mark.WARNING, words.say("newly"), who=who, names=names)
    if compared.left_out:
        yield Item(Mark.WARNING, words.say("left-out", count=compared.left_out))


def _names(agencies: Iterable[str], words: Words) -> list[str]:
    """Name agencies by their new ids; one that is gone is known to the old plan only."""
    known = {**words.old.plan.agencies, **words.new.plan.agencies}
    return [known[agency].name for agency in agencies]


def _renamed(words: Words) -> Iterator[Item]:
    renames, plan = words.compared.renames, words.new.plan
    titles = {stage.id: stage.title for stage in plan.stages}
    titles |= {
        f"{stage.id}/{task.id}": task.title for stage in plan.stages for task in stage.tasks
    }
    titles |= {agency.id: agency.name for agency in plan.agencies.values()}
    titles |= {event.name: event.title for event in plan.events.values()}
    kinds = (
        ("stage", renames.stages),
        ("task", renames.tasks),
        ("agency", renames.agencies),
        ("event", renames.events),
        ("ladder", renames.ladders),
    )
    for kind, found in kinds:
        for old, new in found.items():
            touched = sum(
                _has(kind, was, old) or _has(kind, is_, new)
                for was, is_ in words.compared.duties.renamed
            )
            warned = words.say("renamed-owed", count=touched) if touched else ""
            yield Item(
                Mark.RENAMED,
                words.say(f"renamed.{kind}", title=titles.get(new, "")).rstrip(" –"),
                old=old,
                new=new,
                details=(Detail(words.say("warning"), warned),) if warned else (),
            )


def _has(kind: str, owed: Obligation, name: str) -> bool:
    match kind:
        case "stage":
            return owed.stage.id == name
        case "task":
            return f"{owed.stage.id}/{owed.task.id}" == name
        case "agency":
            return owed.agency.id == name
    return False


# ── what is owed ──


def _owed(found: Iterable[Obligation], mark: Mark, plan: Plan, words: Words) -> Iterator[Item]:
    """Say what came or went, one item per task and deadline."""
    shown = words.compared.new if mark is Mark.ADDED else words.compared.old
    speech = words.new if mark is Mark.ADDED else words.old
    grouped: dict[tuple[str, str, str], list[Obligation]] = {}
    for owed in found:
        due = _due(shown.state.obligations[owed.id], speech, words)
        grouped.setdefault((owed.stage.id, owed.task.id, due), []).append(owed)
    for (stage, task, due), together in grouped.items():
        who, names = words.many([owed.agency.name for owed in together])
        rest = len(together[0].task.by) - len(together)
        key = "rest" if rest else "whole"
        yield Item(
            mark,
            together[0].task.title,
            ref=f"{stage}/{task}",
            who=who,
            names=names,
            details=(
                Detail(words.label("due"), due),
                Detail("", words.say(f"{key}.{mark}", count=rest)),
            ),
        )


def _due(state: ObligationState, speech: Speech, words: Words) -> str:
    if state.due is None:
        return speech.phrase(state.obligation.task.due)
    return words.say("until", day=state.due.last_day)


def _moved(found: Sequence[Moved], words: Words) -> Iterator[Item]:
    """Say which deadlines move, one item per task and move: vanished, new, earlier, later."""
    grouped: dict[tuple[object, ...], list[Moved]] = {}
    for move in found:
        owed = move.new.obligation
        days = tuple(None if due is None else due.last_day for due in _dues(move))
        whys = tuple(map(_steps, _dues(move)))
        key = (owed.stage.id, owed.task.id, days, whys, move.cause)
        grouped.setdefault(key, []).append(move)
    for together in sorted(grouped.values(), key=lambda moves: _gravity(moves[0])):
        yield _move(together, words)


def _dues(move: Moved) -> tuple[Deadline | None, Deadline | None]:
    return move.old.due, move.new.due


def _steps(due: Deadline | None) -> tuple[str, ...]:
    return () if due is None else tuple(step.key for step in due.derivation)


def _gravity(move: Moved) -> tuple[int, int]:
    if move.new.due is None:
        return 0, 0
    if move.days is None:
        return 1, 0
    return (2, move.days) if move.days < 0 else (3, -move.days)


def _move(together: list[Moved], words: Words) -> Item:
    move = together[0]
    owed = move.new.obligation
    who, names = words.many([one.new.obligation.agency.name for one in together])
    return Item(
        Mark.MOVED,
        owed.task.title,
        ref=f"{owed.stage.id}/{owed.task.id}",
        who=who,
        names=names,
        old=_due(move.old, words.old, words),
        new=_due(move.new, words.new, words),
        by=_distance(move, words),
        details=(
            Detail(words.say("why"), words.say(f"cause.{move.cause}")),
            Detail(words.say("why-old"), _why(move.old, words.old)),
            Detail(words.say("why-new"), _why(move.new, words.new)),
        ),
    )


def _why(state: ObligationState, speech: Speech) -> str:
    return " → ".join(speech.derivation(state.due)) or speech.phrase(state.obligation.task.due)


def _distance(move: Moved, words: Words) -> str:
    if move.days is None:
        return words.say("undated" if move.new.due is None else "dated")
    said = words.say("earlier" if move.days < 0 else "later", count=abs(move.days))
    if move.working_days is None:
        return said
    return f"{said} ({words.say('working-days', count=abs(move.working_days))})"


def _outcomes(duties: Duties, words: Words) -> Iterator[Item]:
    grouped: dict[tuple[str, str, str, str], list[Obligation]] = {}
    for move in duties.outcomes:
        owed = move.obligation
        key = (owed.stage.id, owed.task.id, move.old.value, move.new.value)
        grouped.setdefault(key, []).append(owed)
    for (stage, task, old, new), together in grouped.items():
        who, names = words.many([owed.agency.name for owed in together])
        yield Item(
            Mark.CHANGED,
            together[0].task.title,
            ref=f"{stage}/{task}",
            who=who,
            names=names,
            old=text(words.language, f"outcome.{old}"),
            new=text(words.language, f"outcome.{new}"),
        )


# ── the stages and the plan itself ──


def _stage_move(move: StageMove, words: Words) -> Item:
    details = []
    for label, moments in (("opened", move.opens), ("done", move.done)):
        if moments[0] != moments[1]:
            said = [
                words.instant(moment, speech.plan, f"not-{label}")
                for moment, speech in zip(moments, (words.old, words.new), strict=True)
            ]
            details.append(Detail(text(words.language, f"screen.{label}"), "", *said))
    what = words.stage(move.stage, words.new)
    return Item(Mark.MOVED, what, ref=move.stage.id, details=tuple(details))


def _plan(outline: Outline, words: Words) -> Iterator[Item]:
    for change in outline.head:
        said = words.detail(change)
        yield Item(Mark.CHANGED, said.label, old=said.old, new=said.new)
    for stage in outline.stages.gone:
        yield Item(Mark.GONE, words.stage(stage, words.old), ref=stage.id)
    for stage in outline.stages.added:
        yield Item(Mark.ADDED, words.stage(stage, words.new), ref=stage.id)
    for edited in outline.stages.edited:
        details = (
            words.gate(edited.old, edited.new) if change.field == "gate" else words.detail(change)
            for change in edited.changes
        )
        what = words.stage(edited.new, words.new)
        yield Item(Mark.CHANGED, what, ref=edited.new.id, details=tuple(details))
    ladders = outline.ladders
    yield from (Item(Mark.GONE, words.say("ladder", name=one.name)) for one in ladders.gone)
    yield from (Item(Mark.ADDED, words.say("ladder", name=one.name)) for one in ladders.added)
    for rungs in ladders.edited:
        what = words.say("ladder", name=rungs.new.name)
        yield Item(Mark.CHANGED, what, details=ladder_details(rungs, words))
    yield from _named(outline.events, "event", words)


def _tasks(duties: Duties, words: Words) -> Iterator[Item]:
    moved = {move.new.obligation.id for move in duties.moved}
    for one in duties.changed:
        details = tuple(words.detail(change) for change in one.task.changes if _says(one, change, moved))
        if details:
            task = one.task.new
            yield Item(Mark.CHANGED, task.title, ref=f"{one.stage}/{task.id}", details=details)
    for edited in duties.own:
        details = tuple(map(words.detail, edited.changes))
        owed = edited.new
        yield Item(
            Mark.CHANGED, owed.task.title, ref=owed.id, who=owed.agency.name, details=details
        )


def _says(one: Reworked, change: Change, moved: set[str]) -> bool:
    """Whether a change is news: a deadline whose day has moved was told with its reasons."""
    if change.field != "due":
        return True
    told = (f"{one.stage}/{one.task.new.id}/{agency}" in moved for agency in one.agencies)
    return not any(told)


def _register(outline: Outline, words: Words) -> Iterator[Item]:
    agencies = outline.agencies
    for mark, found in ((Mark.GONE, agencies.gone), (Mark.ADDED, agencies.added)):
        if found:
            who, names = words.many([agency.name for agency in found])
            yield Item(mark, words.say(f"agencies-{mark}"), who=who, names=names)
    for edited in agencies.edited:
        details = tuple(map(words.detail, edited.changes))
        yield Item(Mark.CHANGED, edited.new.name, ref=edited.new.id, details=details)
    for group in outline.groups:
        old, new = (_names(members or (), words) for members in (group.old, group.new))
        mark = Mark.ADDED if group.old is None else Mark.GONE if group.new is None else Mark.CHANGED
        said = Detail("", words.came_and_went(old, new))
        yield Item(mark, words.say("group", name=group.field), details=(said,))
    yield from _calendar(outline, words)
    for mark, notes in ((Mark.GONE, outline.notes.gone), (Mark.ADDED, outline.notes.added)):
        for note in notes:
            said = Detail(note.ref, note.text), Detail(words.label("why"), note.why)
            yield Item(mark, words.say("note"), details=said)


def _calendar(outline: Outline, words: Words) -> Iterator[Item]:
    for change in outline.estimates:
        said = words.detail(change)
        yield Item(Mark.CHANGED, said.label, old=said.old, new=said.new)
    for one in outline.calendar[:SHOWN_DAYS]:
        key = "worked" if one.is_working else "off"
        day = words.say(f"day.{key}", day=one.day, name=one.name).rstrip(" –")
        yield Item(Mark.CHANGED, day)
    if (more := len(outline.calendar) - SHOWN_DAYS) > 0:
        yield Item(Mark.CHANGED, words.say("day.more", count=more))


def _named(found: Differences, kind: str, words: Words) -> Iterator[Item]:
    for mark, values in ((Mark.GONE, found.gone), (Mark.ADDED, found.added)):
        for one in values:
            yield Item(mark, words.say(kind, title=one.title or one.name), ref=one.name)
    for edited in found.edited:
        what = words.say(kind, title=edited.new.title or edited.new.name)
        details = tuple(map(words.detail, edited.changes))
        yield Item(Mark.CHANGED, what, ref=edited.new.name, details=details)
