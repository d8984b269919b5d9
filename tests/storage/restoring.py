"""Restoring: how `docs/database.md` says that a backup is restored, done for real."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from storage.database import Database
from tests import postgres


@contextmanager
def restored(of: Database, file: Path, folder: Path) -> Iterator[str]:
    """Restore a backup beside the database that it is of, and give the new one's URL."""
    if of.is_sqlite:
        folder.mkdir(parents=True)
        shutil.copy(file, folder / "dondoc.sqlite3")
        yield f"sqlite:///{folder / 'dondoc.sqlite3'}"
        return
    programs = postgres.find()
    assert programs is not None
    name = f"restored_{uuid.uuid4().hex[:12]}"
    server = of.url.set(drivername="postgresql", database="postgres")
    url = of.url.set(database=name)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        try:
            restore = [str(programs / "pg_restore"), "--no-owner", "--exit-on-error"]
            subprocess.run([*restore, f"--dbname={plain}", str(file)], check=True)
            yield url.render_as_string(hide_password=False)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
