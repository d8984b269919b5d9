"""Cards: one stage on one page: what it waits for, who owes, and where to read on."""

from __future__ import annotations

from collections.abc import Mapping

from language.catalogue import text
from services.tables.markdown import link, table
from services.tables.overview import NO_IDS, picture
from services.tables.rows import as_of, groups
from services.views.board import Board
from services.views.stage_views import StageView


def stage_markdown(
    board: Board, stage: StageView, language: str, ids: Mapping[str, str] = NO_IDS
) -> str:
    """Return a stage's card: its sentence, its place in the plan, who owes what of it."""

    def head(key: str) -> str:
        return text(language, f"screen.{key}")

    links = [
        link(head(f"{kind}-page"), kind, board.run, artifact=ids.get(kind))
        for kind in ("board", "late", "escalations", "mail")
    ]
    parts = [
        f"# {board.plan.number} – {stage.number} {stage.id}: {stage.name}",
        stage.title,
        as_of(board, language),
        f"**{stage.message}**",
        " · ".join(links),
        picture(board.plan.stages, board.stages),
    ]
    rows = [row for row in board.rows if row.obligation.obligation.stage.id == stage.id]
    keys = ("state", "agency", "task", "due-why", "last-told", "next")
    heads = [head(key) for key in keys]
    parts.append(
        table(
            heads,
            [
                [g.mark, ", ".join(g.agencies), g.task, g.due, g.last_told, g.next]
                for g in groups(board, rows, language)
            ],
        )
    )
    return "\n\n".join(parts)
