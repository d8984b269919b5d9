"""Overview: the board of a run: where it stands, what wants attention, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from engine.plan import Stage
from language.catalogue import text
from language.dates import instant
from services.tables.mail import relay_said, troubled
from services.tables.markdown import link, plain, table
from services.tables.rows import as_of, groups
from services.views import upcoming
from services.views.board import Board
from services.views.run_views import Look, of_escalation
from services.views.stage_views import StageView, called, late_since, moment_name, names
from services.views.wording import pauses, rung_name

STAGE_CLASS = {"Done": "done", "Waiting": "waiting", "Overdue": "late"}
MOST_STEPS = 8
MOST_NAMES = 6
NO_IDS: Mapping[str, str] = {}


def board_markdown(board: Board, language: str, ids: Mapping[str, str] = NO_IDS) -> str:
    """Return what a run waits for, on whom and until when: the picture first.

    `ids` are the artifacts that its links lead to, by their kind.
    """

    def head(key: str) -> str:
        return f"## {text(language, f'screen.{key}')}"

    parts = [
        f"# {board.plan.number}",
        board.plan.title,
        as_of(board, language),
        picture(board.plan.stages, board.stages),
        *_attention(board, language, ids),
        head("upcoming"),
        _upcoming(board, language),
        head("stages"),
        _stages(board, language),
        head("waiting-for"),
        _waiting(board, language),
        _more(board, language, ids),
    ]
    return "\n\n".join(parts)


def picture(stages: Iterable[Stage], views: Iterable[StageView]) -> str:
    """Draw stages as a Mermaid graph: green is done, amber waits, red is late."""
    lines = ["```mermaid", "graph LR"]
    for view in views:
        kind = STAGE_CLASS.get(view.name.split()[0], "blocked")
        lines.append(f'  {_node(view.id)}["{view.number} {view.id}<br>{view.name}"]:::{kind}')
    for one in stages:
        lines += [f"  {_node(need)} --> {_node(one.id)}" for need in one.needs]
        if one.event is not None:
            lines.append(f'  {_node("event-" + one.id)}(["{one.event}"]) -.-> {_node(one.id)}')
    lines += [
        "  classDef done fill:#d3f2d9,stroke:#2e7d32,color:#111",
        "  classDef waiting fill:#fff3cd,stroke:#b58900,color:#111",
        "  classDef late fill:#f8d7da,stroke:#b02a37,color:#111",
        "  classDef blocked fill:#e9ecef,stroke:#6c757d,color:#111",
        "```",
    ]
    return "\n".join(lines)


def _node(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _attention(board: Board, language: str, ids: Mapping[str, str]) -> Iterator[str]:
    """Yield what somebody should look at today, each with where to read more; nothing if calm."""
    points = [*_points(board, language, ids)]
    if points:
        yield f"## {text(language, 'screen.attention')}"
        yield "\n".join(f"- {point}" for point in points)


def _points(board: Board, language: str, ids: Mapping[str, str]) -> Iterator[str]:
    def say(key: str, **values: object) -> str:
        return text(language, f"attention.{key}", **values)

    def to(kind: str) -> str:
        return link(say(f"{kind}-link"), kind, board.run, artifact=ids.get(kind))

    if board.late:
        agencies = [row.obligation.obligation.agency.id for row in board.late]
        yield say(
            "late",
            count=len(board.late),
            since=late_since(board.plan, board.late[0].obligation),
            names=names(board.plan, agencies, MOST_NAMES),
            link=to("late"),
        )
    open_ones = [one for one in board.escalations if of_escalation(board, one).look is Look.ALARMS]
    if open_ones:
        yield say("escalations", count=len(open_ones), link=to("escalations"))
    for row in board.rows:
        for difficulty in row.obligation.difficulties:
            owed = row.obligation.obligation
            yield say(
                "difficulty",
                name=plain(owed.agency.name),
                day=difficulty.since.astimezone(board.plan.zone).date(),
                what=plain(difficulty.what),
            )
    yield from (plain(said) for said in pauses(language, board.state, board.now))
    if board.relay is not None:
        yield relay_said(board, language)
    unsent = troubled(board)
    if unsent:
        yield say("mail", count=len(unsent), link=to("mail"))


def _upcoming(board: Board, language: str) -> str:
    """Say what the ladder does next if nobody answers."""
    steps = upcoming.steps(board.state, board.now, most=MOST_STEPS)
    if not steps:
        return text(language, "screen.nothing-upcoming")
    heads = [text(language, f"screen.{key}") for key in ("when", "step", "to")]
    rows = []
    for step in steps:
        if step.stage:
            at = moment_name(board.plan, step.at)
            ends = text(language, "step.ends", stage=called(board.plan, step.stage))
            rows.append([at, ends, ""])
        else:
            at = instant(language, step.at.astimezone(board.plan.zone), "weekday")
            rung = rung_name(language, step.notices[0].rung)
            about = text(language, "step.about", count=len(step.notices))
            rows.append([at, f"{rung} ({about})", upcoming.recipients(board.plan, step)])
    return table(heads, rows)


def _stages(board: Board, language: str) -> str:
    heads = [text(language, f"screen.{key}") for key in ("stage", "state", "what")]
    return table(
        heads,
        [
            [f"{stage.number} {stage.id}", f"**{stage.name}**", stage.message]
            for stage in board.stages
        ],
    )


def _waiting(board: Board, language: str) -> str:
    rows = [row for row in board.rows if row.obligation.is_open]
    if not rows:
        return text(language, "screen.nothing-open")
    dated = sorted((row for row in rows if row.due), key=lambda row: row.due or date.max)
    parts = []
    if dated:
        keys = ("state", "agency", "task", "due-why", "last-told", "next")
        heads = [text(language, f"screen.{key}") for key in keys]
        parts.append(
            table(
                heads,
                [
                    [
                        group.mark,
                        f"**{len(group.agencies)}**: {', '.join(group.agencies)}"
                        if len(group.agencies) > 1
                        else group.agencies[0],
                        group.task,
                        group.due,
                        group.last_told,
                        group.next,
                    ]
                    for group in groups(board, dated, language)
                ],
            )
        )
    if len(rows) > len(dated):
        parts.append(text(language, "screen.undated", count=len(rows) - len(dated)))
    return "\n\n".join(parts)


def _more(board: Board, language: str, ids: Mapping[str, str]) -> str:
    kinds = ("late", "escalations", "mail", "agencies", "obligations", "progress")
    links = [
        link(text(language, f"screen.{kind}-page"), kind, board.run, artifact=ids.get(kind))
        for kind in kinds
    ]
    return f"{text(language, 'screen.more')} {' · '.join(links)}"


def agencies_markdown(board: Board, language: str) -> str:
    """Return how many obligations each agency owed, and how they came out."""
    keys = ("agency", "owed", "on-time", "late", "overdue", "missing")
    late = Counter(row.obligation.obligation.agency.id for row in board.late)
    rows = [
        [
            plain(board.plan.agencies[agency].name),
            *map(str, (t.owed, t.on_time, t.late, late[agency], t.missing)),
        ]
        for agency, t in board.tallies().items()
    ]
    total = board.total()
    counts = (total.owed, total.on_time, total.late, len(board.late), total.missing)
    rows.append([text(language, "screen.all"), *(f"**{count}**" for count in counts)])
    heads = [text(language, f"screen.{key}") for key in keys]
    parts = [f"# {text(language, 'screen.by-agency')}", as_of(board, language), table(heads, rows)]
    return "\n\n".join(parts)
