"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgres as servers
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server; a test that wants one fails where there is none."""
    with servers.serve() as server:
        yield server
