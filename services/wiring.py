"""Wiring: the one place that builds the parts. Nothing connects at import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine.plan import Plan
from plan_definitions import Bundle, load
from services.errors import Refused, Unavailable
from services.settings import Settings
from storage import plans
from storage.database import (
    Database,
    DatabaseUnreachable,
    RightsMissing,
    SchemaTooOld,
    UpgradeFailed,
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
def opened(settings: Settings | None = None, *, who: str = "command") -> Iterator[Parts]:
    """Open the database, see that its schema is this program's, and give the parts.

    An empty database gets the schema; a file of an older version is brought up. `who` is
    what a server shows the sessions as. Raises Unavailable where the database does not
    answer, Refused where it is newer than this program, or older and shared by machines
    that may still run the older one.
    """
    settings = settings or Settings()
    database = Database(settings.url, who=who)
    try:
        with said_plainly():
            database.ready()
            yield Parts(settings, database)
    finally:
        database.close()


@contextmanager
def said_plainly() -> Iterator[None]:
    """Say what the store says in a sentence for people, as Unavailable or Refused."""
    try:
        yield
    except DatabaseUnreachable as error:
        detail = str(error).partition("\n")[0]  # libpq goes on with a question
        raise Unavailable("error.database-unreachable", detail=detail) from error
    except RightsMissing as error:
        values = {"role": error.role, "what": error.what, "detail": str(error)}
        raise Unavailable("error.rights-missing", **values) from error
    except UpgradeFailed as error:
        why = str(error).partition("\n")[0]
        raise Unavailable("error.upgrade-failed", why=why) from error
    except WrongSchema as error:
        raise refusal(error) from error


def refusal(error: WrongSchema) -> Refused:
    """Return why nothing is done with a schema that is not this program's."""
    if isinstance(error, SchemaTooOld):
        return Refused("error.schema-too-old", found=error.found, wanted=error.wanted)
    return Refused("error.schema-too-new", found=error.found)
