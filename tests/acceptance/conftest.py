"""An office for each test, closed behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An installation on an empty folder."""
    opened = Office(tmp_path / "home")
    try:
        yield opened
    finally:
        opened.close()
