"""PostgreSQL: a server that many machines share.

A machine whose plug is pulled says nothing: both ends ask each other for signs of life, and
the server ends a transaction whose program has fallen silent, so that its locks are freed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, func, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import Table

from storage.driver import UPGRADER, Fault, Patience
from storage.errors import BackupFailed, RightsMissing

UPGRADE_LOCK = 0x646F6E646F63  # "dondoc": who upgrades a shared database does it alone
KEPT, MOST = 2, 12  # connections of one process: kept open, and open at most
NO_RIGHT = "42501"  # insufficient_privilege
PROBES = 3  # without an answer, after which the other end is taken for gone
LEAVING = 10  # looks, a fifth of a second apart, until a session that ends is gone
ANSWER = 20  # seconds that an ended session is given to be gone
PLACES = "usr/lib/postgresql/*/bin"  # where Debian keeps each version's programs

# A program before this one gives no name; `psql`, monitors and administrators' tools give theirs.
OTHERS = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND backend_type = 'client backend' AND usename = current_user
      AND (application_name = '' OR application_name LIKE 'dondoc/%')
      AND application_name <> :upgrader
"""
BROKEN = {
    "index": "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1",
    "key": "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint"
    " WHERE NOT convalidated ORDER BY 1",
}
COLLATION = """
    SELECT datcollversion, pg_database_collation_actual_version(oid)
    FROM pg_database WHERE datname = current_database()
"""


class Postgresql:
    """A database on a server, used by the programs of many machines."""

    name = "PostgreSQL"
    ending = "dump"
    upgrades_itself = False  # the other machines may still run the older program
    # PostgreSQL's default shows each statement a snapshot of its own.
    reading: Mapping[str, Any] = MappingProxyType({"isolation_level": "REPEATABLE READ"})

    def insert(self, table: Table) -> Any:
        """Return SQLAlchemy's INSERT for it."""
        return postgresql.insert(table)

    def engine(self, url: URL, who: str, patience: Patience) -> Engine:
        """Return the pool. What the URL says goes before what is set here."""
        ours = _connecting(who, patience)
        said = {key: value for key, value in ours.items() if key not in url.query}
        if "options" in url.query:  # the last word of an option counts
            said["options"] = f"{ours['options']} {url.query['options']}"
            url = url.difference_update_query(["options"])
        # A server may have been restarted since a connection was last used.
        return create_engine(
            url,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",  # not what the server's owner has set
            pool_size=KEPT,
            max_overflow=MOST - KEPT,
            connect_args=said,
        )

    def place(self, url: URL) -> str:
        """Return the server and the database."""
        return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)

    def exists(self, url: URL) -> bool:  # noqa: ARG002
        """Say yes: only connecting can tell."""
        return True

    def rights_missing(self, connection: Connection, error: DBAPIError) -> RightsMissing | None:
        """Return who may not do what; the server names it at the end of its sentence."""
        if getattr(error.orig, "sqlstate", None) != NO_RIGHT:
            return None
        why = str(error.orig).partition("\n")[0]
        role = connection.connection.dbapi_connection.info.user  # type: ignore[union-attr]
        return RightsMissing(why, role=role, what=why.rpartition(" ")[2].strip('"'))

    def mark(self, connection: Connection) -> object:  # noqa: ARG002
        """Return nothing that changes: whoever upgrades ends the sessions of others."""
        return True

    def begin_upgrade(self, connection: Connection) -> None:
        """Wait for whoever upgrades already; then keep those waiting who begin to write.

        However long it takes: none of the limits of daily work holds. A table that is never
        free is given up after a while, because all who want it stand in line behind this.
        """
        limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        lock_timeout = connection.execute(text("SHOW lock_timeout")).scalar_one()
        for limit in limits:
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
        if inspect(connection).has_table("alembic_version"):
            connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        connection.execute(select(func.set_config("lock_timeout", lock_timeout, True)))

    def others(self, connection: Connection) -> list[str]:
        """Return sessions by their names and addresses; who has just been stopped may still go."""
        query = "SELECT application_name, coalesce(host(client_addr), '') AS address, pid" + OTHERS
        named = {"upgrader": f"dondoc/{UPGRADER}"}
        found: list[str] = []
        for _ in range(LEAVING):
            rows = connection.execute(text(query + " ORDER BY pid"), named).all()
            found = [
                f"{one.application_name or 'dondoc'} ({one.address or one.pid})" for one in rows
            ]
            if not found:
                break
            # Within a transaction the server would show the same sessions again.
            connection.execute(text("SELECT pg_sleep(0.2), pg_stat_clear_snapshot()"))
        return found

    def send_away(self, connection: Connection) -> None:
        """End the sessions, and wait until they are gone."""
        is_waited_for = (connection.dialect.server_version_info or ()) >= (14,)
        waiting = f", {ANSWER * 1000}" if is_waited_for else ""
        query = f"SELECT pg_terminate_backend(pid{waiting})" + OTHERS
        connection.execute(text(query), {"upgrader": f"dondoc/{UPGRADER}"}).all()

    def faults(self, connection: Connection) -> list[Fault]:
        """Look for indexes and keys that do not hold, and for another order of letters.

        An operating system that sorts otherwise than the one an index was made under makes
        rows of that index disappear (PostgreSQL's manual, ALTER DATABASE … REFRESH COLLATION).
        """
        found = [
            Fault(kind, name)
            for kind, query in BROKEN.items()
            for name in connection.execute(text(query)).scalars()
        ]
        if (connection.dialect.server_version_info or ()) >= (15,):
            made, now = connection.execute(text(COLLATION)).one()
            if made != now:
                found.append(Fault("collation", f"{made} → {now}"))
        return found

    def backup(self, url: URL, file: Path) -> None:
        """Have `pg_dump` write an archive of one snapshot, and have its contents listed."""
        command = dump_command(url, file)
        said = " ".join(command)
        with self.engine(url, "backup", Patience()).connect() as connection:
            version = int((connection.dialect.server_version_info or (0,))[0])
            connection.engine.dispose()
        programs = _programs("pg_dump", version)
        if programs is None:
            raise BackupFailed(f"pg_dump {version}", command=said)
        environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
        for run in (command, ["pg_restore", "--list", str(file)]):
            done = subprocess.run(  # noqa: S603
                [str(programs / run[0]), *run[1:]],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode != 0:
                raise BackupFailed(done.stderr.strip()[-300:])


def dump_command(url: URL, file: Path) -> list[str]:
    """Return the command that makes a backup; a password goes by its environment."""
    plain = url.set(drivername="postgresql", password=None).difference_update_query(["options"])
    return [
        "pg_dump",
        "--format=custom",
        "--no-password",
        f"--file={file}",
        f"--dbname={plain.render_as_string()}",
    ]


def _programs(name: str, version: int) -> Path | None:
    """Return the folder of a program that is of the server's version or newer."""
    named = shutil.which(name)
    folders = sorted(Path("/").glob(PLACES), key=lambda one: one.parent.name, reverse=True)
    places = [*([Path(named).parent] if named else []), *folders]
    return next((one for one in places if (one / name).exists() and _is(one / name, version)), None)


def _is(program: Path, version: int) -> bool:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    written = said.stdout.split()[2].partition(".")[0] if said.returncode == 0 else ""
    return written.isdigit() and int(written) >= version


def _connecting(who: str, patience: Patience) -> dict[str, Any]:
    """Return what a connection is opened with: libpq's part, and the server's for this session."""
    every = max(1, patience.peer // (PROBES + 1))
    server = {
        "datestyle": "ISO",  # the driver reads no other, whatever the server's owner has set
        "tcp_keepalives_idle": every,
        "tcp_keepalives_interval": every,
        "tcp_keepalives_count": PROBES,
        "tcp_user_timeout": f"{patience.peer}s",
        "idle_in_transaction_session_timeout": f"{patience.idle}s",
        "lock_timeout": f"{patience.lock}s",
        "statement_timeout": f"{patience.statement}s",
    }
    return {
        "application_name": f"dondoc/{who or 'command'}",
        "connect_timeout": patience.connect,
        "keepalives": 1,
        "keepalives_idle": every,
        "keepalives_interval": every,
        "keepalives_count": PROBES,
        "tcp_user_timeout": patience.peer * 1000,  # milliseconds
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }
