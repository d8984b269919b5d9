"""What is due: found by one index of plan runs, folded without what was sent, fair between runs"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
# The kinds that the fold reads, as this version knows them.
CHANGING = (
    "run-started",
    "run-completed",
    "stage-opened",
    "stage-done",
    "event-announced",
    "submitted",
    "submitted-in-part",
    "submission-withdrawn",
    "returned",
    "accepted",
    "extended",
    "waived",
    "difficulty-reported",
    "difficulty-answered",
    "chasing-paused",
    "chasing-resumed",
)
STATE: Any = {
    "sqlite_where": sa.text("changes_state = 1"),
    "postgresql_where": sa.text("changes_state"),
}
BRIEFS: Any = dict.fromkeys(STATE, sa.text("kind = 'brief-requested'"))


def upgrade() -> None:
    false = sa.false()
    op.add_column(
        "ledger", sa.Column("changes_state", sa.Boolean(), nullable=False, server_default=false)
    )
    op.add_column("messages", sa.Column("lap", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("plan_runs", sa.Column("wakes_at", INSTANT, nullable=True))
    op.add_column("plan_runs", sa.Column("brief_at", INSTANT, nullable=True))

    ledger = sa.table("ledger", sa.column("kind"), sa.column("changes_state", sa.Boolean()))
    op.execute(ledger.update().where(ledger.c.kind.in_(CHANGING)).values(changes_state=sa.true()))
    for name, columns, where in (
        ("ix_ledger_state", ["run", "obligation", "seq"], STATE),
        ("ix_ledger_briefs", ["run", "seq"], BRIEFS),
    ):
        op.create_index(name, "ledger", columns, **where)

    op.drop_index("ix_obligations_next_wake_at", "obligations")
    op.create_index("ix_obligations_run_wake", "obligations", ["run", "next_wake_at"])
    op.drop_index("ix_plan_runs_next_turn_at", "plan_runs")
    op.drop_index("ix_plan_runs_news_at", "plan_runs")
    _reckon()
    op.create_index("ix_plan_runs_wakes_at", "plan_runs", ["wakes_at", "plan_version", "id"])
    op.create_index("ix_plan_runs_brief_at", "plan_runs", ["brief_at"])
    op.drop_index("ix_messages_status_due", "messages")
    op.create_index("ix_messages_status_due", "messages", ["status", "next_try_at", "lap", "id"])


def _reckon() -> None:
    """Fill in when each run wakes; when its brief goes out is reckoned at the first look."""
    obligations = sa.table("obligations", sa.column("run"), sa.column("next_wake_at", INSTANT))
    runs = sa.table(
        "plan_runs",
        sa.column("id"),
        sa.column("started_at", INSTANT),
        sa.column("completed_at", INSTANT),
        *(sa.column(one, INSTANT) for one in ("next_turn_at", "news_at", "wakes_at", "brief_at")),
    )
    wakes = (
        sa.select(sa.func.min(obligations.c.next_wake_at))
        .where(obligations.c.run == runs.c.id)
        .scalar_subquery()
    )
    op.execute(runs.update().values(wakes_at=wakes))
    for sooner in (runs.c.next_turn_at, runs.c.news_at):
        is_sooner = sa.or_(runs.c.wakes_at.is_(None), sooner < runs.c.wakes_at)
        op.execute(runs.update().where(sooner.is_not(None), is_sooner).values(wakes_at=sooner))
    op.execute(
        runs.update().where(runs.c.completed_at.is_(None)).values(brief_at=runs.c.started_at)
    )


def downgrade() -> None:
    op.drop_index("ix_messages_status_due", "messages")
    op.create_index("ix_messages_status_due", "messages", ["status", "next_try_at", "id"])
    op.drop_index("ix_plan_runs_brief_at", "plan_runs")
    op.drop_index("ix_plan_runs_wakes_at", "plan_runs")
    op.create_index("ix_plan_runs_news_at", "plan_runs", ["news_at"])
    op.create_index("ix_plan_runs_next_turn_at", "plan_runs", ["next_turn_at"])
    op.drop_index("ix_obligations_run_wake", "obligations")
    op.create_index("ix_obligations_next_wake_at", "obligations", ["next_wake_at"])
    op.drop_index("ix_ledger_briefs", "ledger")
    op.drop_index("ix_ledger_state", "ledger")
    for table, column in (
        ("plan_runs", "brief_at"),
        ("plan_runs", "wakes_at"),
        ("messages", "lap"),
        ("ledger", "changes_state"),
    ):
        op.drop_column(table, column)
