"""Trial: a mail server spoken to step by step, to say at which step its settings fail.

It says who it is, how it secures the line and whether it lets us in; no mail is sent.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from notifiers.wire.smtp import SmtpSettings

_CERTIFICATE = {10: "expired", 18: "self-signed", 19: "self-signed", 62: "name"}
"""What OpenSSL's verification found (X509_V_ERR_…): the rest is an authority unknown to us."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step (`connect`, `tls`, `login`), how it went, and the values to say it with."""

    name: str
    said: str
    is_good: bool
    values: Mapping[str, Any] = field(default_factory=dict)


async def steps(
    settings: SmtpSettings, *, tls_context: ssl.SSLContext | None = None
) -> AsyncIterator[Step]:
    """Yield each step as it is done; the first that fails is the last."""
    client = SMTP(
        hostname=settings.host,
        port=settings.port,
        local_hostname=settings.helo,
        timeout=settings.connect_timeout,
        use_tls=settings.tls == "implicit",
        start_tls=False,
        tls_context=tls_context,
    )
    try:
        for step in (_connect, _secure, _log_in):
            found = await step(client, settings)
            yield found
            if not found.is_good:
                return
    finally:
        client.close()


async def _connect(client: SMTP, settings: SmtpSettings) -> Step:
    where = {"host": settings.host, "port": str(settings.port)}
    try:
        greeting = await client.connect()
    except (SMTPException, OSError, ValueError) as error:
        if (bad := _certificate(error)) is not None:
            return Step("tls", bad, False, where | {"why": _why(error)})
        if _of_kind(error, ssl.SSLError) is not None:
            return Step("tls", "no-tls", False, where | {"why": _why(error)})
        return Step("connect", "bad", False, where | {"why": _why(error)})
    return Step("connect", "good", True, where | {"said": _line(greeting.message)})


async def _secure(client: SMTP, settings: SmtpSettings) -> Step:
    if settings.tls == "off":
        return Step("tls", "off", True)
    if settings.tls == "required":
        try:
            await client.ehlo()
            if not client.supports_extension("starttls"):
                return Step("tls", "missing", False)
            await client.starttls()
        except (SMTPException, OSError, ValueError) as error:
            bad = _certificate(error) or "failed"
            return Step("tls", bad, False, {"host": settings.host, "why": _why(error)})
    return Step("tls", "good", True, _shown(client))


async def _log_in(client: SMTP, settings: SmtpSettings) -> Step:
    if not settings.username:
        return Step("login", "none", True)
    values = {"user": settings.username}
    try:
        await client.login(settings.username, settings.password or "")
    except (SMTPException, OSError, ValueError) as error:
        said = "bad" if isinstance(error, SMTPResponseException) else "failed"
        return Step("login", said, False, values | {"why": _why(error)})
    return Step("login", "good", True, values)


def _shown(client: SMTP) -> dict[str, Any]:
    """Return the version of TLS, whom the certificate is for, and until when."""
    line = client.get_transport_info("ssl_object")
    certificate = line.getpeercert() or {}
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    return {"version": line.version(), "names": ", ".join(names), "until": until}


def _certificate(error: BaseException) -> str | None:
    """Return what is wrong with the certificate, if that is what failed."""
    found = _of_kind(error, ssl.SSLCertVerificationError)
    if not isinstance(found, ssl.SSLCertVerificationError):
        return None
    return _CERTIFICATE.get(found.verify_code, "unknown")


def _of_kind(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the error of that kind that an error came from."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _why(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return _line(f"{error.code} {error.message}")
    return _line(str(error)) or type(error).__name__


def _line(said: str) -> str:
    return " ".join(said.split())[:200]
