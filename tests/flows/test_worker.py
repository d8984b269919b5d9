"""Worker: it ends when the database is another version's, and not before."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from flows import worker
from services.errors import Refused


class Working:
    """A worker that works until it is told to stop, or for so many turns."""

    def __init__(self, turns: int = 10_000) -> None:
        self.turns = turns
        self.was_stopped = False

    async def start(self) -> None:
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.was_stopped = True
            raise


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every turn instead of once a minute."""
    monkeypatch.setattr(worker, "VERIFY", 0.0)


def test_a_worker_ends_once_the_schema_has_moved():
    """It would start runs of the older version, each refused, while a newer worker idles."""
    working = Working(turns=10**9)
    answers = [None, None, Refused("error.schema-too-new", found="9999")]

    with pytest.raises(Refused, match="9999"):
        asyncio.run(worker.work(cast(Any, working), look=lambda: answers.pop(0)))

    assert working.was_stopped
    assert answers == []


def test_a_worker_works_on_while_all_is_well():
    """Nothing is ended for having been looked at."""
    working = Working(turns=50)

    asyncio.run(worker.work(cast(Any, working), look=lambda: None))

    assert not working.was_stopped
