"""Comparison: what an edit of a plan does, from two previews. Pure values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from engine.plan import Plan
from engine.rehearsal import Scenario
from services.comparing.duties import Duties, compare_duties
from services.comparing.mails import Box, compare_mails
from services.comparing.outline import Outline, StageMove, compare_outlines, stage_moves
from services.comparing.renames import Renames, find_renames
from services.views.previewing import Preview


@dataclass(frozen=True)
class Comparison:
    """Two previews and everything in which they differ.

    `same_texts` says that the files are the same to the letter; `left_out` counts the
    scenario's entries that one of the plans has nothing for.
    """

    old: Preview
    new: Preview
    renames: Renames
    outline: Outline
    duties: Duties
    stages: tuple[StageMove, ...]
    boxes: tuple[Box, ...]
    same_texts: bool = False
    left_out: int = 0

    @cached_property
    def is_same(self) -> bool:
        """Whether the edit changes nothing that the plan does or says."""
        mails = all(box.is_same for box in self.boxes)
        return mails and not (self.outline or self.duties or self.stages or self.is_renamed)

    @property
    def is_renamed(self) -> bool:
        """Whether anything has another id."""
        found = self.renames
        return bool(found.agencies or found.events or found.ladders or found.stages or found.tasks)

    @property
    def newly(self) -> tuple[str, ...]:
        """The recipients that got no mail and get some now."""
        return tuple(box.recipient for box in self.boxes if not box.before)

    @property
    def no_longer(self) -> tuple[str, ...]:
        """The recipients that got mail and get none now."""
        return tuple(box.recipient for box in self.boxes if not box.after)

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """How many of what, before and after, and how many of each change."""
        duties, boxes = self.duties, self.boxes
        return {
            "obligations": {
                "old": len(self.old.plan.obligations),
                "new": len(self.new.plan.obligations),
                "added": len(duties.added),
                "gone": len(duties.gone),
                "renamed": len(duties.renamed),
                "moved": len(duties.moved),
                "outcomes": len(duties.outcomes),
            },
            "stages": {
                "old": len(self.old.plan.stages),
                "new": len(self.new.plan.stages),
                "added": len(self.outline.stages.added),
                "gone": len(self.outline.stages.gone),
                "changed": len(self.outline.stages.edited),
                "moved": len(self.stages),
            },
            "mails": {
                "old": sum(box.before for box in boxes),
                "new": sum(box.after for box in boxes),
                "vanish": sum(len(box.vanish) for box in boxes),
                "appear": sum(len(box.appear) for box in boxes),
                "move": sum(len(box.move) for box in boxes),
                "change": sum(len(box.change) for box in boxes),
            },
            "recipients": {
                "changed": sum(not box.is_same for box in boxes),
                "newly": len(self.newly),
                "no_longer": len(self.no_longer),
            },
        }


def compare(
    old: Preview, new: Preview, *, same_texts: bool = False, left_out: int = 0
) -> Comparison:
    """Return what changes from `old` to `new`. Its cost follows the size of the plans."""
    renames = find_renames(old.plan, new.plan)
    outline = compare_outlines(old.plan, new.plan, renames)
    return Comparison(
        old,
        new,
        renames,
        outline,
        compare_duties(old, new, renames),
        stage_moves(old, new, renames),
        compare_mails(old, new, renames, context_is_same=_is_context_same(outline, renames)),
        same_texts,
        left_out,
    )


def carried(scenario: Scenario, old: Plan, new: Plan) -> tuple[Scenario, int]:
    """Return a scenario written for `old` as it goes with `new`, and how much had to be left out.

    What is about a renamed obligation is about the new one; what is about an obligation or
    an event that `new` does not have is left out.
    """
    renames = find_renames(old, new)
    acts = []
    for act in scenario.acts:
        if act.event is not None:
            event = renames.events.get(act.event, act.event)
            if event in new.events:
                data = {**act.data, "event": event}
                acts.append(replace(act, event=event, data=data))
        elif act.obligation is not None:
            obligation = renames.obligation(act.obligation)
            if obligation in new.obligations:
                acts.append(replace(act, obligation=obligation))
    return replace(scenario, acts=tuple(acts)), len(scenario.acts) - len(acts)


def _is_context_same(outline: Outline, renames: Renames) -> bool:
    """Whether mails about equal obligations are worded alike: the head and every name equal.

    An agency that came or went is named by nothing that is equal in both plans.
    """
    return not (
        outline.head
        or outline.agencies.edited
        or outline.events
        or outline.calendar
        or outline.estimates
        or renames.agencies
    )
