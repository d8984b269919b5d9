"""Overlays: calendar files that stand on each other, and what is wrong or doubtful in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from engine.calendar import SATURDAY, WorkingCalendar
from plan_definitions.calendars import Overlay, calendar_of_years, is_country
from plan_definitions.cells import NO_DAY
from plan_definitions.reading.validation import Findings
from plan_definitions.reading.yaml_source import Document
from plan_definitions.reading.yaml_source import Path as Place
from plan_definitions.schema import DayForm, OverlayForm

SECTIONS = ("days_off", "worked", "uncertain")


@dataclass(frozen=True, slots=True)
class Layer:
    """A calendar file: its form, and where each value of it stands."""

    form: OverlayForm
    document: Document

    def days(self, *sections: str) -> Iterator[tuple[DayForm, Place]]:
        """Yield each day of these sections, and where its date stands."""
        for section in sections or SECTIONS:
            for index, day in enumerate(getattr(self.form, section)):
                if day.date != NO_DAY:
                    yield day, (section, index, "date")


def overlay_of(layers: Sequence[Layer]) -> Overlay:
    """Return what faultless layers say together; the first is the uppermost."""
    return Overlay.of([layer.form for layer in layers])


def check_layer(layer: Layer, findings: Findings) -> None:
    """Note every fault that a calendar file shows by itself."""
    document, written = layer.document, layer.document.keys_at()
    has_base, extends = "base" in written, "extends" in written
    if has_base and extends:
        findings.add(document, "base-or-extends", "extends", key=True, variant="both")
    elif not has_base and not extends:
        findings.add(document, "base-or-extends")
    elif has_base and "notices_until" not in written:
        findings.add(document, "missing-key", "notices_until", key_name="notices_until")
    if layer.form.base and not is_country(layer.form.base):
        findings.add(document, "unknown-country", "base", name=layer.form.base)
    _check_days(layer, findings)


def _check_days(layer: Layer, findings: Findings) -> None:
    """Note days of which the file says two things, or one thing twice."""
    first: dict[date, Place] = {}
    for day, path in layer.days():
        before = first.setdefault(day.date, path)
        if before == path:
            continue
        line, _ = layer.document.mark(before)
        section, other = path[0], before[0]
        if section == other:
            findings.add(layer.document, "day-twice", *path, day=day.date, line=line)
        else:
            values = {"day": day.date, "line": line, "section": section, "other": other}
            findings.items.append(
                layer.document.diagnostic("day-contradicted", path, values, key=False)
            )


def advise_on_layers(layers: Sequence[Layer], findings: Findings) -> None:
    """Note advice on faultless layers: days that change nothing, years called estimates."""
    for position, layer in enumerate(layers):
        years = [day.date.year for day, _ in layer.days()]
        if years:
            beneath = _beneath(layers[position:])
            _advise_on_days(layer, calendar_of_years(beneath, min(years), max(years)), findings)
        if layer.form.notices_until is not None:
            _advise_on_notices(layer, layer.form.notices_until, findings)


def _beneath(layers: Sequence[Layer]) -> Overlay:
    """Return what the first of these layers stands on."""
    if len(layers) > 1:
        return overlay_of(layers[1:])
    bare = overlay_of(layers)
    return Overlay(bare.calendar, bare.base, bare.notices_until)


def _advise_on_days(layer: Layer, beneath: WorkingCalendar, findings: Findings) -> None:
    for day, path in layer.days():
        is_weekend = day.date.weekday() >= SATURDAY
        if path[0] == "worked":
            if not is_weekend and beneath.is_working(day.date):
                findings.add(layer.document, "worked-anyway", *path, day=day.date)
        elif is_weekend and not beneath.is_working(day.date):
            variant = "uncertain" if path[0] == "uncertain" else ""
            findings.add(layer.document, "off-anyway", *path, variant=variant, day=day.date)


def _advise_on_notices(layer: Layer, until: int, findings: Findings) -> None:
    """Say once where days of a year are written that the file itself calls an estimate."""
    late = [(day, path) for day, path in layer.days("days_off", "worked") if day.date.year > until]
    if late:
        day, path = min(late, key=lambda one: one[0].date)
        year = str(day.date.year)
        findings.add(layer.document, "notices-behind", *path, year=year, until=str(until))
