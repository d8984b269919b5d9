"""Sets: many rows written by one statement.

Per row and column the statement layer of SQLAlchemy costs more than the database does, so
values are made ready column by column, each distinct one once, and handed to the driver:
to SQLite as rows of one prepared statement, to PostgreSQL as one array for each column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import JSON, Column, Connection, Dialect, Row, Table

from storage.driver import TAKES_ARRAYS

Values: TypeAlias = dict[str, list[Any]]
"""Rows by their columns: lists of one length, in one order."""

CHUNK = 256  # rows of one statement that returns something on SQLite


def insert(
    connection: Connection,
    table: Table,
    values: Values,
    *,
    new_only: bool = False,
    returning: tuple[str, ...] = (),
) -> list[Row[Any]]:
    """Write rows; return what is asked of them, in no order.

    `new_only` passes over rows whose unique key is taken already: of these nothing is
    returned.
    """
    columns = tuple(values)
    if not columns or not values[columns[0]]:
        return []
    ready = _ready(connection.dialect, table, values)
    if connection.get_execution_options()[TAKES_ARRAYS]:
        sql = _inserts_arrays(connection.dialect, table, columns, new_only, returning)
        result = connection.exec_driver_sql(sql, tuple(map(_array, ready)))
        return list(result) if returning else []
    rows = list(zip(*ready, strict=True))
    if not returning:
        connection.exec_driver_sql(_inserts(table, columns, 1, new_only, ()), rows)
        return []
    found: list[Row[Any]] = []
    for first in range(0, len(rows), CHUNK):
        chunk = rows[first : first + CHUNK]
        sql = _inserts(table, columns, len(chunk), new_only, returning)
        found += connection.exec_driver_sql(sql, tuple(one for row in chunk for one in row))
    return found


def update(connection: Connection, table: Table, values: Values, *, key: tuple[str, ...]) -> None:
    """Bring rows, each named by its `key`, up to the values of the other columns."""
    columns = (*(name for name in values if name not in key), *key)
    if not values or not values[columns[0]]:
        return
    ready = _ready(connection.dialect, table, {name: values[name] for name in columns})
    if connection.get_execution_options()[TAKES_ARRAYS]:
        sql = _updates_from_arrays(connection.dialect, table, columns, key)
        connection.exec_driver_sql(sql, tuple(map(_array, ready)))
        return
    connection.exec_driver_sql(_updates(table, columns, key), list(zip(*ready, strict=True)))


def _ready(dialect: Dialect, table: Table, values: Values) -> Iterable[list[Any]]:
    """Yield each column as its driver takes it."""
    for name, column in values.items():
        make = _maker(table.c[name], dialect)
        yield column if make is None else _each_once(make, column)


def _each_once(make: Callable[[Any], Any], column: Sequence[Any], *, none: Any = None) -> list[Any]:
    """Make each value ready; those of a set are few and mostly the very same objects."""
    made: dict[int, Any] = {}
    found = []
    for value in column:
        ready = made.get(id(value))
        if ready is None:
            ready = made[id(value)] = none if value is None else make(value)
        found.append(ready)
    return found


@lru_cache(maxsize=512)
def _maker(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return what makes a value of a column ready for the driver; None where it is as it is."""
    if isinstance(column.type, JSON):
        return _json
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _array(column: Sequence[Any]) -> str:
    """Return a column as an array that PostgreSQL reads (its manual, 8.15.2)."""
    return "{" + ",".join(_each_once(_element, column, none="NULL")) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    return f'"{value.isoformat()}"' if isinstance(value, date) else str(value)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> Values:
    """Return rows, all with the same columns, by their columns."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


# ── The statements, which take longer to put together than to execute; all names are ours ──


@lru_cache(maxsize=512)
def _inserts(
    table: Table, columns: tuple[str, ...], rows: int, new_only: bool, returning: tuple[str, ...]
) -> str:
    marks = f"({', '.join('?' for _ in columns)})"
    given = f"VALUES {', '.join([marks] * rows)}"
    return f"INSERT INTO {table.name} ({_names(columns)}) {given}{_ending(new_only, returning)}"


@lru_cache(maxsize=512)
def _inserts_arrays(
    dialect: Dialect,
    table: Table,
    columns: tuple[str, ...],
    new_only: bool,
    returning: tuple[str, ...],
) -> str:
    given = f"SELECT * FROM {_unnested(dialect, table, columns)}"  # noqa: S608
    return f"INSERT INTO {table.name} ({_names(columns)}) {given}{_ending(new_only, returning)}"


def _ending(new_only: bool, returning: tuple[str, ...]) -> str:
    ending = " ON CONFLICT DO NOTHING" if new_only else ""
    return ending + (f" RETURNING {_names(returning)}" if returning else "")


@lru_cache(maxsize=512)
def _updates(table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> str:
    changed = ", ".join(f'"{name}" = ?' for name in columns if name not in key)
    named = " AND ".join(f'"{name}" = ?' for name in key)
    return f"UPDATE {table.name} SET {changed} WHERE {named}"  # noqa: S608


@lru_cache(maxsize=512)
def _updates_from_arrays(
    dialect: Dialect, table: Table, columns: tuple[str, ...], key: tuple[str, ...]
) -> str:
    changed = ", ".join(f'"{name}" = given."{name}"' for name in columns if name not in key)
    named = " AND ".join(f'{table.name}."{name}" = given."{name}"' for name in key)
    given = f"{_unnested(dialect, table, columns)} AS given ({_names(columns)})"
    return f"UPDATE {table.name} SET {changed} FROM {given} WHERE {named}"  # noqa: S608


def _unnested(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    types = (table.c[name].type.compile(dialect) for name in columns)
    return f"unnest({', '.join(f'%s::{one}[]' for one in types)})"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
