"""Errors of the store.

StorageError
├── SchemaTooNew          a newer version of the program wrote it
├── SchemaTooOld          it has to be brought up first
├── InUse                 others are at work on it
├── BackupFailed          no backup was made
├── RightsMissing         it answers, but refuses the user this
└── DatabaseUnreachable   it does not answer
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


class DatabaseUnreachable(StorageError):
    """The database does not answer, or its file can't be opened."""
