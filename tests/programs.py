"""Programs: what the tests run beside Python, and how a Debian machine gets it.

`python -m tests.programs` says what is missing; as root on Debian it installs it first. No
daemon is started: each harness runs the program that it needs itself, in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HARNESSES = ("postgres", "postfix", "dovecot", "office_programs")
PACKAGES = (
    "postgresql",
    "postfix",  # smtp-sink and smtp-source
    "dovecot-imapd",
    "openssl",
    "libreoffice-writer-nogui",
    "fonts-liberation2",  # a twin of Times New Roman that has Vietnamese
    "poppler-utils",
)
ASKS_NOTHING = "postfix postfix/main_mailer_type select No configuration\n"
DAEMONS = Path("/usr/sbin/policy-rc.d")
"""What Debian asks whether an installed service may start; its exit code 101 says no."""


def missing() -> list[str]:
    """Return what each harness lacks, in its own words."""
    found = []
    for name in HARNESSES:
        if (Path(__file__).parent / f"{name}.py").exists():
            done = _run(sys.executable, "-m", f"tests.{name}")
            if done.returncode != 0:
                found.append(done.stderr.strip())
    return found


def install() -> None:
    """Install every package, once, without a question and without starting a service."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_daemons():
        _run("apt-get", "-qq", "update")
        _run("debconf-set-selections", words=ASKS_NOTHING)
        done = _run(
            *("apt-get", "-qq", "install", "--no-install-recommends"), *PACKAGES, settings=quiet
        )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextmanager
def _no_daemons() -> Iterator[None]:
    """Refuse the start of services for a while, unless the machine has a rule of its own."""
    if DAEMONS.exists():
        yield
        return
    try:
        DAEMONS.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        DAEMONS.chmod(0o755)
        yield
    finally:
        DAEMONS.unlink(missing_ok=True)


def _run(
    *command: str, words: str | None = None, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=words, env=settings, capture_output=True, text=True)


if __name__ == "__main__":
    lacking = missing()
    if lacking and _can_install():
        print(f"Cài các chương trình kiểm thử – installing {', '.join(PACKAGES)} …", flush=True)
        install()
        lacking = missing()
    if lacking:
        sys.exit("\n".join(lacking))
