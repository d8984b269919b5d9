"""Delivery: recipients of a message, what is known of addresses and relays, mail that came back"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("claimed_by", sa.String(), nullable=True))
    op.add_column("messages", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    # A claim reads it in order, however many fall due in one minute.
    op.drop_index("ix_messages_status_due", "messages")
    op.create_index("ix_messages_status_due", "messages", ["status", "next_try_at", "id"])
    op.add_column("plan_runs", sa.Column("news_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_plan_runs_news_at", "plan_runs", ["news_at"])
    op.create_table(
        "recipients",
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("is_copy", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"]),
        sa.PrimaryKeyConstraint("message", "address"),
    )
    op.create_index("ix_recipients_address", "recipients", ["address"])
    op.create_table(
        "addresses",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("absent_from", sa.Date(), nullable=True),
        sa.Column("absent_until", sa.Date(), nullable=True),
        sa.Column("substitute", sa.String(), nullable=False),
        sa.Column("replaced_by", sa.String(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "relays",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "post",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("message", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"]),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_post_message", "post", ["message"])


def downgrade() -> None:
    op.drop_table("post")
    op.drop_table("relays")
    op.drop_table("addresses")
    op.drop_table("recipients")
    op.drop_index("ix_plan_runs_news_at", "plan_runs")
    op.drop_index("ix_messages_status_due", "messages")
    op.create_index("ix_messages_status_due", "messages", ["status", "next_try_at"])
    op.drop_column("plan_runs", "news_at")
    op.drop_column("messages", "expires_at")
    op.drop_column("messages", "claimed_by")
