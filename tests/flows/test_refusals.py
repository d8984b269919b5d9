"""Refusals: what ends a run with a sentence, and under which name."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import State
from sqlalchemy.exc import OperationalError

from flows import office
from flows.refusals import as_state
from services.errors import Refused, Unavailable
from services.wiring import Parts
from tests.services.office import office as opened


def full() -> OperationalError:
    """What SQLite raises on a full disk."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError("INSERT", {}, error)


@pytest.mark.parametrize(
    ("error", "name", "said"),
    [
        (Refused("refused.empty-why"), "Refused", "Thiếu lý do"),
        (Unavailable("error.plain", message="đi vắng"), "Failed", "đi vắng"),
        (full(), "Failed", "đã đầy"),
    ],
)
def test_what_is_at_fault_outside_is_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, name: str, said: str
):
    """The command line ends with 1 for a refusal and with 3 for the rest; both by a sentence."""

    @as_state
    async def body() -> State[Any]:
        raise error

    with opened(tmp_path) as parts:

        def ours() -> Parts:
            return parts

        monkeypatch.setattr(office, "parts", ours)
        state = asyncio.run(body())

    assert state.name == name
    assert said in (state.message or "")
