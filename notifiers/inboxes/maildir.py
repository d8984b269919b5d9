"""Maildir: mail that comes back, in a folder that a mail server on this machine delivers to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from notifiers.inboxes import Found, InboxError
from notifiers.wire.bounces import LARGEST

_READ = "S"  # the flag "seen"


class MaildirInbox:
    """The Maildir `folder`. What was ours is marked as seen in `cur`, or goes to `move_to`.

    A place is when a file was last put where it is (its ctime): delivery moves it there.
    """

    def __init__(self, folder: Path, *, move_to: str = "") -> None:
        self.folder = folder
        self.name = f"maildir:{folder.resolve()}"
        self._move_to = move_to

    def look(self) -> None:
        """List what there is."""
        self._files()

    def mails(self, place: str, *, since: datetime) -> Iterator[Found]:
        """Yield what has come after `place`, oldest first; without one what came `since`."""
        after = int(place) if place.isdecimal() else int(since.timestamp() * 1e9)
        for at, path in self._files():
            if at >= after and (content := _beginning(path)) is not None:
                yield Found(str(path), content, str(at))

    def put_away(self, found: Found) -> None:
        """Mark a mail as seen, or move it to the folder that is set."""
        path = Path(found.ref)
        name, _, flags = path.name.partition(":2,")
        target = self._target() / f"{name}:2,{''.join(sorted({*flags, _READ}))}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        except FileNotFoundError:
            return  # somebody else's program has moved it meanwhile
        except OSError as error:
            raise InboxError(f"{target.parent}: {error.strerror}") from error

    def _target(self) -> Path:
        """Return where to: `cur`, or that of a folder beside it as Maildir++ has them."""
        if not self._move_to:
            return self.folder / "cur"
        beside = self.folder / f".{self._move_to}"
        for part in ("new", "tmp"):
            (beside / part).mkdir(parents=True, exist_ok=True)
        return beside / "cur"

    def _files(self) -> list[tuple[int, Path]]:
        found = []
        try:
            for part in ("new", "cur"):
                with os.scandir(self.folder / part) as entries:
                    found += [
                        (entry.stat().st_ctime_ns, Path(entry.path))
                        for entry in entries
                        if entry.is_file() and not entry.name.startswith(".")
                    ]
        except OSError as error:
            raise InboxError(f"{self.folder}: {error.strerror}") from error
        return sorted(found)


def _beginning(path: Path) -> bytes | None:
    """Return how a mail begins; None where it has gone, or can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return None
