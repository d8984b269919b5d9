"""PostgreSQL: a real server for the tests, in a folder of its own, ended with them.

Debian's package `postgresql` has the programs; `make test` installs it where it may. With
DONDOC_TEST_POSTGRES_URL set, the server named there is used: its user must be allowed to
create databases.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from flows.processes import HOST, free_port

NAMED = "DONDOC_TEST_POSTGRES_URL"
PLACES = ("/usr/local/bin", "/usr/local/pgsql/bin", "/usr/lib/postgresql/*/bin")
USERS = ("postgres", "nobody")  # PostgreSQL does not run as root
PR_SET_PDEATHSIG = 1  # prctl(2)
READY_WITHIN = 30.0  # seconds
MISSING = (
    "No PostgreSQL for the tests: install it (Debian: apt-get install postgresql),"
    f" or let {NAMED} name a server (postgresql+psycopg://user:password@host/postgres)."
)
# Tests lose nothing that they need when the power fails.
SWIFT = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


@dataclass(frozen=True)
class Postgres:
    """A running server: its URL, and empty databases on it."""

    url: URL

    @contextmanager
    def database(self, settings: Mapping[str, str] | None = None) -> Iterator[URL]:
        """Create an empty database and give its URL; drop it behind.

        One with `settings` of its own has a dictionary's order of words too.
        """
        name = f"dondoc_{uuid.uuid4().hex[:12]}"
        order = "" if settings is None else " LOCALE_PROVIDER icu ICU_LOCALE 'vi-VN'"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0{order}")
        try:
            for key, value in (settings or {}).items():
                self._execute(f"ALTER DATABASE {name} SET {key} = '{value}'")
            yield self.url.set(database=name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(_plain(self.url), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def serve() -> Iterator[Postgres]:
    """Start a server on a free port of the loopback address; end it by its number."""
    if named := os.environ.get(NAMED):
        yield Postgres(make_url(named))
        return
    programs = find()
    if programs is None:
        raise RuntimeError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="dondoc-postgres-"))
    try:
        user = _user()
        if user is not None:
            shutil.chown(folder, user)
        with _running(programs, folder, user) as url:
            yield Postgres(url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find() -> Path | None:
    """Return the folder of the server's programs, the newest version's; None without one."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [
        folder
        for place in PLACES
        for folder in sorted(Path("/").glob(place.lstrip("/")), key=_version, reverse=True)
    ]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _version(folder: Path) -> float:
    return float(folder.parent.name) if folder.parent.name[:1].isdigit() else 0.0


def _user() -> str | None:
    """Return the user to run as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS if name in known)


@contextmanager
def _running(programs: Path, folder: Path, user: str | None) -> Iterator[URL]:
    data, log_file, port = folder / "data", folder / "log", free_port()
    who: dict[str, Any] = {}
    if user is not None:
        who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    options = ["-U", "dondoc", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(
        [programs / "initdb", "-D", data, *options],
        capture_output=True,
        text=True,
        cwd=folder,
        **who,
    )
    if made.returncode != 0:
        raise RuntimeError(made.stderr)
    told = (f"port={port}", f"listen_addresses={HOST}", f"unix_socket_directories={folder}")
    settings = [word for setting in (*told, *SWIFT) for word in ("-c", setting)]
    with log_file.open("wb") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), *settings],
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_end_with_parent,
            **who,
        )
    url = URL.create("postgresql+psycopg", "dondoc", host=HOST, port=port, database="postgres")
    try:
        _wait_until_ready(process, url, log_file)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # the fast way: clients are sent away
        process.wait(300)


def _wait_until_ready(process: subprocess.Popen[bytes], url: URL, log_file: Path) -> None:
    pause = Event()
    for _ in range(int(READY_WITHIN / 0.05)):
        try:
            psycopg.connect(_plain(url)).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            pause.wait(0.05)
    raise RuntimeError(log_file.read_text(encoding="utf-8", errors="replace"))


def _end_with_parent() -> None:
    """Ask Linux to end the server when the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


if __name__ == "__main__":
    if NAMED not in os.environ and find() is None:
        sys.exit(MISSING)
