"""Checkup: is this installation good to go? What needs no Prefect, point by point.

Nothing is changed, and no mail is sent. Each point is looked at by itself: one that fails
keeps no other from being looked at.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from language.catalogue import has, text
from notifiers.errors import BadAddress
from notifiers.inboxes import InboxError
from notifiers.mime.address import checked_address
from notifiers.wire import chat
from notifiers.wire.smtp import SmtpChannel
from services import alarming, chasing
from services.mail import delivering, outgoing, returning
from services.runs import some
from services.settings import Settings, nearest, unknown
from services.wiring import Parts
from storage import addresses, clocks, obligations, outbox, plans, relays
from storage.database import Database
from storage.errors import ReadOnly, RightsMissing, WrongEncoding

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE = 200 * 1024**2  # bytes free, below which the disk is as good as full
SOME_SPACE = 1024**3
OVERDUE = timedelta(minutes=2)  # by which a wake-up may be late
LONG = timedelta(hours=1)  # that mail may take without a word
NAMED = 5  # addresses that a sentence lists
SMTP_PATIENCE = 10.0  # seconds
TESTS = ("DONDOC_TEST_", "DONDOC_GOLDEN", "DONDOC_TUTORIAL")  # what only tests read


class Grade(StrEnum):
    """How a point stands."""

    GOOD = "good"
    CARE = "care"  # works, but look at it
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """A point, how it stands, and what is said of it: `doctor.<point>.<said>`."""

    point: str
    grade: Grade
    said: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of its sentence; that of what to do ends in `-help`."""
        return f"doctor.{self.point}.{self.said}"

    def say(self, language: str) -> str:
        """Return what is found."""
        return text(language, self.key, **self.values)

    def help(self, language: str) -> str:
        """Return what to do, if there is anything."""
        key = f"{self.key}-help"
        return text(language, key, **self.values) if has(language, key) else ""


def good(point: str, said: str = "good", **values: Any) -> Finding:
    """Return a point that stands well."""
    return Finding(point, Grade.GOOD, said, values)


def care(point: str, said: str, **values: Any) -> Finding:
    """Return a point to look at."""
    return Finding(point, Grade.CARE, said, values)


def bad(point: str, said: str, **values: Any) -> Finding:
    """Return a point that keeps the installation from its work."""
    return Finding(point, Grade.BAD, said, values)


def failed(point: str, error: BaseException) -> Finding:
    """Return a point that could not even be looked at."""
    why = " ".join(str(error).split())[:200] or type(error).__name__
    return Finding(point, Grade.BAD, "failed", {"why": why})


def here(settings: Settings, *, now: datetime, shift: timedelta) -> Iterator[Finding]:
    """Look at the machine, the database and the mail; `now` may be shifted by `shift`."""
    yield python(sys.version_info[:3])
    yield variables(os.environ)
    yield home(settings.home, shutil.disk_usage)
    found = database(settings)
    yield found
    if found.said == "good":
        with _parts(settings) as parts:
            looks: Mapping[str, Callable[[], Finding]] = {
                "clock": lambda: clock(parts, now - shift),
                "wake-ups": lambda: wake_ups(parts, now),
                "outbox": lambda: given_up(parts),
                "waiting": lambda: waiting(parts, now),
                "relay": lambda: relay(parts, now),
                "addresses": lambda: bouncing(parts),
                "runs": lambda: active_runs(parts),
                "calendar": lambda: calendar(parts, now),
            }
            for point, look in looks.items():
                try:
                    yield look()
                except Exception as error:  # the others are still looked at
                    yield failed(point, error)
    yield mail(settings)
    yield bounces(settings)
    yield sender(settings)
    yield chats(settings)
    yield pretended(now, shift, settings)


def python(version: tuple[int, ...]) -> Finding:
    """Say whether Python is new enough."""
    written = ".".join(str(part) for part in version)
    if version < OLDEST_PYTHON:
        return bad("python", "old", version=written)
    return good("python", version=written)


def variables(environment: Iterable[str]) -> Finding:
    """Say whether a variable is set that is no setting: a mistyped one has no effect."""
    names = [name for name in unknown(environment) if not name.upper().startswith(TESTS)]
    if not names:
        return good("settings")
    meant = [near for name in names if (near := nearest(name))]
    values = {"names": ", ".join(names), "meant": ", ".join(meant)}
    return care("settings", "meant" if meant else "unknown", **values)


def home(folder: Path, usage: Callable[[Path], Any]) -> Finding:
    """Say whether the folder can be written to, and whether the disk has room."""
    standing = next(one for one in (folder, *folder.resolve().parents) if one.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        return bad("home", "closed", folder=str(folder))
    free = usage(standing).free
    values = {"folder": str(folder), "free": free // 1024**3, "megabytes": free // 1024**2}
    if free < LITTLE_SPACE:
        return bad("home", "full", **values)
    if free < SOME_SPACE:
        return care("home", "little", **values)
    return good("home", **values) if folder.exists() else care("home", "missing", **values)


def database(settings: Settings) -> Finding:
    """Say whether the database opens, and whether its schema is this program's."""
    opened = Database(settings.url, who="doctor")
    where = opened.place
    try:
        if not opened.exists:
            return care("database", "missing", where=where)
        found, head = opened.revisions()
        opened.expect_to_write()
    except RightsMissing as error:
        return bad("database", "rights", role=error.role, what=error.what)
    except WrongEncoding as error:
        return bad("database", "encoding", where=where, found=error.found)
    except ReadOnly:
        return bad("database", "read-only", where=where)
    except Exception as error:
        return failed("database", error)
    finally:
        opened.close()
    if found is None:
        return care("database", "empty", where=where)
    if found != head:
        return bad("database", "version", where=where, found=found, wanted=head)
    return good("database", where=where, found=found)


@contextmanager
def _parts(settings: Settings) -> Iterator[Parts]:
    opened = Database(settings.url, who="doctor")
    try:
        yield Parts(settings, opened)
    finally:
        opened.close()


def clock(parts: Parts, wall: datetime) -> Finding:
    """Say whether a clock has beaten lately, by the wall's time `wall`."""
    with parts.database.reading() as connection:
        known = clocks.known(connection)
    if not known:
        return bad("clock", "none")
    beating = [one for one in known if alarming.beats(one, wall)]
    silent = [one for one in known if one.stopped_at is None and not alarming.beats(one, wall)]
    if not beating:
        last = known[0]
        at = (last.stopped_at or last.beat_at).astimezone(ZoneInfo(parts.settings.time_zone))
        return bad(
            "clock", "silent" if last.stopped_at is None else "stopped", name=last.name, at=at
        )
    names = ", ".join(one.name for one in beating)
    if silent:
        return care("clock", "some", names=names, silent=", ".join(one.name for one in silent))
    return good("clock", names=names)


def wake_ups(parts: Parts, now: datetime) -> Finding:
    """Say whether anything that was due has been left lying."""
    at = chasing.next_wake(parts)
    if at is None:
        return good("wake-ups", "none")
    local = at.astimezone(ZoneInfo(parts.settings.time_zone))
    if now - at > OVERDUE:
        return bad("wake-ups", "overdue", at=local)
    return good("wake-ups", at=local)


def given_up(parts: Parts) -> Finding:
    """Say whether there is mail that only a person can help on."""
    with parts.database.reading() as connection:
        counts = {status: outbox.count_of(connection, status) for status in outgoing.TROUBLED}
    total = sum(counts.values())
    values = {status.value: count for status, count in counts.items()}
    return bad("outbox", "undeliverable", count=total, **values) if total else good("outbox")


def waiting(parts: Parts, now: datetime) -> Finding:
    """Say whether mail has been trying to go out for long."""
    with parts.database.reading() as connection:
        count, oldest = outbox.waiting(connection, now, since=now - LONG)
    if oldest is None:
        return good("waiting")
    return care("waiting", "long", count=count, at=_local(parts, oldest))


def relay(parts: Parts, now: datetime) -> Finding:
    """Say whether the mail server is left alone because it did not answer."""
    with parts.database.reading() as connection:
        troubled = {one.name: one for one in relays.troubled(connection)}
    found = troubled.get(parts.settings.relay)
    if found is None:
        return good("relay")
    values = {"name": found.name, "count": found.failures, "why": found.why}
    if found.open_until is not None and found.open_until > now:
        return bad("relay", "open", at=_local(parts, found.open_until), **values)
    return care("relay", "probing", **values)


def bouncing(parts: Parts) -> Finding:
    """Say whether mail to addresses of the active plans comes back."""
    with parts.database.reading() as connection:
        active = plans.all_runs(connection, active_only=True)
        known = addresses.known(connection)
    used: dict[str, None] = {}
    for run in active:
        for agency in parts.plan(run.plan_version).agencies.values():
            used |= dict.fromkeys(address.lower() for address in agency.addresses)
    broken = [
        address
        for address in used
        if (one := known.get(address)) is not None and one.bounced and not one.replaced_by
    ]
    if not broken:
        return good("addresses")
    named = ", ".join(broken[:NAMED]) + (" …" if len(broken) > NAMED else "")
    return care("addresses", "bouncing", count=len(broken), names=named)


def _local(parts: Parts, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(parts.settings.time_zone))


def active_runs(parts: Parts) -> Finding:
    """Say which plan runs are under way."""
    with parts.database.reading() as connection:
        found = [run.id for run in plans.all_runs(connection, active_only=True)]
    return good("runs", count=len(found), names=some(found)) if found else good("runs", "none")


def calendar(parts: Parts, now: datetime) -> Finding:
    """Say whether the active plans' calendars know the days that matter to them."""
    with parts.database.reading() as connection:
        active = plans.all_runs(connection, active_only=True)
        last = {run.id: obligations.latest_last_day(connection, run.id) for run in active}
    unknown, estimated = set[int](), set[int]()
    for run in active:
        plan = parts.plan(run.plan_version)
        today: date = now.astimezone(plan.zone).date()
        for year in range(today.year, max(today, last[run.id] or today).year + 1):
            if not plan.calendar.first_year <= year <= plan.calendar.last_year:
                unknown.add(year)
            elif plan.calendar.is_estimate(year):
                estimated.add(year)
    if unknown:
        return bad("calendar", "unknown", years=_listed(unknown))
    return (
        care("calendar", "estimated", years=_listed(estimated)) if estimated else good("calendar")
    )


def _listed(years: Iterable[int]) -> str:
    return ", ".join(str(year) for year in sorted(years))


def mail(settings: Settings) -> Finding:
    """Say whether mail would be taken: a real conversation up to the login, and no mail."""
    if not settings.smtp_host:
        folder = settings.mailbox_folder
        standing = next(one for one in (folder, *folder.resolve().parents) if one.exists())
        if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
            return bad("mail", "closed", folder=str(folder))
        return good("mail", "mailbox", folder=str(folder))
    why = asyncio.run(_greet(settings))
    values = {"host": settings.smtp_host, "port": str(settings.smtp_port), "why": why}
    if why:
        return bad("mail", "refused", **values)
    if settings.smtp_tls == "off":
        return care("mail", "open", **values)
    return good("mail", **values)


def bounces(settings: Settings) -> Finding:
    """Say whether the mailbox for mail that comes back opens; nothing in it is read."""
    if not returning.is_on(settings):
        if not settings.smtp_host:
            return good("bounces", "local")
        return care("bounces", "off", sender=settings.sender)
    try:
        with returning.inbox(settings) as opened:
            opened.look()
            name = opened.name
    except InboxError as error:
        return bad("bounces", "closed", why=str(error))
    if settings.imap_host and settings.imap_tls == "off":
        return care("bounces", "open", name=name)
    return good("bounces", name=name)


async def _greet(settings: Settings) -> str:
    way = replace(delivering.smtp_settings(settings), connect_timeout=SMTP_PATIENCE)
    async with SmtpChannel(way).session() as session:
        return await session.greet()


def sender(settings: Settings) -> Finding:
    """Say whether real mail would come from an address that can be answered."""
    try:
        checked_address(settings.sender)
    except BadAddress:
        return bad("sender", "unusable", sender=settings.sender)
    if settings.smtp_host and settings.sender.lower().endswith(".example"):
        return bad("sender", "example", sender=settings.sender)
    if settings.smtp_host and not settings.operator:
        return care("sender", "nobody", sender=settings.sender)
    return good("sender", sender=settings.sender)


def chats(settings: Settings) -> Finding:
    """Say whether escalations would be announced at chats or gateways; none is spoken to."""
    try:
        found = chat.services(settings.chats)
    except Exception as error:  # Apprise's words may hold an address
        return Finding("chat", Grade.BAD, "failed", {"why": type(error).__name__})
    if not found:
        return good("chat", "none")
    unreadable = [one.name for one in found if one.way is None]
    if unreadable:
        return bad("chat", "unreadable", names=", ".join(unreadable))
    names = ", ".join(one.name for one in found)
    return good("chat", names=names) if settings.smtp_host else care("chat", "idle", names=names)


def pretended(now: datetime, shift: timedelta, settings: Settings) -> Finding:
    """Say whether the installation pretends that it is another time."""
    local = now.astimezone(ZoneInfo(settings.time_zone))
    if not shift:
        return good("pretence", at=local)
    return (bad if settings.smtp_host else care)("pretence", "shifted", at=local)
