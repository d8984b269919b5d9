"""IMAP: mail that comes back, in a folder of a mail server (RFC 3501).

Through IMAPClient: it gives UIDs and UIDVALIDITY as they are, fetches the beginning of a
mail without marking it as read, and leaves TLS to a context of ours. Only mail that was
ours is touched; nothing is ever deleted but what a server without MOVE has copied first.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Literal

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError

from notifiers.inboxes import Found, InboxError
from notifiers.wire.bounces import LARGEST

_FETCHED = 20  # mails that one request fetches: at most 5 MB


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """How a server is spoken to. `tls` is from the first byte, by STARTTLS, or off by name."""

    host: str
    user: str
    password: str
    port: int = 993
    folder: str = "INBOX"
    tls: Literal["required", "starttls", "off"] = "required"
    move_to: str = ""
    patience: float = 30.0  # seconds for any answer

    def __repr__(self) -> str:
        """Say all but the password."""
        return f"ImapSettings({self.user}@{self.host}:{self.port}/{self.folder}, tls={self.tls})"


class ImapInbox:
    """One folder of a server; connects when it is entered, and says goodbye when left.

    A place is `UIDVALIDITY:UID`: UIDs only grow while the first stays the same (§2.3.1.1).
    """

    def __init__(self, settings: ImapSettings) -> None:
        self.name = f"imap:{settings.user}@{settings.host}:{settings.port}/{settings.folder}"
        self._settings = settings
        self._client: IMAPClient | None = None
        self._validity = 0

    def __enter__(self) -> ImapInbox:
        """Connect, log in and open the folder. Raises InboxError."""
        with _said(self._settings):
            client = _connected(self._settings)
            try:
                _log_in(client, self._settings)
                opened = client.select_folder(self._settings.folder)
            except BaseException:
                with suppress(Exception):
                    client.shutdown()
                raise
        self._client = client
        self._validity = int(opened[b"UIDVALIDITY"])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say goodbye, if anybody still listens."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.logout()

    def look(self) -> None:
        """Ask for a sign of life; opened it is already."""
        self._ask(lambda client: client.noop())

    def mails(self, place: str, *, since: datetime) -> Iterator[Found]:
        """Yield what has come after `place`, oldest first; without one what came `since`."""
        validity, _, written = place.partition(":")
        last = int(written) if validity == str(self._validity) and written.isdecimal() else 0
        criteria = ["UID", f"{last + 1}:*"] if last else ["SINCE", since.date()]
        uids = self._ask(lambda client: client.search(criteria))
        # `n:*` holds the last mail even where its UID is lower (RFC 3501 §6.4.8).
        ahead = sorted(uid for uid in uids if uid > last)
        for start in range(0, len(ahead), _FETCHED):
            some = ahead[start : start + _FETCHED]
            found = self._fetched(some)
            for uid in some:
                content = _content(found.get(uid, {}))
                if content is not None:
                    yield Found(str(uid), content, f"{self._validity}:{uid}")

    def put_away(self, found: Found) -> None:
        """Mark a mail as read, and move it to the folder that is set, if one is."""
        uid, target = int(found.ref), self._settings.move_to
        self._ask(lambda client: client.add_flags([uid], [SEEN], silent=True))
        if not target:
            return
        self._ask(lambda client: client.folder_exists(target) or client.create_folder(target))
        if self._ask(lambda client: client.has_capability("MOVE")):
            self._ask(lambda client: client.move([uid], target))
        elif self._ask(lambda client: client.has_capability("UIDPLUS")):
            self._ask(lambda client: client.copy([uid], target))
            self._ask(lambda client: client.delete_messages([uid], silent=True))
            self._ask(lambda client: client.uid_expunge([uid]))
        # Without either, an EXPUNGE would take along what others have marked: it stays, read.

    def _fetched(self, uids: list[int]) -> dict[int, Any]:
        asked = [f"BODY.PEEK[]<0.{LARGEST}>"]
        found: dict[int, Any] = self._ask(lambda client: client.fetch(uids, asked))
        return found

    def _ask(self, question: Callable[[IMAPClient], Any]) -> Any:
        client = self._client
        if client is None:
            raise InboxError("not connected")
        with _said(self._settings):
            return question(client)


def _connected(settings: ImapSettings) -> IMAPClient:
    context = ssl.create_default_context()
    client = IMAPClient(
        settings.host,
        settings.port,
        ssl=settings.tls == "required",
        ssl_context=context if settings.tls == "required" else None,
        timeout=settings.patience,
    )
    if settings.tls == "starttls":
        try:
            client.starttls(context)
        except BaseException:
            with suppress(Exception):
                client.shutdown()
            raise
    return client


def _log_in(client: IMAPClient, settings: ImapSettings) -> None:
    """Log in; what LOGIN can't carry (it knows ASCII only) goes by PLAIN (RFC 4616: UTF-8)."""
    if (settings.user + settings.password).isascii():
        client.login(settings.user, settings.password)
    else:
        client.plain_login(settings.user, settings.password)


@contextmanager
def _said(settings: ImapSettings) -> Iterator[None]:
    """Turn what goes wrong into one line; no password is in it."""
    try:
        yield
    except (IMAPClientError, OSError, ValueError, KeyError) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        if settings.password:
            said = said.replace(settings.password, "***")
        raise InboxError(f"{settings.host}:{settings.port}: {said}") from None


def _content(fetched: Any) -> bytes | None:
    return next((value for key, value in fetched.items() if key.startswith(b"BODY[")), None)
