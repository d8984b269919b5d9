"""Postfix: its test programs `smtp-sink` and `smtp-source`, for faults and for timings.

Debian's package `postfix` has them; the mail system itself need not run, and nothing is
ever sent on: the sink throws away, or files into a folder, what it is told.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from threading import Event

HOST = "127.0.0.1"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix")
USERS = ("postfix", "nobody")  # smtp-sink does not run as root
PR_SET_PDEATHSIG = 1  # prctl(2)
READY_WITHIN = 10.0  # seconds
BACKLOG = "128"
MISSING = "No smtp-sink for the tests: install Postfix (Debian: apt-get install postfix)."
TRACE = ("X-Client-Addr", "X-Client-Proto", "X-Helo-Args", "X-Mail-Args", "X-Rcpt-Args", "Received")


@dataclass(frozen=True)
class Received:
    """A mail that the sink took: who it was from and for, as the envelope said, and its bytes."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> Message:
        """The mail as a mail program reads it."""
        return message_from_bytes(self.content)

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return str(self.message["Message-ID"])


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink."""

    host: str
    port: int
    process: subprocess.Popen[bytes] = field(repr=False)
    folder: Path = field(repr=False)

    @property
    def received(self) -> list[Received]:
        """Every mail taken whole, in the order that they came; none where it keeps none."""
        return [found for _, found in self.received_since(())]

    def received_since(self, seen: Container[Path]) -> list[tuple[Path, Received]]:
        """Return what stands in other files than those `seen`, each with its file."""
        files = []
        for file in self.folder.glob("mail.*"):
            with suppress(FileNotFoundError):  # the sink takes a mail that was cut off away again
                if file not in seen:
                    files.append((file.stat().st_mtime_ns, file))
        return [(file, found) for _, file in sorted(files) if (found := _read(file)) is not None]


@dataclass(frozen=True)
class Faults:
    """What the sink does wrong, by command: CONNECT, HELO, EHLO, MAIL, RCPT, DATA, `.`, RSET, QUIT.

    Of `delays` each is so many seconds before the answer to a command. The replies are
    whole, code and all.
    """

    hard: Sequence[str] = ()
    soft: Sequence[str] = ()
    drop: Sequence[str] = ()
    close: Sequence[str] = ()
    delays: Sequence[tuple[str, int]] = ()
    hard_reply: str = ""
    soft_reply: str = ""
    more: Sequence[str] = ()

    def options(self) -> list[str]:
        """Return these as smtp-sink's: -f 5xx, -r 4xx, -q hang up, -Q 421 and hang up, -W wait."""
        found: list[str] = []
        for option, commands in (
            ("-f", self.hard),
            ("-r", self.soft),
            ("-q", self.drop),
            ("-Q", self.close),
        ):
            if commands:
                found += [option, ",".join(commands)]
        for command, seconds in self.delays:
            found += ["-W", f"{command}:{seconds}"]
        if self.hard_reply:
            found += ["-B", self.hard_reply]
        if self.soft_reply:
            found += ["-b", self.soft_reply]
        return [*found, *self.more]


NONE = Faults()


@contextmanager
def sink(faults: Faults = NONE, *, keep: bool = True, port: int = 0) -> Iterator[Sink]:
    """Start a sink on the loopback address, on a free port unless told; end it by its number.

    It files mail only where `keep` says so: a file for each costs a multiple of taking it.
    Raises RuntimeError where the program is missing or does not start.
    """
    program = find("smtp-sink")
    if program is None:
        raise RuntimeError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="dondoc-sink-"))
    try:
        user = _user()
        who = []
        if user is not None:
            shutil.chown(folder, user)
            who = ["-u", user]
        kept = ["-d", "mail."] if keep else []
        port = port or free_port()
        command = [str(program), "-4", *who, *kept, *faults.options(), f"{HOST}:{port}", BACKLOG]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        try:
            _wait_until_ready(process, port, folder / "log")
            yield Sink(HOST, port, process, folder)
        finally:
            process.terminate()
            process.wait(READY_WITHIN)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def source(target: Sink, content: Path, *, count: int, sessions: int = 8) -> float:
    """Send a mail so many times with smtp-source, and return the seconds that it took.

    `content` is sent as it stands, but for its lines' ends: each becomes CRLF.
    """
    program = find("smtp-source")
    if program is None:
        raise RuntimeError(MISSING)
    before = os.times()
    subprocess.run(
        [
            str(program),
            *("-d", "-s", str(sessions), "-m", str(count), "-F", str(content)),
            *("-f", "a@source.example", "-t", "b@source.example", "-M", "source.example"),
            f"{target.host}:{target.port}",
        ],
        check=True,
        capture_output=True,
    )
    return os.times().elapsed - before.elapsed


def find(name: str) -> Path | None:
    """Return where one of Postfix's programs is; None without it."""
    if found := shutil.which(name):
        return Path(found)
    return next((path for place in PLACES if (path := Path(place) / name).exists()), None)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def _user() -> str | None:
    """Return the user to run as: ourselves, unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS if name in known)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    pause = Event()
    for _ in range(int(READY_WITHIN / 0.02)):
        if process.poll() is not None:
            break
        if _listens(port):
            return
        pause.wait(0.02)
    raise RuntimeError(log.read_text(encoding="utf-8", errors="replace"))


def _listens(port: int) -> bool:
    """Ask Linux whether the port is listened on; connecting would be a session of its own."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0
    wanted = f":{port:04X}"
    lines = (line.split() for line in table.read_text(encoding="ascii").splitlines()[1:])
    return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in lines)


def _read(file: Path) -> Received | None:
    """Read a mail as smtp-sink files it: its own headers first, an empty line last.

    A mail that broke off is filed too, without that line.
    """
    whole = file.read_bytes()
    if not whole.endswith(b"\n\n"):
        return None
    sender, recipients, position = "", [], 0
    for line in whole.splitlines(keepends=True):
        name, _, value = line.partition(b": ")
        if name.decode("ascii", "replace") not in TRACE and not line.startswith((b" ", b"\t")):
            break
        position += len(line)
        match name:
            case b"X-Mail-Args":
                sender = _address(value)
            case b"X-Rcpt-Args":
                recipients.append(_address(value))
    if not recipients:
        return None
    return Received(sender, tuple(recipients), whole[position:].removesuffix(b"\n"))


def _address(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip().partition(">")[0].lstrip("<")


def _end_with_parent() -> None:
    """Ask Linux to end the sink when the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    if find("smtp-sink") is None:
        sys.exit(MISSING)
