"""Chat: a short text to chats or SMS gateways, through Apprise. It goes beside mail, never instead.

An Apprise URL holds a token or a password, so that none is ever said or logged: a service
is called by its kind and its place in the setting.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

PATIENCE = 15.0  # seconds that one service may take
LONGEST = 700  # letters of a text: what chats show at once, and gateways take in a few SMS

_BETWEEN = re.compile(r"[\s,;]+(?=[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_MEANT = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'"})
"""Signs that chats read mentions, links and code out of, wherever they stand."""
_WORDY = ("apprise", "urllib3.connectionpool")
"""Loggers that write whole addresses, tokens and all, at the level DEBUG."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced: one line, and a few lines more."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Service:
    """A chat or gateway by its kind and place; `way` is None where its URL can't be read."""

    name: str
    way: NotifyBase | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an announcement at one service; `why` is empty where it was taken."""

    service: str
    why: str = ""


def services(written: str) -> tuple[Service, ...]:
    """Read a setting: Apprise URLs, apart by spaces, lines, or commas before the next scheme."""
    urls = [one.strip(",; \t\r\n") for one in _BETWEEN.split(written.strip())]
    ways = [_way(url) for url in urls if url]
    return tuple(
        Service(f"{way.service_name} #{place}" if way else f"#{place}", way)
        for place, way in enumerate(ways, 1)
    )


async def announce(
    services: Sequence[Service], what: Announcement, *, patience: float = PATIENCE
) -> list[Told]:
    """Announce to every service at once, and say what became of it at each. Raises nothing.

    Each is tried once: who did not answer may have taken it all the same.
    """
    title = " ".join(_safe(what.title).split())
    said = Announcement(title[:LONGEST], _safe(what.text)[:LONGEST])
    return list(await asyncio.gather(*(_one(one, said, patience) for one in services)))


async def _one(service: Service, what: Announcement, patience: float) -> Told:
    if service.way is None:
        return Told(service.name, "unreadable")
    try:
        async with asyncio.timeout(patience):
            taken = await _aside(service.way, what)
    except TimeoutError:
        return Told(service.name, "no answer in time")
    except Exception as error:  # its words may hold the address
        return Told(service.name, type(error).__name__)
    return Told(service.name) if taken else Told(service.name, "not taken")


async def _aside(way: NotifyBase, what: Announcement) -> bool:
    """Notify in a thread that nobody waits for at the end: a server may drip for ever."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def settle(result: bool | Exception) -> None:
        if answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def work() -> None:
        result: bool | Exception
        try:
            result = bool(way.notify(title=what.title, body=what.text, body_format="text"))
        except Exception as error:
            result = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    Thread(target=work, name="chat", daemon=True).start()
    return await answer


def _way(url: str) -> NotifyBase | None:
    # Imported late: who has no chat need not wait for it.
    from apprise import Apprise, OverflowMode

    for name in _WORDY:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    found: Any = Apprise.instantiate(url)
    if found is None:
        return None
    if "overflow=" not in url.lower():
        found.overflow_mode = OverflowMode.SPLIT  # an SMS too long is two, not none
    return cast("NotifyBase", found)


def _safe(words: str) -> str:
    return _CONTROL.sub(" ", words.translate(_MEANT)).strip()
