"""An office on an empty folder for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.wiring import Parts
from tests.services.conftest import small
from tests.services.office import office

__all__ = ["parts", "small"]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """The parts on an empty database: a file, for flows know no other difference."""
    with office(tmp_path / "home") as opened:
        yield opened
