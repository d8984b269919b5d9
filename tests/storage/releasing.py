"""Releasing: the rows that this version of the program writes, as SQL for later versions to try.

Before a migration is added on top of a released one, run `python -m tests.storage.releasing`
at the last commit whose newest revision is the released one: it writes
`tests/storage/released/<revision>.sql`. Every later version must be able to bring these rows up
and to go on with them.
"""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import date
from pathlib import Path

from services import chasing, recording
from services.recording import Source
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import office, start, submit, wake

RELEASED = Path(__file__).parent / "released"
NOW = w.at("2020-05-12 09:00")
"""When the rows were written last."""


def main() -> None:
    """Live through a month of the small plan, and write down what is kept of it."""
    with tempfile.TemporaryDirectory() as folder:
        with office(Path(folder)) as parts:
            live(parts)
        database = sqlite3.connect(Path(folder) / "dondoc.sqlite3")
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        RELEASED.mkdir(exist_ok=True)
        file = RELEASED / f"{revision}.sql"
        file.write_text("\n".join(statements(database)) + "\n", encoding="utf-8")
        database.close()
    print(file)


def live(parts: Parts) -> None:
    """A submits and gets it back, b is granted more days, c is late; a mail is left to send."""
    source = Source("văn thư", "2/CV", None)
    start(parts)
    wake(parts, w.START)
    submit(parts, w.REPORT_A, now=w.at("2020-05-05 09:00"), dated=date(2020, 5, 4))
    until = date(2020, 5, 20)
    recording.extend(parts, "nho", w.REPORT_B, source, until=until, now=w.at("2020-05-06 09:00"))
    wake(parts, w.EVE)
    why = "Thiếu phụ lục"
    recording.send_back(parts, "nho", w.REPORT_A, source, why=why, days=5, now=w.EVE)
    wake(parts, w.at("2020-05-08 09:00"))
    wake(parts, w.LATE)
    chasing.issue_notices(parts, NOW)


def statements(database: sqlite3.Connection) -> list[str]:
    """Return the rows of all tables as INSERTs that SQLite and PostgreSQL understand alike."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    made = []
    for (table,) in database.execute(tables).fetchall():
        if table.startswith(("sqlite_", "alembic_")):
            continue
        columns = {
            name: kind for _, name, kind, *_ in database.execute(f"PRAGMA table_info({table})")
        }
        names = ", ".join(f'"{name}"' for name in columns)
        for row in database.execute(f"SELECT {names} FROM {table} ORDER BY rowid"):
            values = zip(row, columns.values(), strict=True)
            written = ", ".join(_literal(value, kind) for value, kind in values)
            made.append(f"INSERT INTO {table} ({names}) VALUES ({written});")
    return made


def _literal(value: object, kind: str) -> str:
    if value is None:
        return "NULL"
    if kind == "BOOLEAN":
        return "TRUE" if value else "FALSE"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    main()
