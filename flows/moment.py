"""Moment: the only place that reads the clock, for the flows and the command line.

For trying a plan out, `dondoc up --pretend 2020-05-11T07:59` moves the clock of a whole
installation; the shift is kept in a file of its home folder, so that every process
agrees.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.errors import Unavailable
from services.settings import Settings

SHIFT_FILE = "clock-shift"


def now(settings: Settings) -> datetime:
    """Return the present instant, in UTC, shifted where the installation pretends."""
    return wall() + shift(settings.home)


def wall() -> datetime:
    """Return the present instant, in UTC, as Prefect and the scheduler know it."""
    return datetime.now(UTC)


def shift(home: Path) -> timedelta:
    """Return by how much the installation's clock is moved; nothing, as a rule."""
    file = home / SHIFT_FILE
    try:
        return timedelta(seconds=float(file.read_text(encoding="ascii")))
    except FileNotFoundError:
        return timedelta(0)
    except ValueError as error:
        # To take it for nothing would mail in the wrong time.
        raise Unavailable("error.clock-shift", file=str(file)) from error


def pretend(home: Path, moment: datetime | None) -> None:
    """Move the installation's clock so that it is `moment` now; None puts it right."""
    file = home / SHIFT_FILE
    if moment is None:
        file.unlink(missing_ok=True)
        return
    home.mkdir(parents=True, exist_ok=True)
    file.write_text(str((moment - wall()).total_seconds()), encoding="ascii")
