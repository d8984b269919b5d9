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
from storage.database import Database, DatabaseUnreachable, SchemaTooNew

MOST_PLANS = 128  # that a process keeps: some 0.3 MB each, and some milliseconds to read again


@dataclass(frozen=True)
class Parts:
    """The parts that every use case works with."""

    settings: Settings
    database: Database
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
def opened(settings: Settings | None = None) -> Iterator[Parts]:
    """Open the database, bring its schema up, and give the parts.

    Raises Unavailable where the database does not answer, Refused where it is newer than
    this program.
    """
    settings = settings or Settings()
    database = Database(settings.url)
    try:
        database.upgrade()
        yield Parts(settings, database)
    except DatabaseUnreachable as error:
        raise Unavailable("error.database-unreachable", detail=str(error)) from error
    except SchemaTooNew as error:
        raise Refused("error.schema-too-new", found=error.found) from error
    finally:
        database.close()
