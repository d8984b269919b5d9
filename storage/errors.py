"""Errors of the store.

StorageError
├── SchemaTooNew          a newer version of the program wrote it
├── SchemaTooOld          it has to be brought up first
├── InUse                 others are at work on it
├── BackupFailed          no backup was made
├── RightsMissing         it answers, but refuses the user this
├── WrongEncoding         it cannot hold every letter
├── ReadOnly              it may only be read
├── NoRoom                its disk or its memory is full
├── Occupied              what is wanted is held by another for too long
│   └── Locked            so that it can't be upgraded
├── Broken                it failed, or it is damaged
└── DatabaseUnreachable   it does not answer
    └── ConnectionLost    it went away in the middle
"""

from __future__ import annotations


class StorageError(Exception):
    """The database can't be used as it is."""


class WrongSchema(StorageError):
    """The database is not of this version of the program; `found` is its revision."""

    found: str


class SchemaTooNew(WrongSchema):
    """The database was written by a newer version of the program."""

    def __init__(self, found: str) -> None:
        super().__init__(f"the database was written by a newer version of the program ({found})")
        self.found = found


class SchemaTooOld(WrongSchema):
    """The database has to be brought up to this version of the program first."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"the database has to be brought up from {found} to {wanted} first")
        self.found, self.wanted = found, wanted


class InUse(StorageError):
    """Other programs are at work on the database; `others` names their sessions."""

    def __init__(self, others: list[str]) -> None:
        super().__init__(", ".join(others))
        self.others = others


class BackupFailed(StorageError):
    """No backup was made. Without a program for it, `command` is what to run elsewhere."""

    def __init__(self, why: str, *, command: str = "") -> None:
        super().__init__(why)
        self.command = command


class UpgradeFailed(StorageError):
    """The database refused a step, as where the user may make no tables; all is as it was."""


class RightsMissing(StorageError):
    """The database refuses its user `role` something, as to read the table `what`."""

    def __init__(self, why: str, *, role: str, what: str) -> None:
        super().__init__(why)
        self.role, self.what = role, what


class WrongEncoding(StorageError):
    """The database keeps letters in an encoding that is not UTF-8; `found` names it."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


class ReadOnly(StorageError):
    """The database may only be read: a standby, or a file without the right to write."""


class NoRoom(StorageError):
    """The disk of the database is full, or its memory; what was begun is undone."""


class Occupied(StorageError):
    """Another held for too long what was wanted; what was begun is undone."""


class Locked(Occupied):
    """Sessions of others hold our tables; `holders` names them."""

    def __init__(self, holders: list[str]) -> None:
        super().__init__(", ".join(holders))
        self.holders = holders


class Broken(StorageError):
    """The database failed at what it was asked, or it is damaged."""


class DatabaseUnreachable(StorageError):
    """The database does not answer, or its file can't be opened."""


class ConnectionLost(DatabaseUnreachable):
    """The database went away in the middle: what was begun is undone, or just committed."""
