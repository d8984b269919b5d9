"""Agreement: do the models and the schema say the same, and is what they say really there?

What an administrator has added, as a table or an index, does no harm and is passed over; a
column or a unique key that the models do not know may refuse what the program writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Index, Inspector, Table, UniqueConstraint, inspect

from storage.driver import Fault
from storage.tables import metadata


def differences(connection: Connection) -> list[Fault]:
    """Return what is missing in the database, or is there otherwise than the models say."""
    options = {"compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    found = [fault for one in _flat(compare_metadata(context, metadata)) for fault in _said(one)]
    missing = {fault.what for fault in found if fault.kind == "no-table"}
    looked = inspect(connection)
    for table in metadata.sorted_tables:
        if table.name not in missing:
            found += _keys(looked, table)
    return found


def _flat(compared: Any) -> Iterator[tuple[Any, ...]]:
    """Yield alembic's operations; the changes of one column come as a list."""
    for one in compared:
        yield from one if isinstance(one, list) else [one]


def _said(one: tuple[Any, ...]) -> Iterator[Fault]:
    match one:
        case ("add_table", table):
            yield Fault("no-table", table.name)
        case ("add_column" | "remove_column" as what, _, table, column):
            yield Fault("no-column" if what == "add_column" else "column", f"{table}.{column.name}")
        case ("add_index", Index() as index):
            yield Fault(
                "no-index", f"{index.table.name if index.table is not None else ''} {index.name}"
            )
        case (str() as what, _, table, column, *_) if what.startswith("modify_"):
            yield Fault("otherwise", f"{table}.{column}")


def _keys(looked: Inspector, table: Table) -> Iterator[Fault]:
    """Compare unique and foreign keys, which make things happen once; alembic does so in part."""
    stated = {
        tuple(column.name for column in one.columns)
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    }
    kept = {tuple(one["column_names"]) for one in looked.get_unique_constraints(table.name)}
    for kind, columns in (("no-unique", stated - kept), ("unique", kept - stated)):
        for names in sorted(columns):
            yield Fault(kind, f"{table.name} ({', '.join(map(str, names))})")
    refers = {((one.parent.name,), one.column.table.name) for one in table.foreign_keys}
    referring = {
        (tuple(one["constrained_columns"]), one["referred_table"])
        for one in looked.get_foreign_keys(table.name)
    }
    for names, other in sorted(refers - referring):
        yield Fault("no-key", f"{table.name} ({', '.join(names)}) → {other}")
