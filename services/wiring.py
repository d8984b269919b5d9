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


@dataclass(frozen=True)
class Parts:
    """The parts that every use case works with."""

    settings: Settings
    database: Database
    _plans: dict[int, Plan] = field(default_factory=dict)

    def plan(self, version: int) -> Plan:
        """Return the plan of a stored version; read and checked once per process."""
        if version not in self._plans:
            with self.database.reading() as connection:
                bundle = plans.bundle_of(connection, version)
            self._plans[version] = load(Bundle.from_json(bundle))
        return self._plans[version]


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
