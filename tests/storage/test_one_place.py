"""One place: which database it is, is asked in one module; two others say what differs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("cli", "engine", "flows", "language", "notifiers", "plan_definitions", "services", "storage"),
)
CHOOSES = {"storage/database.py"}
DIFFER = {"storage/sqlite.py", "storage/postgresql.py"}
NAMES = {"sqlite", "postgresql", "SQLite", "PostgreSQL"}
OWN = ("sqlite3", "psycopg", "sqlalchemy.dialects")


def branches(source: str) -> list[str]:
    """Return what in a module looks at which database it is."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr="is_sqlite" | "server_version_info" as name):
                found.append(f"{node.lineno}: {name}")
            case ast.Constant(value=str() as value) if value in NAMES:
                found.append(f"{node.lineno}: {value!r}")
            case ast.Import(names=names):
                found += [f"{node.lineno}: {one.name}" for one in names if _is_own(one.name)]
            case ast.ImportFrom(module=str() as module) if _is_own(module):
                found.append(f"{node.lineno}: {module}")
    return found


def _is_own(module: str) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in OWN)


def test_no_other_module_asks_which_database_it_is():
    """A branch elsewhere is one that the next change forgets on one of the two."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    asking = {
        name: found
        for file in files
        if (name := file.relative_to(ROOT).as_posix()) not in CHOOSES | DIFFER
        if (found := branches(file.read_text(encoding="utf-8")))
    }
    assert asking == {}


@pytest.mark.parametrize(
    "source",
    [
        "x = connection.dialect.name == 'sqlite'",
        "if database.is_sqlite: pass",
        "import sqlite3",
        "from sqlalchemy.dialects.postgresql import insert",
        "match name:\n    case 'postgresql': pass",
    ],
)
def test_the_ways_to_ask_are_known(source: str):
    """A test that sees nothing would find nothing."""
    assert branches(source) != []
