"""Tables: what is remembered, column by column.

Instants are stored in UTC. The ledger is append-only; `obligations` is a projection of
it, kept for its indexed `next_wake_at`, and can be rebuilt from it at any time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored in UTC. A naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs its zone: {value!r}")
        return value.astimezone(UTC)  # SQLite writes it down without its zone

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _instant(*, nullable: bool = True, index: bool = False) -> Any:
    return Field(sa_column=Column(Instant, nullable=nullable, index=index), default=None)


class PlanVersion(SQLModel, table=True):
    """The exact texts of a plan and of all that it refers to."""

    __tablename__ = "plan_versions"
    __table_args__ = (UniqueConstraint("plan", "fingerprint"),)

    id: int | None = Field(default=None, primary_key=True)
    plan: str = Field(index=True)
    fingerprint: str
    number: str
    title: str = Field(sa_type=Text)
    bundle: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    recorded_at: datetime = _instant(nullable=False)


class PlanRun(SQLModel, table=True):
    """One execution of a plan.

    `next_turn_at`: when a gate next gives way by itself; `news_at`: when those above are
    next told of events and stages, null while there is nothing to tell; `wakes_at`: the
    earliest of these and of its obligations' wake-ups, by which what is due is found;
    `brief_at`: when its brief goes out by itself.
    """

    __tablename__ = "plan_runs"
    # Runs of one version together: its plan is then read once.
    __table_args__ = (Index("ix_plan_runs_wakes_at", "wakes_at", "plan_version", "id"),)

    id: str = Field(primary_key=True)
    plan_version: int = Field(foreign_key="plan_versions.id")
    started_at: datetime = _instant(nullable=False)
    completed_at: datetime | None = _instant()
    next_turn_at: datetime | None = _instant()
    news_at: datetime | None = _instant()
    wakes_at: datetime | None = _instant()
    brief_at: datetime | None = _instant(index=True)


class ObligationRow(SQLModel, table=True):
    """The projection of one obligation's state. `next_wake_at` is null where nothing is to come."""

    __tablename__ = "obligations"
    __table_args__ = (Index("ix_obligations_run_wake", "run", "next_wake_at"),)

    run: str = Field(foreign_key="plan_runs.id", primary_key=True)
    id: str = Field(primary_key=True)
    position: int
    stage: str
    task: str
    agency: str
    standing: str
    round: int
    opened_at: datetime | None = _instant()
    last_day: date | None = None
    late_from: datetime | None = _instant()
    submitted_on: datetime | None = _instant()
    settled_at: datetime | None = _instant()
    next_wake_at: datetime | None = _instant()


class LedgerRow(SQLModel, table=True):
    """One entry of a run's ledger: when it happened, when recorded, by whom, on what document.

    `changes_state`: the fold reads it; the others say what was sent, and are many more.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ix_ledger_run_seq", "run", "seq"),
        Index(
            "ix_ledger_state",
            "run",
            "obligation",
            "seq",
            sqlite_where=text("changes_state = 1"),
            postgresql_where=text("changes_state"),
        ),
        Index(
            "ix_ledger_briefs",
            "run",
            "seq",
            sqlite_where=text("kind = 'brief-requested'"),
            postgresql_where=text("kind = 'brief-requested'"),
        ),
    )

    seq: int | None = Field(default=None, primary_key=True)
    run: str = Field(foreign_key="plan_runs.id")
    kind: str
    happened_at: datetime = _instant(nullable=False)
    recorded_at: datetime = _instant(nullable=False)
    by: str
    obligation: str | None = None
    stage: str | None = None
    document: str = ""
    data: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    changes_state: bool = Field(
        sa_column=Column(Boolean, nullable=False, server_default=false()), default=False
    )


class NoticeRow(SQLModel, table=True):
    """One rung that was issued or superseded; its key makes it happen once."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("run", "obligation", "round", "rung", "recipient"),
        Index("ix_notices_message", "message"),
    )

    id: int | None = Field(default=None, primary_key=True)
    run: str = Field(foreign_key="plan_runs.id")
    obligation: str
    round: int
    rung: str
    recipient: str
    kind: str
    count: int
    at: datetime = _instant(nullable=False)
    issued_at: datetime = _instant(nullable=False)
    status: str
    message: int | None = Field(default=None, foreign_key="messages.id")
    reason: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class MessageRow(SQLModel, table=True):
    """One message of the outbox: what one recipient gets at one send time.

    `slot` is the rung's time that it belongs to; `part` numbers later messages of the
    same slot; `lap` counts a run's messages that were queued together: of what is due at
    one time the first of each run goes out before anybody's second. A claim is a lease of
    `claimed_by` that lapses at `claimed_until`. After `expires_at` nothing is tried any more.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("run", "recipient", "slot", "part"),
        Index("ix_messages_status_due", "status", "next_try_at", "lap", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    run: str = Field(foreign_key="plan_runs.id")
    recipient: str
    slot: datetime = _instant(nullable=False)
    part: int = 1
    lap: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"), default=0)
    send_at: datetime = _instant(nullable=False)
    kind: str
    message_id: str = Field(unique=True)
    subject: str = Field(default="", sa_type=Text)
    status: str
    next_try_at: datetime | None = _instant()
    claimed_until: datetime | None = _instant()
    claimed_by: str | None = None
    expires_at: datetime | None = _instant()
    tries: int = 0
    sent_at: datetime | None = _instant()
    error: str = Field(default="", sa_type=Text)


class RecipientRow(SQLModel, table=True):
    """One address that a message goes to, and what became of it there.

    `is_copy` tells who only gets a copy from those who are to answer; `settled_at` is when
    the server took or refused it, or when it came back.
    """

    __tablename__ = "recipients"
    __table_args__ = (Index("ix_recipients_address", "address"),)

    message: int = Field(foreign_key="messages.id", primary_key=True)
    address: str = Field(primary_key=True)
    name: str
    role: str
    is_copy: bool
    status: str
    settled_at: datetime | None = _instant()
    detail: str = Field(default="", sa_type=Text)


class AttemptRow(SQLModel, table=True):
    """One try to send a message; written before the try, finished after it."""

    __tablename__ = "attempts"

    id: int | None = Field(default=None, primary_key=True)
    message: int = Field(foreign_key="messages.id", index=True)
    began_at: datetime = _instant(nullable=False)
    outcome: str
    detail: str = Field(default="", sa_type=Text)


class AddressRow(SQLModel, table=True):
    """What is known of an address beside the registers: that mail to it comes back, that whoever
    reads it is away, or that another has taken its place."""

    __tablename__ = "addresses"

    address: str = Field(primary_key=True)
    bounced_at: datetime | None = _instant()
    why: str = Field(default="", sa_type=Text)
    absent_from: date | None = None
    absent_until: date | None = None
    substitute: str = ""
    replaced_by: str = ""
    noted_at: datetime = _instant(nullable=False)
    noted_by: str


class RelayRow(SQLModel, table=True):
    """A mail server, as all who send through it see it: its circuit breaker and its pace.

    `open_until`: until then it is taken for dead, after `failures` in a row; `free_at`: when
    the next mail may be handed to it without going over the rate.
    """

    __tablename__ = "relays"

    name: str = Field(primary_key=True)
    failures: int = 0
    open_until: datetime | None = _instant()
    free_at: datetime | None = _instant()
    why: str = Field(default="", sa_type=Text)


class PostRow(SQLModel, table=True):
    """A mail that came back, read once: what it was and which message it was about."""

    __tablename__ = "post"

    key: str = Field(primary_key=True)
    read_at: datetime = _instant(nullable=False)
    kind: str
    message: int | None = Field(default=None, foreign_key="messages.id", index=True)
    address: str = ""
    detail: str = Field(default="", sa_type=Text)


class OutsideEventRow(SQLModel, table=True):
    """An outside event as announced, once per name and document."""

    __tablename__ = "outside_events"
    __table_args__ = (UniqueConstraint("name", "document"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str
    document: str
    happened_at: datetime = _instant(nullable=False)
    recorded_at: datetime = _instant(nullable=False)
    by: str


class StageRunRow(SQLModel, table=True):
    """Which Prefect flow run shows a stage; a lost one is made again from here."""

    __tablename__ = "stage_runs"

    run: str = Field(foreign_key="plan_runs.id", primary_key=True)
    stage: str = Field(primary_key=True)
    flow_run: str | None = None
    shown: str = Field(default="", sa_type=Text)


class ClockRow(SQLModel, table=True):
    """One clock by its name, and its last beat; by the wall's time, pretended or not."""

    __tablename__ = "clocks"

    name: str = Field(primary_key=True)
    started_at: datetime = _instant(nullable=False)
    beat_at: datetime = _instant(nullable=False)
    stopped_at: datetime | None = _instant()


class AlarmRow(SQLModel, table=True):
    """When the operator was last mailed about something, so that no storm breaks out."""

    __tablename__ = "alarms"

    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    mailed_at: datetime = _instant(nullable=False)


metadata = SQLModel.metadata


def table(model: type[SQLModel]) -> Table:
    """Return the Core table of a model: set-based statements are written on it."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


PLAN_VERSIONS = table(PlanVersion)
PLAN_RUNS = table(PlanRun)
OBLIGATIONS = table(ObligationRow)
LEDGER = table(LedgerRow)
NOTICES = table(NoticeRow)
MESSAGES = table(MessageRow)
ATTEMPTS = table(AttemptRow)
RECIPIENTS = table(RecipientRow)
ADDRESSES = table(AddressRow)
RELAYS = table(RelayRow)
POST = table(PostRow)
OUTSIDE_EVENTS = table(OutsideEventRow)
STAGE_RUNS = table(StageRunRow)
CLOCKS = table(ClockRow)
ALARMS = table(AlarmRow)
