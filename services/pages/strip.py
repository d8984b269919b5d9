"""Strip: the days of a plan on a time line: mails, deadlines, days off, stages.

Weeks in which nothing happens are left out where three or more follow each other; what
is left is broken into rows of as many weeks as the paper or the screen holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.calendar import SATURDAY, CalendarRangeError
from engine.chasing import Kind
from engine.ledger import EntryKind
from services.pages.deadlines import shared_deadlines
from services.pages.lettering import cut, width
from services.pages.speech import Speech
from services.previewing import Preview

SILENT_WEEKS = 3
GAP_COLUMNS = 2
BARS, DEEP, FLAG_STEP, BAND_STEP = 74.0, 20.0, 15.0, 17.0
FLAG_SIZE, WIDEST_DAY = 10.5, 17.0
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Flag:
    """A day to be marked; `style` is `deadline`, `escalate` or `event`."""

    day: date
    words: str
    style: str


@dataclass(frozen=True, slots=True)
class Span:
    """The days on which a stage is open; `last` None where it never closes."""

    words: str
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Days:
    """Everything that the strip shows, by day."""

    mails: dict[date, Counter[Kind]]
    received: Counter[date]
    flags: tuple[Flag, ...]
    spans: tuple[Span, ...]

    def busy(self) -> set[date]:
        """Return every day on which something happens."""
        edges = {edge for span in self.spans for edge in (span.first, span.last) if edge}
        return {*self.mails, *self.received, *(flag.day for flag in self.flags), *edges}


@dataclass(frozen=True, slots=True)
class Week:
    """A week, named by its Monday; `silent` > 0 stands for so many weeks left out."""

    monday: date
    silent: int = 0

    @property
    def columns(self) -> int:
        """How many weeks' room it takes."""
        return GAP_COLUMNS if self.silent else 1


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, with the words that appear when one points at it."""

    x: float
    y: float
    width: float
    height: float
    style: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a point; `anchor` as in SVG."""

    x: float
    y: float
    words: str
    style: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the strip; its parts lie above and below the axis, from its own top."""

    y: float
    axis: float
    width: float
    rects: tuple[Rect, ...]
    labels: tuple[Label, ...]
    stems: tuple[Rect, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing of `width` × `height` user units."""

    width: float
    height: float
    rows: tuple[Row, ...]


def days_of(shown: Preview, speech: Speech) -> Days:
    """Gather what happens on which day, in the plan's time zone."""
    mails: dict[date, Counter[Kind]] = defaultdict(Counter)
    for issued in shown.rehearsal.issued:
        mails[speech.local(issued.digest.send_at).date()][issued.digest.kind] += 1
    received = Counter(
        speech.local(entry.recorded_at).date()
        for entry in shown.rehearsal.entries
        if entry.kind is EntryKind.SUBMITTED
    )
    flags = (*_deadlines(shown, speech), *_escalations(shown, speech), *_events(shown, speech))
    return Days(
        mails=dict(mails),
        received=received,
        flags=tuple(sorted(flags, key=lambda flag: flag.day)),
        spans=tuple(_spans(shown, speech)),
    )


def draw(shown: Preview, speech: Speech, days: Days, *, room: float, most: int) -> Drawing:
    """Draw `days` in rows of at most `most` weeks, `room` wide."""
    weeks = _weeks(days.busy())
    if not weeks:
        return Drawing(room, 0, ())
    rows = _rows(weeks, most)
    columns = max(sum(week.columns for week in row) for row in rows)
    day_width = min(room / (7 * columns), WIDEST_DAY)
    drawn: list[Row] = []
    y = 0.0
    for row in rows:
        pen = _Pen(shown, speech, days, row, day_width, room)
        drawn.append(pen.row(y))
        y += pen.height
    return Drawing(room, y, tuple(drawn))


def _deadlines(shown: Preview, speech: Speech) -> Iterator[Flag]:
    counts: Counter[date] = Counter()
    for one in shared_deadlines(shown):
        if one.due is not None:
            counts[one.due.last_day] += len(one.states)
    for day, count in counts.items():
        yield Flag(
            day, speech.say("flag-deadline", day=speech.brief_day(day), count=count), "deadline"
        )


def _escalations(shown: Preview, speech: Speech) -> Iterator[Flag]:
    told: dict[date, dict[str, None]] = defaultdict(dict)
    for issued in shown.rehearsal.issued:
        if issued.digest.kind is Kind.ESCALATE:
            told[speech.local(issued.digest.send_at).date()][issued.digest.recipient] = None
    for day, recipients in told.items():
        names = ", ".join(speech.short_name(recipient) for recipient in recipients)
        yield Flag(
            day, speech.say("flag-escalate", day=speech.brief_day(day), names=names), "escalate"
        )


def _events(shown: Preview, speech: Speech) -> Iterator[Flag]:
    for name, event in shown.state.events.items():
        day = speech.local(event.recorded_at).date()
        words = event.document or name
        yield Flag(day, speech.say("flag-event", day=speech.brief_day(day), what=words), "event")


def _spans(shown: Preview, speech: Speech) -> Iterator[Span]:
    for stage in shown.plan.stages:
        state = shown.state.stages[stage.id]
        if state.opened_at is not None:
            last = None if state.done_at is None else closing_day(state.done_at, speech)
            yield Span(speech.stage(stage), speech.local(state.opened_at).date(), last)


def closing_day(done_at: datetime, speech: Speech) -> date:
    """Return the day that a stage closes on; 00:00 is the end of the day before."""
    return speech.local(done_at - INSTANT).date()


def _weeks(busy: set[date]) -> list[Week]:
    """Return the weeks from the first busy day to the last, long silences made one."""
    if not busy:
        return []
    mondays = {day - timedelta(days=day.weekday()) for day in busy}
    weeks: list[Week] = []
    for monday in sorted(mondays):
        if weeks:
            start = weeks[-1].monday + WEEK
            silent = (monday - start).days // 7
            if silent >= SILENT_WEEKS:
                weeks.append(Week(start, silent))
            else:
                weeks += [Week(start + number * WEEK) for number in range(silent)]
        weeks.append(Week(monday))
    return weeks


def _rows(weeks: Sequence[Week], most: int) -> list[list[Week]]:
    """Break the weeks into rows of about the same length."""
    total = sum(week.columns for week in weeks)
    even = -(-total // -(-total // most))
    rows: list[list[Week]] = [[]]
    for week in weeks:
        if rows[-1] and sum(one.columns for one in rows[-1]) + week.columns > even:
            rows.append([])
        rows[-1].append(week)
    return rows


class _Pen:
    """Draws one row."""

    def __init__(
        self,
        shown: Preview,
        speech: Speech,
        days: Days,
        weeks: Sequence[Week],
        day_width: float,
        room: float,
    ) -> None:
        self.shown, self.speech, self.days, self.weeks = shown, speech, days, weeks
        self.day_width, self.room = day_width, room
        self.lefts: list[float] = []
        left = 0.0
        for week in weeks:
            self.lefts.append(left)
            left += 7 * day_width * week.columns
        self.width = left
        self.first, self.end = weeks[0].monday, self._end(weeks[-1])
        self.flags = [flag for flag in days.flags if self.first <= flag.day < self.end]
        self.levels = self._levels()
        self.axis = FLAG_STEP * (max(self.levels, default=-1) + 1) + 16 + BARS
        self.deep = DEEP if days.received else 0.0
        self.spans = [
            span
            for span in days.spans
            if span.first < self.end and (span.last is None or span.last >= self.first)
        ]
        self.height = self.axis + self.deep + 22 + BAND_STEP * len(self.spans) + 20

    @staticmethod
    def _end(week: Week) -> date:
        return week.monday + WEEK * (week.silent or 1)

    def x(self, day: date) -> float:
        """Return the left edge of `day`, within the row."""
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if day < self._end(week):
                part = max((day - week.monday).days, 0) / (7 * (week.silent or 1))
                return left + part * 7 * week.columns * self.day_width
        return self.width

    def row(self, y: float) -> Row:
        """Return the row, its top at `y`."""
        flags, stems = self._flagged()
        gaps = list(self._gaps())
        bands, names = self._bands()
        return Row(
            y=y,
            axis=self.axis,
            width=self.width,
            rects=(*self._ground(), *bands, *self._bars()),
            labels=(*flags, *gaps, *names, *self._counts(), *self._mondays()),
            stems=tuple(stems),
        )

    def _shown_days(self) -> Iterator[date]:
        for week in self.weeks:
            if not week.silent:
                yield from (week.monday + number * DAY for number in range(7))

    def _ground(self) -> Iterator[Rect]:
        """Shade the days off, and what is left out."""
        top = self.axis - BARS - 8
        tall = BARS + 8 + self.deep
        calendar = self.shown.plan.calendar
        for day in self._shown_days():
            try:
                off, named = not calendar.is_working(day), calendar.day_off(day)
            except CalendarRangeError:
                off, named = day.weekday() >= SATURDAY, None
            if off:
                words = f"{self.speech.day(day)}: {named.name}" if named else ""
                style = "holiday" if named else "weekend"
                yield Rect(self.x(day), top, self.day_width, tall, style, words)
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if week.silent:
                room = 7 * week.columns * self.day_width
                yield Rect(left, top, room, tall, "gap")

    def _gaps(self) -> Iterator[Label]:
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if week.silent:
                middle = left + 3.5 * week.columns * self.day_width
                said = self.speech.say("silent", count=week.silent)
                yield Label(middle, self.axis - BARS / 2, said, "silent", "middle")

    def _scale(self) -> float:
        counts = [day.total() for day in self.days.mails.values()]
        return (BARS - 8) / max(counts, default=1)

    def _bars(self) -> Iterator[Rect]:
        scale, slim = self._scale(), self.day_width * 0.72
        for day in self._shown_days():
            x = self.x(day) + (self.day_width - slim) / 2
            y = self.axis
            for kind, count in sorted(self.days.mails.get(day, {}).items()):
                tall = max(count * scale, 2.0)
                y -= tall
                yield Rect(x, y, slim, tall, f"bar {kind.word}", self._told(day))
            if came := self.days.received[day]:
                deepest = max(self.days.received.values())
                tall = max(came * (DEEP - 4) / deepest, 2.0)
                said = self.speech.say("received-on", day=self.speech.day(day), count=came)
                yield Rect(x, self.axis + 1.5, slim, tall, "bar received", said)

    def _tall(self, day: date) -> float:
        """How high a day's bar and its number stand above the axis."""
        counts = self.days.mails.get(day)
        if not counts:
            return 0.0
        return sum(max(count * self._scale(), 2.0) for count in counts.values()) + 13

    def _told(self, day: date) -> str:
        counts = sorted(self.days.mails[day].items())
        said = ", ".join(f"{self.speech.kind(kind.word)} {count}" for kind, count in counts)
        return f"{self.speech.day(day)} ({self.speech.weekday(day)}): {said}"

    def _counts(self) -> Iterator[Label]:
        for day in self._shown_days():
            if counts := self.days.mails.get(day):
                y = self.axis - self._tall(day) + 10
                yield Label(self._middle(day), y, str(counts.total()), "count", "middle")

    def _mondays(self) -> Iterator[Label]:
        last = 0
        for week in self.weeks:
            if not week.silent:
                year = week.monday.year
                said = self.speech.brief_day(week.monday)
                if year != last:
                    said = self.speech.day(week.monday)
                y = self.axis + self.deep + 13
                yield Label(self.x(week.monday) + 2, y, said, "monday")
                last = year

    def _middle(self, day: date) -> float:
        return self.x(day) + self.day_width / 2

    def _text_x(self, flag: Flag) -> float:
        """Where a flag's words begin: right of its stem, left of it where the row ends."""
        room, stem = width(flag.words, FLAG_SIZE), self._middle(flag.day)
        if stem + 4 + room <= self.room:
            return stem + 4
        return max(0.0, stem - 4 - room)

    def _levels(self) -> list[int]:
        """Give each flag the lowest level at which its words touch no others."""
        ends: list[float] = []
        levels: list[int] = []
        for flag in reversed(self.flags):
            start = self._text_x(flag)
            stop = start + width(flag.words, FLAG_SIZE) + 8
            level = next((n for n, end in enumerate(ends) if stop <= end), len(ends))
            ends[level : level + 1] = [min(start, self.x(flag.day))]
            levels.append(level)
        return levels[::-1]

    def _flagged(self) -> tuple[list[Label], list[Rect]]:
        labels: list[Label] = []
        stems: list[Rect] = []
        floor = self.axis - BARS - 8
        for flag, level in zip(self.flags, self.levels, strict=True):
            y = floor - FLAG_STEP * level - 4
            words = cut(flag.words, FLAG_SIZE, self.room)
            labels.append(Label(self._text_x(flag), y, words, f"flag {flag.style}"))
            foot = self.axis - self._tall(flag.day)
            stems.append(Rect(self._middle(flag.day), y - 8, 0, foot - y + 8, f"stem {flag.style}"))
        return labels, stems

    def _bands(self) -> tuple[list[Rect], list[Label]]:
        bands: list[Rect] = []
        names: list[Label] = []
        y = self.axis + self.deep + 22
        for span in self.spans:
            left = self.x(max(span.first, self.first))
            last = self.end if span.last is None else span.last + DAY
            right = max(self.x(min(last, self.end)), left + 3)
            style = "band" if span.last is not None else "band endless"
            bands.append(Rect(left, y, right - left, BAND_STEP - 4, style, self._spanned(span)))
            room = width(span.words, FLAG_SIZE) + 10
            if right - left >= room:
                names.append(Label(left + 6, y + 10, span.words, "within"))
            elif right + room <= self.room:
                names.append(Label(right + 5, y + 10, span.words, "beside"))
            else:
                names.append(Label(left - 5, y + 10, span.words, "beside", "end"))
            y += BAND_STEP
        return bands, names

    def _spanned(self, span: Span) -> str:
        last = self.speech.say("not-done") if span.last is None else self.speech.day(span.last)
        return f"{span.words}: {self.speech.day(span.first)} – {last}"
