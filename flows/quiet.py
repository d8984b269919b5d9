"""Quiet: what Prefect logs louder than it is meant.

A run that waits ends its process "in state Waiting 12/27", which Prefect logs as an
error, in the operator's sight. It is none.
"""

from __future__ import annotations

import logging


class WaitingIsNoError(logging.Filter):
    """Turns the line of a suspended or completed run from ERROR to INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        finished = record.levelno == logging.ERROR and str(record.msg).startswith("Finished in")
        said = record.getMessage() if finished else ""
        if "FAILED" not in said.upper() and "CRASHED" not in said.upper() and finished:
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def install() -> None:
    """Put the filter on Prefect's logger of flow runs, once."""
    logger = logging.getLogger("prefect.flow_runs")
    if not any(isinstance(found, WaitingIsNoError) for found in logger.filters):
        logger.addFilter(WaitingIsNoError())
