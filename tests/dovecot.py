"""Dovecot: a real IMAP server for the tests, in a folder of its own, ended with them.

Debian's package `dovecot-imapd` has the programs. It speaks TLS with a certificate of this
very run, knows one user, and keeps the mail in a Maildir that a test may write to.
"""

from __future__ import annotations

import ctypes
import getpass
import grp
import mailbox
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from flows.processes import HOST, free_port

PROGRAMS = ("/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "/opt/homebrew/sbin/dovecot")
USER, PASSWORD = "dondoc", "mật-khẩu-rất-bí-mật"
PR_SET_PDEATHSIG = 1  # prctl(2)
READY_WITHIN = 20.0  # seconds
MISSING = "No Dovecot for the tests: install it (Debian: apt-get install dovecot-imapd openssl)."

CONFIGURATION = """\
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = {host}
default_login_user = {login}
default_internal_user = {internal}
default_internal_group = {group}
first_valid_uid = 0
last_valid_uid = 0
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0 secs
mail_location = maildir:{folder}/mail
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0  # a wrong password would slow down the next test
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server: its ports, its folder, and the certificate that it shows."""

    host: str
    port: int
    tls_port: int
    folder: Path
    process: subprocess.Popen[bytes]
    owner: tuple[int, int]

    @property
    def certificate(self) -> Path:
        """The certificate, for those who are to trust it."""
        return self.folder / "certificate.pem"

    @property
    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def deliver(self, content: bytes) -> None:
        """Put a mail into the inbox, as a delivery agent does."""
        mailbox.Maildir(str(self.folder / "mail"), create=True).add(content)
        _own(self.folder / "mail", self.owner)

    def flags(self, move_to: str = "") -> list[str]:
        """Return the flags of each mail of the inbox, or of a folder beside it."""
        folder = self.folder / "mail" / (f".{move_to}" if move_to else "")
        found = [path for part in ("new", "cur") for path in (folder / part).glob("*")]
        return sorted(path.name.partition(":2,")[2] for path in found)

    def forget(self) -> None:
        """Lose the numbers of the mails, as a server does that was restored: a new UIDVALIDITY."""
        for path in (self.folder / "mail").glob("dovecot*"):
            if path.name == "dovecot-uidlist":
                # Left to itself it takes the time, which is the same twice in one second.
                head, _, rest = path.read_text(encoding="utf-8").partition("\n")
                raised = re.sub(r"V(\d+)", lambda found: f"V{int(found[1]) + 1000}", head)
                path.write_text(f"{raised}\n{rest}", encoding="utf-8")
            else:
                path.unlink()

    def kill(self) -> None:
        """End it, and whatever it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def find() -> Path | None:
    """Return the program; None without one."""
    named = shutil.which("dovecot")
    places = [*([Path(named)] if named else []), *map(Path, PROGRAMS)]
    return next((place for place in places if place.exists()), None)


@contextmanager
def serve() -> Iterator[Dovecot]:
    """Start a server on free ports of the loopback address; end it by its number."""
    program = find()
    if program is None:
        raise RuntimeError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="dondoc-dovecot-"))
    try:
        server = _started(program, folder)
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(program: Path, folder: Path) -> Dovecot:
    folder.chmod(0o755)  # its own users look in
    _certify(folder)
    # `=` ends nothing in a passwd-file, `:` would.
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
    port, tls_port = free_port(), free_port()
    login, internal = _users()
    group = pwd.getpwnam(internal).pw_gid
    # Dovecot opens no mail as root.
    owner = os.geteuid(), os.getegid()
    if os.geteuid() == 0:
        owner = pwd.getpwnam(internal).pw_uid, group
    mailbox.Maildir(str(folder / "mail"), create=True)
    _own(folder / "mail", owner)
    (folder / "dovecot.conf").write_text(
        CONFIGURATION.format(
            folder=folder,
            host=HOST,
            login=login,
            internal=internal,
            group=grp.getgrgid(group).gr_name,
            uid=owner[0],
            gid=owner[1],
            port=port,
            tls_port=tls_port,
        ),
        encoding="utf-8",
    )
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [program, "-F", "-c", folder / "dovecot.conf"],
            stdout=out,
            stderr=out,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    server = Dovecot(HOST, port, tls_port, folder, process, owner)
    pause = Event()
    for _ in range(int(READY_WITHIN / 0.05)):
        with suppress(OSError), socket.create_connection((HOST, port), 1) as found:
            if found.recv(100).startswith(b"* OK"):
                return server
        if process.poll() is not None:
            break
        pause.wait(0.05)
    server.kill()
    said = [(folder / name) for name in ("out", "log") if (folder / name).exists()]
    raise RuntimeError("\n".join(one.read_text(errors="replace") for one in said))


def _own(folder: Path, owner: tuple[int, int]) -> None:
    """Give a folder to whom the mail belongs; only root can, and only root must."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *owner)


def _users() -> tuple[str, str]:
    """Return whom its parts run as: those of the package where we are root, else ourselves."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    if os.geteuid() == 0 and {"dovenull", "dovecot"} <= known:
        return "dovenull", "dovecot"
    return getpass.getuser(), getpass.getuser()


def _certify(folder: Path) -> None:
    """Make a certificate for the loopback address that lasts a day."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if made.returncode != 0:
        raise RuntimeError(made.stderr)
    ssl.create_default_context(cafile=str(folder / "certificate.pem"))  # it can be read


def _end_with_parent() -> None:
    """Ask Linux to end the server when the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    if find() is None:
        sys.exit(MISSING)
