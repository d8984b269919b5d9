"""Upkeep: what an operator does to the database: bring it up, look it over, keep a copy.

None of it needs Prefect, and all of it may be done while the program runs, but for an upgrade
of a server that several machines share.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from language.catalogue import has, text
from services import rebuilding, runs
from services.errors import Refused, Unavailable
from services.settings import Settings
from services.wiring import Parts, refusal, said_plainly
from storage import agreement, plans
from storage.database import Database, Step
from storage.driver import UPGRADER, Fault, Waits
from storage.errors import BackupFailed, InUse, StorageError, WrongSchema

NAMED = 5  # obligations that a sentence lists
Progress: TypeAlias = Callable[[int, int], None]
"""Hears how many runs of how many have been looked at."""


@dataclass(frozen=True)
class Finding:
    """A point, whether it is a fault, and what is said of it: `upkeep.<point>.<said>`."""

    point: str
    said: str
    is_fault: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of its sentence; that of what to do ends in `-help`."""
        return f"upkeep.{self.point}.{self.said}"

    def say(self, language: str) -> str:
        """Return what is found."""
        return text(language, self.key, **self.values)

    def help(self, language: str) -> str:
        """Return what to do, if there is anything."""
        key = f"{self.key}-help"
        return text(language, key, **self.values) if has(language, key) else ""


@dataclass(frozen=True)
class Backup:
    """A backup that was made: its file, how many bytes it has, and what it is of."""

    file: Path
    size: int
    of: str


def good(point: str, said: str = "good", **values: Any) -> Finding:
    """Return a point that stands well."""
    return Finding(point, said, values=values)


def fault(point: str, said: str, **values: Any) -> Finding:
    """Return a point that somebody has to do something about."""
    return Finding(point, said, is_fault=True, values=values)


def outdated(settings: Settings) -> Refused | None:
    """Return why this program must not go on: the schema is another one by now.

    A database that does not answer, or not as it should, is no reason: it comes back.
    """
    database = Database(settings.url, who="look")
    try:
        database.verify()
    except WrongSchema as error:
        return refusal(error)
    except StorageError:
        return None
    finally:
        database.close()
    return None


@contextmanager
def _as_it_is(settings: Settings, who: str) -> Iterator[Database]:
    """Open the database whatever its schema. Raises Unavailable."""
    database = Database(settings.url, who=who)
    try:
        with said_plainly(database):
            yield database
    finally:
        database.close()


# ── Upgrade ───────────────────────────────────────────────────────────────────


def standing(settings: Settings) -> tuple[str | None, str | None]:
    """Return the revision of the schema and this program's. Raises Unavailable."""
    with _as_it_is(settings, "check") as database:
        return database.revisions() if database.exists else (None, database.head)


def refuse_upgrade(settings: Settings, *, disconnect: bool) -> None:
    """Raise, before a backup is made for it, Refused where `upgrade` would."""
    with _as_it_is(settings, UPGRADER) as database, _in_use():
        database.refuse_upgrade(disconnect=disconnect)


def upgrade(
    settings: Settings,
    *,
    disconnect: bool = False,
    tell: Callable[[Step], None] = lambda _: None,
    waits: Waits = lambda _: None,
) -> tuple[str | None, str | None]:
    """Bring the schema up, and return from which revision to which.

    Of several at once one does it, and the others wait; `waits` hears which sessions are in
    the way. Raises Refused where the schema is newer, or where other programs are at work on a
    shared server and are not to be disconnected; Unavailable where a table is never free.
    """
    with _as_it_is(settings, UPGRADER) as database, _in_use():
        return database.upgrade(tell=tell, waits=waits, disconnect=disconnect)


@contextmanager
def _in_use() -> Iterator[None]:
    try:
        yield
    except InUse as error:
        raise Refused("refused.database-in-use", others=", ".join(error.others)) from error


# ── Check ─────────────────────────────────────────────────────────────────────


def check(
    settings: Settings,
    *,
    now: datetime,
    of_all: bool = False,
    rebuild: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> Iterator[Finding]:
    """Look the database over: schema, keys, integrity, and rows that must follow the ledger.

    Nothing is changed, unless `rebuild` writes such rows anew. Of the runs the active ones
    are looked at, or `of_all`. Raises Unavailable where the database does not answer.
    """
    with _as_it_is(settings, "check") as database:
        if not database.exists:
            yield fault("revision", "missing", where=database.place)
            return
        found, wanted = database.revisions()
        yield _revision(database, found, wanted)
        if found is None:
            return
        faults = database.faults()
        yield from _integrity(database, faults)
        is_broken = any(one.kind == "broken" for one in faults)
        if found == wanted and not is_broken:  # else all that follows is found wanting
            yield from _schema(database)
            yield from _projection(
                Parts(settings, database), now, of_all=of_all, rebuild=rebuild, progress=progress
            )


def _revision(database: Database, found: str | None, wanted: str | None) -> Finding:
    values = {"where": database.place, "found": found or "-", "wanted": wanted or "-"}
    if found == wanted:
        return good("revision", **values)
    if found is None:
        return fault("revision", "empty", **values)
    return fault("revision", "older" if database.knows(found) else "newer", **values)


def _schema(database: Database) -> Iterator[Finding]:
    with database.reading() as connection:
        found = agreement.differences(connection)
    for one in found:
        yield fault("schema", one.kind, what=one.what)
    if not found:
        yield good("schema")


def _integrity(database: Database, found: list[Fault]) -> Iterator[Finding]:
    for one in found:
        yield fault("integrity", one.kind, what=one.what)
    if not found:
        yield good("integrity", kind=database.driver.name)


def _projection(
    parts: Parts, now: datetime, *, of_all: bool, rebuild: bool, progress: Progress
) -> Iterator[Finding]:
    with parts.database.reading() as connection:
        names = [run.id for run in plans.all_runs(connection, active_only=not of_all)]
    astray = 0
    for done, run in enumerate(names):
        progress(done, len(names))
        try:
            found = rebuilding.differences(parts, run, now)
            if found and rebuild:
                rebuilding.rebuild(parts, run, now)
        except runs.UNREADABLE as error:  # the others are still looked at
            astray += 1
            yield fault("projection", "unreadable", run=run, why=f"{type(error).__name__}: {error}")
            continue
        if found:
            astray += 1
            listed = ", ".join(found[:NAMED]) + (" …" if len(found) > NAMED else "")
            values = {"run": run, "count": len(found), "names": listed}
            said = "rebuilt" if rebuild else "astray"
            yield Finding("projection", said, is_fault=not rebuild, values=values)
    progress(len(names), len(names))
    if not astray:
        yield good("projection", count=len(names))


# ── Backup ────────────────────────────────────────────────────────────────────


def backup(settings: Settings, file: Path | None, *, now: datetime) -> Backup:
    """Write a backup into a new file, while the program goes on; by default in the home folder.

    The file has its name only once it is whole, was read again and lies on the disk. It
    holds addresses: nobody but its owner may read it. Raises Refused for a file that is
    there already, Unavailable where none could be made.
    """
    with _as_it_is(settings, "backup") as database:
        if not database.exists:
            raise Refused("refused.nothing-to-back-up", where=database.place)
        if file is None:
            name = f"dondoc-{now:%Y%m%d-%H%M%S}.{database.driver.ending}"
            file = settings.home / "backups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            raise Refused("refused.backup-exists", file=str(file))
        if not file.parent.is_dir():
            raise Refused("refused.no-backup-folder", folder=str(file.parent))
        try:
            handle, made = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".part", dir=file.parent)
        except OSError as error:
            why = f"{file.parent}: {error.strerror}"
            raise Unavailable("error.backup-failed", why=why) from error
        os.close(handle)
        part = Path(made)
        try:
            database.backup(part)
            _keep(part, file)
        except BackupFailed as error:
            if error.command:
                command = error.command.replace(str(part), str(file))
                raise Unavailable(
                    "error.no-backup-program", program=str(error), command=command
                ) from error
            raise Unavailable("error.backup-failed", why=str(error)) from error
        except FileExistsError:
            raise Refused("refused.backup-exists", file=str(file)) from None
        finally:
            part.unlink(missing_ok=True)
        return Backup(file, file.stat().st_size, database.place)


def _keep(part: Path, file: Path) -> None:
    """Give a file its name, unless that is taken, once both lie on the disk."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    with file.open("xb"):
        pass  # whoever else wants the name finds it taken
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
