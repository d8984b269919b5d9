"""PostgreSQL: a server that many machines share.

A machine whose plug is pulled says nothing: both ends ask each other for signs of life, and
the server ends a transaction whose program has fallen silent, so that its locks are freed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.sql.schema import Table

from storage.driver import UPGRADER, Fault, Patience, Waits
from storage.errors import (
    BackupFailed,
    Broken,
    ConnectionLost,
    Locked,
    NoRoom,
    Occupied,
    ReadOnly,
    RightsMissing,
    StorageError,
    WrongEncoding,
)

UPGRADE_LOCK = 0x646F6E646F63  # "dondoc": who upgrades a shared database does it alone
KEPT, MOST = 2, 12  # connections of one process: kept open, and open at most
NO_RIGHT = "42501"  # insufficient_privilege
NOT_HELD = ("55P03", "40P01")  # lock_not_available, deadlock_detected
TROUBLES: Mapping[str, type[StorageError]] = MappingProxyType(
    {
        "25006": ReadOnly,
        "53100": NoRoom,
        "53200": NoRoom,
        "40001": Occupied,
        "40P01": Occupied,
        "55P03": Occupied,
        "57014": Occupied,
        "25P03": ConnectionLost,
        "57P01": ConnectionLost,
        "57P02": ConnectionLost,
        "57P03": ConnectionLost,
        "57P05": ConnectionLost,
    }
)
"""What a state of an error means (PostgreSQL's manual, appendix A)."""
PUBLIC = "public"  # the schema that every database has
HELD = 3  # seconds of one try to have tables alone: behind it all who want them stand in line
NO_SESSION = "unsupported startup parameter"  # PgBouncer's words, which it does not translate
OPTION = re.compile(r"(?:\\.|[^\\\s])+")  # a word of `options`: a blank has a backslash (34.1.2)
KEEPS = "dondoc.session"  # set for a session, where sessions keep what is set
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
HOLDERS = """
    SELECT DISTINCT a.pid, a.application_name, a.usename
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid() AND c.relname = ANY(:tables)
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pg_table_is_visible(c.oid)
    ORDER BY a.pid
"""
BROKEN = {
    "index": "SELECT indexrelid::regclass::text FROM pg_index"
    " WHERE NOT indisvalid AND pg_table_is_visible(indrelid) ORDER BY 1",
    "key": "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint"
    " WHERE NOT convalidated AND pg_table_is_visible(conrelid) ORDER BY 1",
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
    takes_arrays = True
    # PostgreSQL's default shows each statement a snapshot of its own.
    reading: Mapping[str, Any] = MappingProxyType({"isolation_level": "REPEATABLE READ"})

    def __init__(self) -> None:
        """Suppose that a connection is a session of the server, until one shows otherwise."""
        self._is_pooled = False
        self._patience = Patience()

    def insert(self, table: Table) -> Any:
        """Return SQLAlchemy's INSERT for it."""
        return postgresql.insert(table)

    def engine(self, url: URL, who: str, patience: Patience) -> Engine:
        """Return the pool. What the URL says goes before what is set here.

        A pooler that hands out another session for each transaction (PgBouncer) refuses or
        drops what is set for a session. It is set for each transaction then.
        """
        self._patience = patience
        ours = _connecting(who, patience)
        said = {key: value for key, value in ours.items() if key not in url.query}
        server = _for_session(patience)
        if "options" in url.query:  # the last word counts
            server |= _options(str(url.query["options"]))
            url = url.difference_update_query(["options"])
        # A server may have been restarted since a connection was last used.
        engine = create_engine(
            url,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",  # not what the server's owner has set
            pool_size=KEPT,
            max_overflow=MOST - KEPT,
            connect_args=said,
        )
        self._settle(engine, server)
        return engine

    def _settle(self, engine: Engine, server: Mapping[str, str]) -> None:
        """Have the server's settings hold for each session, or for each transaction."""
        told = {name: value for name, value in server.items() if not name.startswith("tcp_")}
        local = text("SELECT " + ", ".join(f"set_config(:{name}, :_{name}, true)" for name in told))
        local = local.bindparams(**{name: name for name in told})
        local = local.bindparams(**{f"_{name}": value for name, value in told.items()})

        def connect(dialect: Any, _record: Any, words: Any, named: dict[str, Any]) -> Any:
            if not self._is_pooled:
                try:
                    made = dialect.connect(*words, **named, options=_written(server))
                except dialect.dbapi.OperationalError as error:
                    if NO_SESSION not in str(error):
                        raise
                else:
                    if _keeps(made):
                        return made
                    made.close()
                self._is_pooled = True
            # A statement prepared in one session is not known in the next.
            return dialect.connect(*words, **named, prepare_threshold=None)

        def begin(connection: Connection) -> None:
            if self._is_pooled:
                connection.execute(local)

        event.listen(engine, "do_connect", connect)
        event.listen(engine, "begin", begin)

    def place(self, url: URL) -> str:
        """Return the server and the database."""
        hosts = {name: url.query[name] for name in ("host", "port") if name in url.query}
        plain = url.set(drivername="postgresql", query=hosts)
        return plain.render_as_string(hide_password=True)

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

    def unfit(self, connection: Connection) -> StorageError | None:
        """Return which encoding it is: a server made without a locale has none at all."""
        info = connection.connection.dbapi_connection.info  # type: ignore[union-attr]
        found = info.parameter_status("server_encoding")
        return None if found in (None, "UTF8") else WrongEncoding(found)

    def read_only(self, connection: Connection) -> StorageError | None:
        """Say whether it is a standby, or set so."""
        query = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
        return ReadOnly("standby") if connection.execute(text(query)).scalar_one() else None

    def trouble(self, error: DBAPIError) -> StorageError:
        """Return what the state of an error means; one without a state is of the connection."""
        why = str(error.orig).partition("\n")[0]
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or (state is None and isinstance(error, OperationalError)):
            return ConnectionLost(why)
        return TROUBLES.get(state or "", Broken)(why)

    def mark(self, connection: Connection) -> object:
        """Return nothing that changes: whoever upgrades ends the sessions of others.

        Behind a pooler that ends none of ours; the revision is looked at each time then.
        """
        if not self._is_pooled:
            return True
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def begin_upgrade(self, connection: Connection, waits: Waits) -> None:
        """Wait for whoever upgrades already. None of the limits of daily work holds."""
        for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        if not connection.execute(select(func.pg_try_advisory_xact_lock(UPGRADE_LOCK))).scalar():
            waits([f"dondoc/{UPGRADER}"])
            connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))

    def hold(self, connection: Connection, tables: Sequence[str], waits: Waits) -> None:
        """Lock tables, by short tries: whoever wants one of them stands in line behind each."""
        if not tables:
            return
        names = ", ".join(f'"{name}"' for name in tables)
        holders: list[str] = []
        for _ in range(max(1, self._patience.lock // HELD)):
            trying = connection.begin_nested()
            try:
                connection.execute(text(f"SET LOCAL lock_timeout = '{HELD}s'"))
                connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in NOT_HELD:
                    raise
                trying.rollback()
                holders = self._holders(connection, tables) or holders
                waits(holders)
            else:
                trying.commit()
                return
        raise Locked(holders)

    def _holders(self, connection: Connection, tables: Sequence[str]) -> list[str]:
        rows = connection.execute(text(HOLDERS), {"tables": list(tables)}).all()
        return [f"{one.application_name or one.usename} (pid {one.pid})" for one in rows]

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
        with self.engine(url, "backup", Patience()).connect() as connection:
            version = int((connection.dialect.server_version_info or (0,))[0])
            schema = connection.execute(
                text("SELECT quote_ident(coalesce(current_schema(), 'public'))")
            ).scalar_one()
            connection.engine.dispose()
        command = dump_command(url, file, schema)
        said = shlex.join(command)
        programs = _programs("pg_dump", version)
        if programs is None:
            raise BackupFailed(f"pg_dump {version}", command=said)
        environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
        if not self._is_pooled:  # a standby can be backed up as well
            environment["PGOPTIONS"] = r"-c default_transaction_isolation=read\ committed"
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


def dump_command(url: URL, file: Path, schema: str = PUBLIC) -> list[str]:
    """Return the command that makes a backup; a password goes by its environment.

    Of a schema of our own only that: what else the database holds may be closed to us.
    """
    dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    where = dialect.create_connect_args(url)[1]  # type: ignore[no-untyped-call]
    for name in ("password", "options", "context"):
        where.pop(name, None)
    return [
        "pg_dump",
        "--format=custom",
        "--no-password",
        f"--lock-wait-timeout={Patience().lock}s",
        *([] if schema == PUBLIC else [f"--schema={schema}"]),
        f"--file={file}",
        f"--dbname={make_conninfo(**where)}",
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
    """Return libpq's part of what a connection is opened with."""
    every = max(1, patience.peer // (PROBES + 1))
    return {
        "application_name": f"dondoc/{who or 'command'}",
        "connect_timeout": patience.connect,
        "keepalives": 1,
        "keepalives_idle": every,
        "keepalives_interval": every,
        "keepalives_count": PROBES,
        "tcp_user_timeout": patience.peer * 1000,  # milliseconds
        "client_encoding": "utf8",
    }


def _for_session(patience: Patience) -> dict[str, str]:
    """Return the server's part of it, whatever the server's owner has set for others."""
    every = str(max(1, patience.peer // (PROBES + 1)))
    return {
        "datestyle": "ISO",  # the driver reads no other
        "default_transaction_isolation": "read committed",  # a standby refuses `serializable`
        "default_transaction_read_only": "off",
        "tcp_keepalives_idle": every,
        "tcp_keepalives_interval": every,
        "tcp_keepalives_count": str(PROBES),
        "tcp_user_timeout": f"{patience.peer}s",
        "idle_in_transaction_session_timeout": f"{patience.idle}s",
        "lock_timeout": f"{patience.lock}s",
        "statement_timeout": f"{patience.statement}s",
    }


def _options(written: str) -> dict[str, str]:
    """Read settings as a server's command line has them: `-c name=value`, `--name=value`."""
    found = {}
    for word in OPTION.findall(written):
        plain = re.sub(r"\\(.)", r"\1", word)
        name, is_set, value = plain.removeprefix("-c").removeprefix("--").partition("=")
        if is_set:
            found[name.replace("-", "_")] = value
    return found


def _written(server: Mapping[str, str]) -> str:
    """Write settings so, and the one that shows whether they are kept."""
    named = {**server, KEEPS: "1"}.items()
    escaped = {name: re.sub(r"([\\\s])", r"\\\1", value) for name, value in named}
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


def _keeps(connection: Any) -> bool:
    """Say whether what was set for a session is there."""
    connection.autocommit = True
    query = "SELECT current_setting(%s, true)"
    found = connection.execute(query, (KEEPS,)).fetchone()[0]
    connection.autocommit = False
    return bool(found)
