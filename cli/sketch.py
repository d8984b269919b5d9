"""Sketch: a preview on a terminal, its pictures drawn with characters, 80 columns or more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from cli.canvas import Canvas
from cli.console import out
from engine.chasing import Kind
from services.errors import Refused
from services.pages import deadlines, mails
from services.pages.days import DAY, Days, Week, day_off, days_of, quiet_spells, weeks_of
from services.pages.graph import gutter_lanes
from services.pages.layers import EVENT, net_of
from services.pages.mails import Box, Letter
from services.pages.nodes import facts_of, known_of
from services.pages.speech import Speech
from services.views.previewing import Preview

WIDEST, BROADEST_BOX = 140, 100  # longer lines are hard to read
ROOMY = 110  # from here on a week has its bar
BAR = 16
STYLES = {
    "event": "blue",
    "assign": "cyan",
    "remind": "yellow",
    "returned": "magenta",
    "overdue": "dark_orange",
    "escalate": "bold red",
}
OUTCOMES = {"late": "yellow", "overdue": "bold red", "waived": "dim", "pending": "dim"}


def print_preview(shown: Preview, language: str, *, whole: bool = False) -> None:
    """Print the stages, the days, the deadlines and the mails; `whole` mails have their texts."""
    speech = Speech(shown.plan, language)
    boxes = mails.boxes(shown, speech, whole=whole)
    _print_head(shown, speech, boxes)
    _head(speech.say("heading.graph"))
    _print_lines(_stages(shown, speech).lines())
    _head(speech.say("heading.strip"))
    _print_weeks(shown, speech)
    _head(speech.say("heading.deadlines"))
    _print_deadlines(shown, speech)
    _head(speech.say("heading.mails"))
    if whole:
        for box in boxes:
            print_box(box)
        return
    _print_letters(mails.letters(boxes), shown, speech)
    _print_boxes(boxes, speech)
    if boxes:
        out.print()
        _print(Text(speech.say("texts-hint", recipient=boxes[0].recipient), style="dim"))


def print_mails_to(shown: Preview, language: str, recipient: str) -> None:
    """Print the mails of one recipient with their texts. Raises Refused if it gets none."""
    speech = Speech(shown.plan, language)
    boxes = mails.boxes(shown, speech)
    for box in boxes:
        if box.recipient == recipient:
            print_box(box)
            return
    known = [box.recipient for box in boxes]
    raise Refused("page.no-mail-to", recipient=recipient, known=known)


def print_box(box: Box) -> None:
    """Print every mail of one recipient with its text."""
    _print(Text.assemble((box.name, "bold"), (f"  {box.email}  ", "dim"), _counts(box.counts)))
    for mail in box.mails:
        out.print()
        when = f"{mail.time} {mail.day} {mail.weekday} · "
        _print(Text.assemble(when, (mail.word, STYLES[mail.kind])))
        _print(Text(mail.subject, style="bold"))
        out.print()
        for paragraph in mail.text.rstrip().splitlines():
            _print_indented(paragraph)
    out.print()


def _width() -> int:
    return min(out.width, WIDEST)


def _print(text: Text) -> None:
    out.print(text, width=_width(), soft_wrap=False)


def _print_lines(lines: Iterable[Text]) -> None:
    for line in lines:
        out.print(line, no_wrap=True, crop=True)


def _print_indented(paragraph: str) -> None:
    """Print a paragraph of a mail; what is wrapped stands under what is not."""
    words = paragraph.lstrip(" ")
    grid = Table.grid()
    grid.add_column(width=2 + len(paragraph) - len(words))
    grid.add_column(overflow="fold", max_width=_width() - 2 - len(paragraph) + len(words))
    grid.add_row("", Text(words))
    out.print(grid)


def _head(words: str) -> None:
    out.print()
    rule = "─" * max(_width() - cell_len(words) - 1, 0)
    _print(Text.assemble((f"{words} ", "bold"), (rule, "dim")))


def _print_head(shown: Preview, speech: Speech, boxes: Sequence[Box]) -> None:
    plan, scenario = shown.plan, shown.scenario
    number = speech.say("number", number=plan.number, issued=plan.issued)
    _print(Text(f"{speech.say('document')} · {number}", style="bold"))
    _print(Text(plan.title, style="bold"))
    told = (
        speech.say("scenario", title=scenario.title) if scenario.title else speech.say("worst-case")
    )
    _print(Text(told, style="dim"))
    issued = shown.rehearsal.issued
    said = f" {speech.say('mails-to', count=len(boxes))}: "
    _print(Text.assemble((str(len(issued)), "bold"), said, _counts(mails.tally(issued, speech))))


def _counts(counts: Iterable[tuple[str, str, int]]) -> Text:
    parts = [Text(f"{word} {count}", style=STYLES[kind]) for kind, word, count in counts]
    return Text(" · ").join(parts)


def _stages(shown: Preview, speech: Speech) -> Canvas:
    """Draw the stages one below the other; arrows that skip one run down at the left."""
    net = net_of(shown.plan)
    lanes = gutter_lanes(net)
    count = 1 + max(lanes.values(), default=-1)
    pitch = 2 if 2 * count < _width() // 3 else 1
    left = pitch * count + 1 if lanes else 0
    room = min(_width(), BROADEST_BOX) - left
    canvas = Canvas()
    followed = {link.start for link in net.links if link not in lanes}
    tops: dict[str, int] = {}
    feet: dict[str, int] = {}
    row = 0
    for key in net.layer:
        lines = [*_box_lines(shown, speech, key, room - 4)]
        is_event = key.startswith(EVENT)
        closed = not is_event and shown.state.stages[key].opened_at is None
        canvas.box(
            row, left, len(lines) + 2, room, "yellow" if is_event else "dim" if closed else ""
        )
        for number, (words, style) in enumerate(lines, 1):
            canvas.write(row + number, left + 2, words, style)
        tops[key], feet[key] = row + 1, row + len(lines)
        row += len(lines) + 2
        if key in followed:
            canvas.down(left + 6, row - 1, row)
            canvas.write(row, left + 6, "▼")
        row += 1
    for link, lane in lanes.items():
        column = left - 1 - pitch * (lane + 1)
        style = "yellow" if link.style == "wait" else ""
        canvas.across(feet[link.start], column, left, style)
        canvas.down(column, feet[link.start], tops[link.end], style)
        canvas.across(tops[link.end], column, left - 1, style)
        canvas.write(tops[link.end], left - 1, "▶", style)
    return canvas


def _box_lines(shown: Preview, speech: Speech, key: str, room: int) -> Iterable[tuple[str, str]]:
    if key.startswith(EVENT):
        title, came = known_of(shown, speech, key)
        yield speech.say("event"), "yellow"
        for line in _wrapped(title, room):
            yield line, ""
        yield came, "bold"
        return
    stage = shown.plan.stage(key)
    yield from ((line, "dim") for line in _wrapped(f"{speech.stage(stage)} · {key}", room))
    yield from ((line, "bold") for line in _wrapped(stage.title, room))
    facts = facts_of(shown, speech, stage)
    said = " · ".join(f"{fact.label.lower()}: {fact.text}" for fact in facts[:-1])
    yield from ((line, "") for line in _wrapped(said[0].upper() + said[1:], room))
    yield from ((line, "") for line in _wrapped(f"{facts[-1].label}: {facts[-1].text}", room))


def _wrapped(words: str, room: int) -> list[str]:
    return [line.plain.rstrip() for line in Text(words).wrap(out, room, overflow="fold")]


def _print_weeks(shown: Preview, speech: Speech) -> None:
    """Print a line a week: a number of mails a day, days off shaded, and what falls then."""
    days = days_of(shown, speech)
    roomy = _width() >= ROOMY
    grid = _grid(10, *[4] * 7, 1, *([BAR] if roomy else []), padding=0)
    names = speech.say("weekdays").split()
    bar = ["", ""] if roomy else [""]
    grid.add_row("", *(Text(f"{name:>3}", style="dim") for name in names), *bar, "")
    notes = _notes(shown, speech, days)
    most = max((_week_total(days, week).total() for week in weeks_of(days)), default=1)
    year = 0
    for week in weeks_of(days):
        if week.silent:
            silent = Text(f"… {speech.say('silent', count=week.silent)}", style="dim italic")
            grid.add_row(Text("⋮", style="dim"), *[""] * (7 + len(bar)), silent)
            continue
        say = speech.day if week.monday.year != year else speech.brief_day
        year = week.monday.year
        cells = [_day_cell(shown, days, week.monday + number * DAY) for number in range(7)]
        drawn = ["", _bar(_week_total(days, week), most)] if roomy else [""]
        said = Text("\n").join(notes.get(week.monday, []))
        grid.add_row(Text(say(week.monday), style="dim"), *cells, *drawn, said)
    out.print(grid)
    _print(_weeks_legend(shown, speech))


def _day_cell(shown: Preview, days: Days, day: date) -> Text:
    counts = days.mails.get(day)
    marked = "◆" if any(f.day == day and f.style == "deadline" for f in days.flags) else ""
    name = day_off(shown.plan.calendar, day)
    if counts:
        said, style = str(counts.total()), STYLES[max(counts).word]
    elif shown.plan.is_quiet(day):
        said, style = "▒▒", "red"
    elif name is None:
        said, style = "·", "dim"
    else:
        said, style = ("▒▒", "red") if name else ("░░", "dim")
    return Text.assemble((f"{said:>3}", style), (marked, "bold red"))


def _week_total(days: Days, week: Week) -> Counter[Kind]:
    found: Counter[Kind] = Counter()
    for number in range(7):
        found += days.mails.get(week.monday + number * DAY, Counter())
    return found


def _bar(counts: Counter[Kind], most: int) -> Text:
    bar = Text()
    for kind, count in sorted(counts.items()):
        bar.append("█" * max(round(count * (BAR - 4) / most), 1), style=STYLES[kind.word])
    if counts:
        bar.append(f" {counts.total()}", style="dim")
    return bar


def _notes(shown: Preview, speech: Speech, days: Days) -> dict[date, list[Text]]:
    """Gather what falls in each week, by its Monday: days off, stages, deadlines, escalations."""
    found: list[tuple[date, int, Text]] = []
    for flag in days.flags:
        style = {"deadline": "bold red", "event": "yellow"}.get(flag.style, "red")
        found.append((flag.day, 2, Text(flag.words, style=style)))
    for span in days.spans:
        said = speech.say("opens-on", day=speech.brief_day(span.first), stage=span.words)
        found.append((span.first, 1, Text(said)))
        if span.last is not None:
            said = speech.say("closes-on", day=speech.brief_day(span.last), stage=span.words)
            found.append((span.last, 3, Text(said)))
    for day, words in quiet_spells(shown, speech, days):
        found.append((day, 0, Text(f"{speech.brief_day(day)} {words}", style="dim")))
    for week in weeks_of(days):
        for number in range(0 if week.silent else 7):
            day = week.monday + number * DAY
            if name := day_off(shown.plan.calendar, day):
                found.append((day, 0, Text(f"{speech.brief_day(day)} {name}", style="dim")))
    notes: dict[date, list[Text]] = {}
    for day, _, said_on in sorted(found, key=lambda one: one[:2]):
        notes.setdefault(day - day.weekday() * DAY, []).append(said_on)
    return notes


def _weeks_legend(shown: Preview, speech: Speech) -> Text:
    tally = mails.tally(shown.rehearsal.issued, speech)
    return Text.assemble(
        f"{speech.say('mails-per-day')}: ",
        Text(" · ").join(Text(word, style=STYLES[kind]) for kind, word, _ in tally),
        *(("  ◆", "bold red"), f" {speech.say('deadline')}"),
        *(("  ░░", "dim"), f" {speech.say('weekend')}"),
        *(("  ▒▒", "red"), f" {speech.say('holiday')}"),
    )


def _print_deadlines(shown: Preview, speech: Speech) -> None:
    for number, part in enumerate(deadlines.parts(shown, speech)):
        if number:
            out.print()
        _print(Text.assemble((part.head, "bold cyan"), (f" · {part.title}", "bold")))
        _print(Text(speech.say("done-when", gate=part.gate), style="dim"))
        grid = _grid(11)
        for row in part.rows:
            if row.is_dated:
                day = Text.assemble((row.day, "bold red"), f"\n{row.weekday}")
                steps = " → ".join(row.steps)
                grid.add_row(day, Text("\n").join([_task(row), _owed(row), Text(steps)]))
        if grid.rows:
            out.print(grid)
        for reason, rows in groupby(
            sorted((row for row in part.rows if not row.is_dated), key=lambda row: row.day),
            lambda row: row.day,
        ):
            _print(Text(f"{reason[0].upper()}{reason[1:]}:"))
            grid = _grid(1)
            for row in rows:
                grid.add_row("·", _undated(row))
            out.print(grid)


def _task(row: deadlines.Row) -> Text:
    said = " · ".join(filter(None, (row.ref, row.id)))
    return Text(row.task).append(f" ({said})", style="dim")


def _owed(row: deadlines.Row) -> Text:
    said = Text(f"{row.who}: ")
    ends = (Text(words, style=OUTCOMES.get(style, "green")) for style, words in row.outcomes)
    return said.append_text(Text(", ").join(ends))


def _undated(row: deadlines.Row) -> Text:
    said = _task(row).append(" – ").append_text(_owed(row))
    return said.append(f"; {' → '.join(row.steps)}" if row.steps else "")


def _print_letters(letters: Sequence[Letter], shown: Preview, speech: Speech) -> None:
    """Print what goes out by time, mails under one subject in one line."""
    _print(Text(speech.say("heading.letters"), style="bold"))
    prefix = f"[{shown.plan.number}] "
    widest = max((len(letter.mail.word) for letter in letters), default=0)
    for _, together in groupby(letters, lambda letter: letter.mail.at):
        grid = _grid(1, widest, 5)
        for number, letter in enumerate(together):
            mail = letter.mail
            if number == 0:
                _print(Text.assemble((f"{mail.time} {mail.day} ", "bold"), mail.weekday))
            said = Text(mail.subject.removeprefix(prefix))
            if letter.names:
                said.append(f" → {'; '.join(letter.names)}", style="dim")
            many = Text(f"{letter.count} ×", justify="right")
            grid.add_row("", Text(mail.word, style=STYLES[mail.kind]), many, said)
        out.print(grid)


def _print_boxes(boxes: Sequence[Box], speech: Speech) -> None:
    """Print a line a recipient: its id and name, how many mails, and their kinds in order."""
    out.print()
    _print(Text(speech.say("by-recipient"), style="bold"))
    grid = _grid(max((len(box.recipient) for box in boxes), default=0), 3, 34)
    for box in boxes:
        letters = Text()
        for mail in box.mails:
            letters.append(speech.say(f"letter.{mail.kind}"), style=STYLES[mail.kind])
        many = Text(str(len(box.mails)), justify="right")
        grid.add_row(Text(box.recipient, style="dim"), many, Text(box.name), letters)
    out.print(grid)
    legend = [
        Text(f"{speech.say(f'letter.{kind.word}')} {speech.kind(kind.word)}", STYLES[kind.word])
        for kind in Kind
        if any(mail.kind == kind.word for box in boxes for mail in box.mails)
    ]
    _print(Text(" · ").join(legend))


def _grid(*widths: int, padding: int = 1) -> Table:
    """Return an empty grid: columns of fixed widths, then one that takes the rest."""
    grid = Table.grid(padding=(0, padding))
    grid.width = _width()
    for width in widths:
        grid.add_column(width=width, overflow="fold")
    grid.add_column(ratio=1, overflow="fold")
    return grid
