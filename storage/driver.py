"""Driver: what differs between the databases. `storage.database` chooses one by the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.schema import Table

from storage.errors import RightsMissing, StorageError

UPGRADER = "upgrade"
"""What a program is called that only brings the schema up: several of them do no harm."""

Waits: TypeAlias = Callable[[Sequence[str]], None]
"""Hears which sessions are waited for."""


@dataclass(frozen=True)
class Patience:
    """How long is waited on a server, in seconds. A file knows but one wait, of 30 seconds.

    `lock`: for a row that another holds, longer than `idle`; `idle`: for the next statement
    of a transaction, whose locks keep others waiting meanwhile; `statement`: for one
    statement; `peer`: for a sign of life of the machine at the other end of a connection.
    """

    connect: int = 10
    peer: int = 30
    idle: int = 60
    lock: int = 90
    statement: int = 1800


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with what the database holds; `what` says where."""

    kind: str
    what: str


TAKES_ARRAYS = "dondoc_takes_arrays"
"""The execution option by which a connection tells what its driver says of arrays."""


class Driver(Protocol):
    """One kind of database."""

    name: str
    ending: str  # of the name of a backup
    upgrades_itself: bool  # a program that finds an older schema may bring it up unasked
    reading: Mapping[str, Any]  # execution options of a transaction that only reads
    takes_arrays: bool  # a statement can be given a whole column as one array

    def insert(self, table: Table) -> Any:
        """Return its own INSERT, which knows what to do where a unique key is taken."""

    def engine(self, url: URL, who: str, patience: Patience) -> Engine:
        """Return the pool of connections, which says at the database that it is `who`'s."""

    def place(self, url: URL) -> str:
        """Return where the database is, without a password."""

    def exists(self, url: URL) -> bool:
        """Say whether there is anything to open, as far as that shows without opening it."""

    def unfit(self, connection: Connection) -> StorageError | None:
        """Return why nothing can be kept here, as far as a connection shows that; cheap."""

    def read_only(self, connection: Connection) -> StorageError | None:
        """Return why nothing can be written here, if that is so."""

    def rights_missing(self, connection: Connection, error: DBAPIError) -> RightsMissing | None:
        """Return what the user of the connection may not do, if that is what is wrong."""

    def trouble(self, error: DBAPIError) -> StorageError:
        """Return what an error of the database means to us."""

    def mark(self, connection: Connection) -> object:
        """Return what changes, for this connection, whenever the schema does; cheap."""

    def begin_upgrade(self, connection: Connection, waits: Waits) -> None:
        """Keep others who upgrade waiting until the transaction ends."""

    def hold(self, connection: Connection, tables: Sequence[str], waits: Waits) -> None:
        """Have tables alone until the transaction ends; `waits` hears who is in the way.

        Raises Locked where that can't be had for as long as the patience lasts.
        """

    def others(self, connection: Connection) -> list[str]:
        """Return the sessions of other programs of ours, as far as the database knows."""

    def send_away(self, connection: Connection) -> None:
        """End these sessions; what they had not committed is undone."""

    def faults(self, connection: Connection) -> list[Fault]:
        """Return what the database finds wrong with itself."""

    def backup(self, url: URL, file: Path) -> None:
        """Write all of it into `file`, which is empty; consistent, while others go on.

        Raises BackupFailed.
        """
