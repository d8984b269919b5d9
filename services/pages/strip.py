"""Strip: the days of a plan on a time line: mails, deadlines, days off, stages.

Broken into rows of as many weeks as the paper or the screen holds with every number of
mails legible; each row is a drawing of its own, so that paper cuts none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.pages.days import DAY, Days, Span, Week, day_off, weeks_of
from services.pages.flags import places
from services.pages.lettering import cut, width
from services.pages.speech import Speech
from services.views.previewing import Preview

WIDE, NARROW = 820.0, 330.0
GAP_COLUMNS = 2  # a silence takes the room of so many weeks
BARS, DEEP, FLAG_STEP, BAND_STEP = 76.0, 20.0, 16.0, 19.0
FLAG_SIZE, COUNT_SIZE, BOLD = 12.0, 10.5, 1.07
SLIMMEST_DAY, WIDEST_DAY = 10.0, 20.0
LEAST_BAR = 2.0


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
    """One row of the strip, `axis` below its top, the axis `length` long; `title` says which."""

    title: str
    width: float
    height: float
    axis: float
    length: float
    rects: tuple[Rect, ...]
    labels: tuple[Label, ...]
    stems: tuple[Rect, ...]


def draw(shown: Preview, speech: Speech, days: Days, *, room: float) -> tuple[Row, ...]:
    """Draw `days` in rows `room` wide."""
    weeks = weeks_of(days)
    if not weeks:
        return ()
    most = max((counts.total() for counts in days.mails.values()), default=0)
    slimmest = max(SLIMMEST_DAY, width(str(most), COUNT_SIZE) + 1)
    rows = _rows(weeks, max(int(room / 7 / slimmest), GAP_COLUMNS))
    columns = max(sum(map(_columns, row)) for row in rows)
    day_width = min(room / (7 * columns), WIDEST_DAY)
    return tuple(_Pen(shown, speech, days, row, day_width, room).row() for row in rows)


def _columns(week: Week) -> int:
    return GAP_COLUMNS if week.silent else 1


def _rows(weeks: Sequence[Week], most: int) -> list[list[Week]]:
    """Break the weeks into rows of about the same length, of at most `most` columns."""
    total = sum(map(_columns, weeks))
    even = -(-total // -(-total // most))
    rows: list[list[Week]] = [[]]
    for week in weeks:
        if rows[-1] and sum(map(_columns, rows[-1])) + _columns(week) > even:
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
            left += 7 * day_width * _columns(week)
        self.length = left
        self.first, self.end = weeks[0].monday, weeks[-1].end
        counts = [day.total() for day in days.mails.values()]
        self.scale = (BARS - 14) / max(counts, default=1)
        self.flags = [flag for flag in days.flags if self.first <= flag.day < self.end]
        self.places = places(
            [
                (self._middle(flag.day), min(width(flag.words, FLAG_SIZE * BOLD), room - 10))
                for flag in self.flags
            ],
            room,
        )
        levels = 1 + max((place.level for place in self.places), default=-1)
        self.axis = FLAG_STEP * levels + 12 + BARS
        self.deep = DEEP if days.received else 0.0
        self.spans = [
            span
            for span in days.spans
            if span.first < self.end and (span.last is None or span.last >= self.first)
        ]

    def x(self, day: date) -> float:
        """Return the left edge of `day`, within the row."""
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if day < week.end:
                part = max((day - week.monday).days, 0) / (7 * (week.silent or 1))
                return left + part * 7 * _columns(week) * self.day_width
        return self.length

    def row(self) -> Row:
        """Return the row."""
        bands, names = self._bands()
        last = self.speech.day(self.end - DAY)
        return Row(
            title=f"{self.speech.day(self.first)} – {last}",
            width=self.room,
            height=self.axis + self.deep + 24 + BAND_STEP * len(self.spans) + 6,
            axis=self.axis,
            length=self.length,
            rects=(*self._ground(), *bands, *self._bars()),
            labels=(*self._flagged(), *self._gaps(), *names, *self._counts(), *self._mondays()),
            stems=tuple(self._stems()),
        )

    def _shown_days(self) -> Iterator[date]:
        for week in self.weeks:
            if not week.silent:
                yield from (week.monday + number * DAY for number in range(7))

    def _ground(self) -> Iterator[Rect]:
        """Shade the days off and the quiet ones, and what is left out."""
        top, tall = self.axis - BARS - 4, BARS + 4 + self.deep
        for day in self._shown_days():
            name = day_off(self.shown.plan.calendar, day)
            quiet = self.speech.say("quiet") if self.shown.plan.is_quiet(day) else ""
            if name is not None or quiet:
                named = "; ".join(filter(None, (name, quiet)))
                words = f"{self.speech.day(day)}: {named}" if named else ""
                style = "holiday" if named else "weekend"
                yield Rect(self.x(day), top, self.day_width, tall, style, words)
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if week.silent:
                yield Rect(left, top, 7 * _columns(week) * self.day_width, tall, "gap")

    def _gaps(self) -> Iterator[Label]:
        for left, week in zip(self.lefts, self.weeks, strict=True):
            if week.silent:
                room = 7 * _columns(week) * self.day_width
                said = self.speech.say("silent", count=week.silent)
                words = cut(said, FLAG_SIZE, room - 6)
                yield Label(left + room / 2, self.axis - BARS / 2, words, "silent", "middle")

    def _bars(self) -> Iterator[Rect]:
        slim = self.day_width * 0.72
        deepest = max(self.days.received.values(), default=1)
        for day in self._shown_days():
            x = self.x(day) + (self.day_width - slim) / 2
            y = self.axis
            for kind, count in sorted(self.days.mails.get(day, {}).items()):
                tall = max(count * self.scale, LEAST_BAR)
                y -= tall
                yield Rect(x, y, slim, tall, f"bar {kind.word}", self._told(day))
            if came := self.days.received[day]:
                tall = max(came * (DEEP - 4) / deepest, LEAST_BAR)
                said = self.speech.say("received-on", day=self.speech.day(day), count=came)
                yield Rect(x, self.axis + 1.5, slim, tall, "bar received", said)

    def _tall(self, day: date) -> float:
        """How high a day's bar and its number stand above the axis."""
        counts = self.days.mails.get(day)
        if not counts:
            return 0.0
        return sum(max(count * self.scale, LEAST_BAR) for count in counts.values()) + 14

    def _told(self, day: date) -> str:
        counts = sorted(self.days.mails[day].items())
        said = ", ".join(f"{self.speech.kind(kind.word)} {count}" for kind, count in counts)
        return f"{self.speech.day(day)} ({self.speech.weekday(day)}): {said}"

    def _counts(self) -> Iterator[Label]:
        for day in self._shown_days():
            if counts := self.days.mails.get(day):
                y = self.axis - self._tall(day) + 11
                yield Label(self._middle(day), y, str(counts.total()), "count", "middle")

    def _mondays(self) -> Iterator[Label]:
        last, end = 0, 0.0
        for week in self.weeks:
            if week.silent:
                continue
            year = week.monday.year
            say = self.speech.day if year != last else self.speech.brief_day
            said, x = say(week.monday), self.x(week.monday) + 2
            if x < end:
                continue
            yield Label(x, self.axis + self.deep + 14, said, "monday")
            last, end = year, x + width(said, COUNT_SIZE) + 4

    def _middle(self, day: date) -> float:
        return self.x(day) + self.day_width / 2

    def _heights(self) -> Iterator[float]:
        """The baseline of each flag's words."""
        for place in self.places:
            yield self.axis - BARS - 10 - FLAG_STEP * place.level

    def _flagged(self) -> Iterator[Label]:
        for flag, place, y in zip(self.flags, self.places, self._heights(), strict=True):
            words = cut(flag.words, FLAG_SIZE * BOLD, self.room - 10)
            if place.left < place.stem:
                yield Label(place.left + place.width, y, words, f"flag {flag.style}", "end")
            else:
                yield Label(place.left, y, words, f"flag {flag.style}")

    def _stems(self) -> Iterator[Rect]:
        for flag, place, y in zip(self.flags, self.places, self._heights(), strict=True):
            foot = self.axis - self._tall(flag.day)
            yield Rect(place.stem, y - 9, 0, foot - y + 9, f"stem {flag.style}")

    def _bands(self) -> tuple[list[Rect], list[Label]]:
        bands: list[Rect] = []
        names: list[Label] = []
        y = self.axis + self.deep + 24
        for span in self.spans:
            left = self.x(max(span.first, self.first))
            last = self.end if span.last is None else span.last + DAY
            right = max(self.x(min(last, self.end)), left + 3)
            style = "band" if span.last is not None else "band endless"
            bands.append(Rect(left, y, right - left, BAND_STEP - 4, style, self._spanned(span)))
            words = cut(span.words, FLAG_SIZE, self.room)
            room = width(words, FLAG_SIZE) + 10
            if right - left >= room:
                names.append(Label(left + 6, y + 11.5, words, "within"))
            elif right + room <= self.room:
                names.append(Label(right + 5, y + 11.5, words, "beside"))
            else:
                names.append(Label(max(left - 5, room - 10), y + 11.5, words, "beside", "end"))
            y += BAND_STEP
        return bands, names

    def _spanned(self, span: Span) -> str:
        last = self.speech.say("not-done") if span.last is None else self.speech.day(span.last)
        return f"{span.words}: {self.speech.day(span.first)} – {last}"
