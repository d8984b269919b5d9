"""An office on an empty folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.wiring import Parts
from tests.services.office import office, start


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """The parts on an empty database."""
    with office(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def small(parts: Parts) -> Parts:
    """An office in which the small plan has started."""
    start(parts)
    return parts
