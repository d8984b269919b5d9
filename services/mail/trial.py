"""Mail trial: prove the mail settings, step by step, down to one small mail that is sent."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from language.catalogue import has, text
from notifiers.errors import BadAddress
from notifiers.mime.address import checked_address, wire_address
from notifiers.mime.message import Sender
from notifiers.mime.note import Note, envelope
from notifiers.wire import trial
from notifiers.wire.channel import Refused, Sent, TryLater
from notifiers.wire.smtp import SmtpChannel, SmtpSettings
from services.mail.delivering import smtp_settings
from services.settings import Settings

PATIENCE = 20.0  # seconds that a person waits for one answer
_FOR_GOOD = re.compile(r"answered: 5\d\d ")  # said of the sender, or of us: no address is at fault
SOON = timedelta(days=21)  # before its end a certificate is to be renewed


class Fault(StrEnum):
    """Whose trouble a step that failed is."""

    OURS = "ours"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the trial and what is said of it: `trial.<name>.<said>`."""

    name: str
    said: str
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    is_care: bool = False

    def say(self, language: str) -> str:
        """Return what was found."""
        return text(language, f"trial.{self.name}.{self.said}", **self.values)

    def help(self, language: str) -> str:
        """Return what to do, if there is anything."""
        key = f"trial.{self.name}.{self.said}-help"
        return text(language, key, **self.values) if has(language, key) else ""


async def prove(
    settings: Settings,
    address: str,
    now: datetime,
    *,
    tls_context: ssl.SSLContext | None = None,
) -> AsyncIterator[Step]:
    """Yield each step as it is done; the first that fails is the last.

    Without a server configured there is nothing to prove: where mail is filed is said.
    """
    if bad := _addresses(settings, address):
        yield bad
        return
    if not settings.smtp_host:
        yield Step("server", "mailbox", {"folder": str(settings.mailbox_folder)})
        return
    spoken = _impatient(smtp_settings(settings))
    async for step in trial.steps(spoken, tls_context=tls_context):
        yield _told(step, settings, now)
        if not step.is_good:
            return
    yield await _send(settings, SmtpChannel(spoken, tls_context=tls_context), address, now)


def _addresses(settings: Settings, address: str) -> Step | None:
    """Return what is wrong with an address, before anybody is spoken to."""
    try:
        wire_address(address)
    except BadAddress:
        return Step("address", "bad", {"address": address}, Fault.OURS)
    try:
        checked_address(settings.sender)
    except BadAddress:
        return Step("sender", "bad", {"sender": settings.sender}, Fault.OURS)
    return None


def _impatient(settings: SmtpSettings) -> SmtpSettings:
    return replace(
        settings,
        connect_timeout=PATIENCE,
        command_timeout=PATIENCE,
        data_timeout=PATIENCE,
        final_timeout=3 * PATIENCE,
    )


def _told(step: trial.Step, settings: Settings, now: datetime) -> Step:
    if not step.is_good:
        return Step(step.name, step.said, step.values, Fault.THEIRS)
    if "until" not in step.values:
        return Step(step.name, step.said, step.values, is_care=step.said == "off")
    until: datetime = step.values["until"]
    day: date = until.astimezone(ZoneInfo(settings.time_zone)).date()
    is_soon = until - now < SOON
    said = "soon" if is_soon else step.said
    return Step(step.name, said, {**step.values, "until": day}, is_care=is_soon)


async def _send(settings: Settings, channel: SmtpChannel, address: str, now: datetime) -> Step:
    """Send one small mail the way that all mail takes."""
    said = settings.language
    local = now.astimezone(ZoneInfo(settings.time_zone))
    note = Note(
        to=address,
        subject=text(said, "trial.mail.subject"),
        text=text(said, "trial.mail.body", host=settings.smtp_host, at=local),
        message_id=f"<trial.{uuid4()}@{checked_address(settings.sender).rpartition('@')[2]}>",
        at=local,
        language=said,
    )
    outcomes = await channel.send(envelope(note, sender=Sender("Đôn Đốc", settings.sender)))
    outcome, values = outcomes[address], {"address": address}
    match outcome:
        case Sent(answer):
            return Step("send", "good", values | {"said": answer})
        case Refused(why):
            return Step("send", "refused", values | {"why": why}, Fault.THEIRS)
        case TryLater(why) if _FOR_GOOD.match(why):  # no mail at all is taken from us
            values |= {"sender": settings.sender}
            return Step("send", "barred", values | {"why": why}, Fault.THEIRS)
        case TryLater(why):
            return Step("send", "later", values | {"why": why}, Fault.THEIRS)
        case _:
            return Step("send", "unsure", values | {"why": outcome.reason}, Fault.THEIRS)
