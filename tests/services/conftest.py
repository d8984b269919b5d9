"""An office on an empty database for each test: every kind in turn (see `tests.databases`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.wiring import Parts
from tests.databases import Kind
from tests.services.office import Offices, start


@pytest.fixture
def office(
    request: pytest.FixtureRequest, database_kind: Kind, tmp_path: Path
) -> Iterator[Offices]:
    """What opens the offices of a test."""
    with Offices(request, database_kind, tmp_path) as opening:
        yield opening


@pytest.fixture(scope="module")
def lasting_office(
    request: pytest.FixtureRequest, database_kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Offices]:
    """The same for what the tests of a module only look at."""
    with Offices(request, database_kind, tmp_path_factory.mktemp("lasting")) as opening:
        yield opening


@pytest.fixture
def parts(office: Offices) -> Iterator[Parts]:
    """The parts on an empty database."""
    with office() as opened:
        yield opened


@pytest.fixture
def small(parts: Parts) -> Parts:
    """An office in which the small plan has started."""
    start(parts)
    return parts
