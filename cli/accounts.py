"""Accounts: a comparison on a terminal, readable at 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.console import out
from language.catalogue import text
from services.comparing.account import SIGNS, Account, Detail, Group, Item, Mark, Part

STYLES = {
    Mark.WARNING: "bold yellow",
    Mark.GONE: "red",
    Mark.ADDED: "green",
    Mark.MOVED: "cyan",
    Mark.CHANGED: "yellow",
    Mark.RENAMED: "magenta",
}
MOST_NAMES = 12
MOST_LINES = 6


def print_account(told: Account, names: tuple[str, str], language: str) -> None:
    """Print a comparison; `names` are the two files as their reader calls them."""
    out.print(Text(told.title, style="bold"))
    heads = (text(language, "comparison.old"), text(language, "comparison.new"))
    for head, name in zip(heads, names, strict=True):
        out.print(Text(f"{head}: {name}"))
    out.print(Text(told.scene, style="dim"))
    out.print()
    if told.verdict:
        out.print(Text(told.verdict, style="bold green"))
        return
    _print_summary(told)
    for part in told.parts:
        _print_part(part, language)


def _print_summary(told: Account) -> None:
    said = [Text(f"{count.count} {count.said}", style=STYLES[count.mark]) for count in told.counts]
    if said:
        out.print(Text(" · ").join(said))
    out.print(Text(told.mails))


def _print_part(part: Part, language: str) -> None:
    out.print()
    out.print(Text(part.heading.upper(), style="bold underline"))
    for group in part.groups:
        _print_group(group, language)


def _print_group(group: Group, language: str) -> None:
    if group.who:
        head = Text(group.who, style="bold")
        if group.names:
            head += Text(": " + _names(group.names, language))
        out.print()
        out.print(head + Text(f" ({group.counts})", style="dim"))
        if group.about:
            out.print(Text(text(language, "comparison.about-mails", about=group.about)))
    laid = Table.grid(padding=(0, 1))
    laid.add_column(no_wrap=True)
    laid.add_column(overflow="fold")
    for item in group.items:
        first, *others = _lines(item, language)
        laid.add_row(Text(SIGNS[item.mark], style=STYLES[item.mark]), first)
        for line in others:
            laid.add_row("", line)
    out.print(Padding(laid, (0, 0, 0, 1)))


def _lines(item: Item, language: str) -> Iterator[Text | Padding]:
    """Yield the lines of an item, the first of them its head, with its days if it is short."""
    head = Text(item.what)
    if item.ref:
        head += Text(f" [{item.ref}]", style="dim")
    if item.about:
        head += Text(f" – {item.about}")
    who = item.who + (": " + _names(item.names, language) if item.names else "")
    turn = _turn(item.old, item.new)
    if who and not item.ref and not turn:
        head += Text(f": {who}")
        who = ""
    if turn and not item.ref and not item.by:
        head += Text(": ") + turn
        turn = Text()
    yield head
    if who:
        yield Text(who)
    if turn:
        yield turn + Text(f" – {item.by}" if item.by else "", style="bold")
    for detail in item.details:
        yield from _detail(detail)
    yield from _changed_lines(item, language)


def _turn(old: str, new: str) -> Text:
    """Say from what to what; where only one of them is known, say it alone."""
    if old and new:
        return Text.assemble((old, "red"), " → ", (new, "green"))
    return Text(old or new)


def _detail(detail: Detail) -> Iterator[Text | Padding]:
    """Yield a detail: on one line, or what it was and is below each other if they are long."""
    label = Text(f"{detail.label}: " if detail.label else "", style="dim")
    if detail.is_long:
        yield label
        yield _signed(Mark.GONE, detail.old)
        yield _signed(Mark.ADDED, detail.new)
    else:
        yield label + (Text(detail.said) if detail.said else _turn(detail.old, detail.new))


def _changed_lines(item: Item, language: str) -> Iterator[Text | Padding]:
    if item.gone or item.added:
        yield Text(text(language, "comparison.words-changed") + ":", style="dim")
    for mark, lines in ((Mark.GONE, item.gone), (Mark.ADDED, item.added)):
        yield from (_signed(mark, line) for line in lines[:MOST_LINES])
        if (more := len(lines) - MOST_LINES) > 0:
            yield _signed(mark, text(language, "comparison.more-lines", count=more))


def _signed(mark: Mark, line: str) -> Padding:
    return Padding(Text(f"{SIGNS[mark]} {line}", style=STYLES[mark]), (0, 0, 0, 2))


def _names(names: Iterable[str], language: str) -> str:
    """Join names, which may hold commas, and count those beyond the first dozen."""
    known = list(names)
    shown = known if len(known) <= MOST_NAMES + 1 else known[:MOST_NAMES]
    said = "; ".join(shown)
    if len(shown) < len(known):
        said += " " + text(language, "comparison.more-names", count=len(known) - len(shown))
    return said
