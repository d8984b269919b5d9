"""Wiring: the one place that builds the parts. Nothing connects at import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError

from engine.plan import Plan
from plan_definitions import Bundle, load
from services.errors import Refused, Unavailable
from services.settings import Settings
from storage import plans
from storage.database import Database
from storage.errors import (
    BackupFailed,
    ConnectionLost,
    DatabaseUnreachable,
    InUse,
    Locked,
    NoRoom,
    Occupied,
    ReadOnly,
    RightsMissing,
    SchemaTooOld,
    StorageError,
    UpgradeFailed,
    WrongEncoding,
    WrongSchema,
)

MOST_PLANS = 128  # that a process keeps: some 0.3 MB each, and some milliseconds to read again


@dataclass(frozen=True)
class Parts:
    """The parts that every use case works with."""

    settings: Settings
    database: Database
    unread: dict[str, str] = field(default_factory=dict)
    """Runs that could not be read, and why, as met since somebody was last told of them."""
    _plans: dict[int, Plan] = field(default_factory=dict)

    def plan(self, version: int) -> Plan:
        """Return the plan of a stored version; those used last are kept, read and checked."""
        plan = self._plans.pop(version, None)
        if plan is None:
            with self.database.reading() as connection:
                bundle = plans.bundle_of(connection, version)
            plan = load(Bundle.from_json(bundle))
        self._plans[version] = plan  # the last one used stands last
        while len(self._plans) > MOST_PLANS:
            self._plans.pop(next(iter(self._plans)), None)
        return plan


@contextmanager
def opened(
    settings: Settings | None = None, *, who: str = "command", to_write: bool = False
) -> Iterator[Parts]:
    """Open the database, see that its schema is this program's, and give the parts.

    An empty database gets the schema; a file of an older version is brought up. `who` is
    what a server shows the sessions as. Raises Unavailable where the database does not
    answer, or is `to_write` to and may only be read; Refused where it is newer than this
    program, or older and shared by machines that may still run the older one.
    """
    settings = settings or Settings()
    database = Database(settings.url, who=who)
    try:
        with said_plainly(database):
            database.ready()
            if to_write:
                database.expect_to_write()
            yield Parts(settings, database)
    finally:
        database.close()


@contextmanager
def said_plainly(database: Database) -> Iterator[None]:
    """Say what the store says in a sentence for people, as Unavailable or Refused."""
    try:
        yield
    except WrongSchema as error:
        raise refusal(error) from error
    except (BackupFailed, InUse):
        raise  # who makes a backup or upgrades says more of it
    except (DBAPIError, StorageError) as error:
        raise unavailable(error, database) from error


SENTENCES: Mapping[type[StorageError], str] = MappingProxyType(
    {
        ConnectionLost: "database-lost",
        DatabaseUnreachable: "database-unreachable",
        WrongEncoding: "database-encoding",
        ReadOnly: "database-read-only",
        NoRoom: "database-full",
        Locked: "database-locked",
        Occupied: "database-occupied",
        UpgradeFailed: "upgrade-failed",
    }
)


def unavailable(error: DBAPIError | StorageError, of: Database) -> Unavailable:
    """Return what went wrong outside, as a sentence for people."""
    if isinstance(error, DBAPIError):
        error = of.trouble(error)
    detail = str(error).partition("\n")[0]  # libpq goes on with a question
    if isinstance(error, RightsMissing):
        values = {"role": error.role, "what": error.what}
        return Unavailable("error.rights-missing", detail=detail, **values)
    key = next((SENTENCES[one] for one in type(error).mro() if one in SENTENCES), "database-failed")
    return Unavailable(f"error.{key}", detail=detail)


def refusal(error: WrongSchema) -> Refused:
    """Return why nothing is done with a schema that is not this program's."""
    if isinstance(error, SchemaTooOld):
        return Refused("error.schema-too-old", found=error.found, wanted=error.wanted)
    return Refused("error.schema-too-new", found=error.found)
