"""Office: `dondoc` as people use it, in processes of its own on a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.processes import free_port

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
SCENARIOS = PLAN.parent / "scenarios"
TICK = 0.2  # seconds between looks while waiting for another process


class Office:
    """One installation: its folder, its port, its commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DONDOC_"))}
        self.environment = kept | {
            "DONDOC_HOME": str(home),
            "DONDOC_SERVER_PORT": str(self.port),
            "DONDOC_SWEEP_SECONDS": "2",
            "PYTHONPATH": str(ROOT),  # this checkout's flows, whatever is installed
        }
        self.headers = {"content-type": "application/json"}  # of requests to Prefect's API
        self._up: subprocess.Popen[str] | None = None

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command that prints JSON, and return what it printed."""
        done = self.run(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *arguments],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def up(self, *arguments: str) -> None:
        """Start `dondoc up`, and return when it says that it runs."""
        self._up = self.begin("up", *arguments)
        assert self._up.stdout is not None
        said = []
        for line in self._up.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                return
        raise AssertionError("".join(said))

    def down(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End `dondoc up`, and return its exit code."""
        assert self._up is not None
        self._up.send_signal(how)
        code = self._up.wait(timeout=60)
        self._up = None
        return code

    def close(self) -> None:
        """End what a failed test left running."""
        if self._up is not None:
            self.down()

    def processes(self) -> list[str]:
        """The command lines that are still running on this folder."""
        return [command for _, command in self.running()]

    def running(self) -> list[tuple[int, str]]:
        """The processes that still run on this folder: their numbers and command lines."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(self.home).encode() in environment and command:
                found.append(
                    (int(entry.name), command.replace(b"\0", b" ").decode(errors="replace"))
                )
        return found


def eventually(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until `holds()`, at most so long; say whether it did."""
    pause = threading.Event()
    for _ in range(int(seconds / TICK)):
        if holds():
            return True
        pause.wait(TICK)
    return holds()
