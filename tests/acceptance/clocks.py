"""Clocks: more of them than `dondoc up` has, in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.office import ROOT, Office


class ClockProcess:
    """One clock; killed at the end of the test unless it was ended before."""

    def __init__(self, office: Office, name: str, log: Path) -> None:
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.clock"],
            env=office.environment | {"DONDOC_CLOCK_NAME": name},
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
        )
        self.log = log

    def end(self, how: signal.Signals) -> int:
        """Send a signal, and return the exit code."""
        if self._process.poll() is None:
            os.kill(self._process.pid, how)
        code = self._process.wait(timeout=30)
        self._log.close()
        return code


@contextmanager
def clock(office: Office, name: str) -> Iterator[ClockProcess]:
    """Run a clock beside what the office runs."""
    office.home.mkdir(parents=True, exist_ok=True)
    running = ClockProcess(office, name, office.home / f"{name}.log")
    try:
        yield running
    finally:
        running.end(signal.SIGKILL)
