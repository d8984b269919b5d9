"""Wording: a comparison as an account, the gravest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.plan import Obligation
from services.comparing import duty_wording, outline_wording
from services.comparing.account import Account, Count, Detail, Group, Item, Mark, Part
from services.comparing.comparison import Comparison
from services.comparing.mail_wording import groups as mail_groups
from services.comparing.words import Words


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
    return words.say(key, title=title)


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
    return words.say("count.mails", old=counts["old"], new=counts["new"], changes=", ".join(said))


def _parts(words: Words) -> Iterator[Part]:
    duties, stages = words.compared.duties, words.compared.stages
    yield _part("warnings", words, _warnings(words))
    yield _part("gone", words, duty_wording.owed(duties.gone, Mark.GONE, words))
    yield _part("added", words, duty_wording.owed(duties.added, Mark.ADDED, words))
    yield _part("moved", words, duty_wording.moved(duties.moved, words))
    yield _part("outcomes", words, duty_wording.outcomes(duties, words))
    yield _part("stages", words, (outline_wording.stage_move(move, words) for move in stages))
    yield from _plan_parts(words)
    head = words.say("heading.mails"), words.say("about.mails")
    yield Part("mails", *head, tuple(mail_groups(words)))


def _plan_parts(words: Words) -> Iterator[Part]:
    """Yield what was edited in the files themselves."""
    outline = words.compared.outline
    yield _part("plan", words, outline_wording.plan(outline, words))
    yield _part("tasks", words, duty_wording.tasks(words.compared.duties, words))
    yield _part("register", words, outline_wording.register(outline, words))


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
        who, names = words.many(words.names(silent))
        yield Item(Mark.WARNING, words.say("no-longer"), who=who, names=names)
    if newly := compared.newly:
        who, names = words.many(words.names(newly))
        yield Item(Mark.WARNING, words.say("newly"), who=who, names=names)
    if compared.left_out:
        yield Item(Mark.WARNING, words.say("left-out", count=compared.left_out))


def _renamed(words: Words) -> Iterator[Item]:
    renames, plan = words.compared.renames, words.new.plan
    titles = {stage.id: stage.title for stage in plan.stages}
    titles |= {f"{stage.id}/{task.id}": task.title for stage in plan.stages for task in stage.tasks}
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
