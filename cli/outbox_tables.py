"""Outbox tables: mail on a terminal of 80 columns: to which addresses, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich.text import Text

from cli.console import out, table
from language.catalogue import text
from language.dates import instant
from notifiers.wire.bounces import Kind
from services.mail.outgoing import TROUBLED, Listed, Outgoing
from services.mail.proofs import Proof
from storage.outbox import OPEN, Status
from storage.recipients import SETTLED, Fate, Recipient

STYLES = {
    Status.SENT: "green",
    Status.LATER: "yellow",
    Status.UNCERTAIN: "yellow",
    Status.UNDELIVERABLE: "bold red",
    Status.EXPIRED: "bold red",
    Status.BOUNCED: "bold red",
    Status.CANCELLED: "dim",
}
SIGNS = {
    Fate.SENT: ("✓", "green"),
    Fate.LATER: ("…", "yellow"),
    Fate.UNCERTAIN: ("?", "yellow"),
    Fate.REFUSED: ("✗", "red"),
    Fate.BOUNCED: ("↩", "red"),
    Fate.WITHHELD: ("–", "dim"),
}


def print_list(shown: Listed, language: str) -> None:
    """Print messages, each with its addresses; then how many there are, and came to what."""
    if not shown.found:
        out.print(text(language, "outbox.empty"))
        return
    heads = (text(language, f"screen.{key}") for key in ("number", "status", "mail"))
    made = table(*heads, right=[0])
    for one in shown.found:
        when = Text(f"{one.local(one.message.send_at):%Y-%m-%d %H:%M}\n")
        made.add_row(str(one.message.id), when + _status(one, language), _mail(one, language))
    out.print(made)
    if shown.left_off:
        said = text(language, "outbox.left-off", count=shown.left_off, shown=len(shown.found))
        out.print(said, soft_wrap=True)
    out.print(_counts(shown.counts, language), soft_wrap=True)


def print_one(one: Outgoing, proof: Proof | None, remark: str, language: str) -> None:
    """Print a message: where it stands, its addresses, every attempt, and the mail itself."""
    out.print(Text(text(language, "outbox.title", number=one.message.id), style="bold"))
    out.print(_status(one, language))
    for recipient in one.recipients:
        out.print(_recipient(one, recipient, language), soft_wrap=True)
    if one.message.error and all(one.message.error != found.detail for found in one.recipients):
        out.print(one.message.error, soft_wrap=True)
    if one.attempts:
        out.print()
        keys = ("attempt", "when", "came-to", "answer")
        heads = (text(language, f"screen.{key}") for key in keys)
        made = table(*heads, right=[0])
        for number, attempt in enumerate(one.attempts, 1):
            made.add_row(
                str(number),
                f"{one.local(attempt.began_at):%Y-%m-%d %H:%M:%S}",
                text(language, f"status.{attempt.outcome}"),
                Text(attempt.detail),
            )
        out.print(made)
    if one.instead is not None:
        out.print(text(language, "outbox.instead", number=one.instead), soft_wrap=True)
    for posted in one.back:
        at = one.local(posted.read_at)
        values = {"address": posted.address, "detail": posted.detail}
        said = text(language, f"outbox.back-{posted.kind}", at=at, **values)
        out.print(said, soft_wrap=True)
    out.print()
    if remark:
        out.print(Text(remark, style="yellow"), soft_wrap=True)
        out.print()
    if proof is None:
        return
    for name, value in proof.headers or (("Subject", proof.subject),):
        out.print(Text(f"{name}: ", style="dim") + Text(value), soft_wrap=True)
    out.print()
    out.print(proof.text, soft_wrap=True)


def _status(one: Outgoing, language: str) -> Text:
    """Say where a message stands, and what follows by itself."""
    message = one.message
    said = _word(message.status, language)
    if message.tries > 1:
        said.append("\n" + text(language, "outbox.tries", count=message.tries), style="dim")
    if message.status.value in OPEN and message.next_try_at is not None and message.tries:
        said.append("\n" + _at("next-try", one, message.next_try_at, language), style="dim")
        if message.expires_at is not None:
            said.append("\n" + _at("expires", one, message.expires_at, language), style="dim")
    return said


def _word(status: Status, language: str) -> Text:
    return Text(text(language, f"status.{status.value}"), style=STYLES.get(status, ""))


def _at(key: str, one: Outgoing, moment: datetime, language: str) -> str:
    return text(language, f"outbox.{key}", at=instant(language, one.local(moment)))


def _mail(one: Outgoing, language: str) -> Text:
    message = one.message
    said = Text(one.agency.name, style="bold")
    said.append(f" · {text(language, f'kind.{message.kind}')}", style="not bold")
    if message.subject:
        said.append(f"\n{message.subject}", style="not bold dim")
    for recipient in one.recipients:
        said.append("\n")
        said.append_text(_recipient(one, recipient, language))
    if message.error and all(message.error != found.detail for found in one.recipients):
        said.append(f"\n{message.error}", style="not bold red")
    for posted in (posted for posted in one.back if posted.kind == Kind.AUTO_REPLY.value):
        values = {"address": posted.address, "detail": posted.detail}
        said.append(f"\n{text(language, 'outbox.reply', **values)}", style="not bold dim")
    return said


def _recipient(one: Outgoing, recipient: Recipient, language: str) -> Text:
    """Say what became of a message at an address, in one line."""
    sign, style = SIGNS[recipient.fate]
    word = f"fate.{recipient.fate.value}"
    if recipient.fate not in SETTLED and one.message.status.value not in OPEN:
        sign, style, word = "✗", "red", "fate.not-taken"  # nothing more is tried
    said = Text(f"{sign} ", style=f"not bold {style}")
    said.append(recipient.address, style="not bold")
    if recipient.is_copy:
        said.append(f" ({text(language, 'outbox.copy')})", style="not bold dim")
    if recipient.fate is not Fate.SENT:
        said.append(f": {text(language, word)}", style=f"not bold {style}")
    if recipient.detail and recipient.fate is not Fate.SENT:
        said.append(f" – {recipient.detail}", style="not bold dim")
    return said


def _counts(counts: Mapping[Status, int], language: str) -> Text:
    said = Text()
    for status in Status:
        if counts.get(status):
            said.append("; " if said else "")
            said.append_text(_word(status, language))
            said.append(f": {counts[status]}")
    if any(counts.get(status) for status in TROUBLED):
        said.append("\n" + text(language, "outbox.trouble"))
    return said
