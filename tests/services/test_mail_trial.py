"""Mail trial: each fault of the settings is found at its step, and said with a way out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from language.catalogue import sentences
from services.mail.trial import Fault, Step, prove
from services.settings import BadSettings, Settings
from tests.certificates import PAST, UNTIL, Authority
from tests.notifiers.test_mail_faults import Login
from tests.notifiers.test_mail_smtp import Faulty, serving
from tests.postfix import Faults, sink

NOW = datetime(2026, 4, 6, 8, 0, tzinfo=UTC)
TO = "vanthu@so-y-te.example"
SECRET = "mật-khẩu"


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who vouches for the servers of this module."""
    return Authority()


def settings(port: int, home: Path = Path(), **changes: Any) -> Settings:
    """This machine's server, in the clear unless told."""
    values = {"home": home, "smtp_host": "localhost", "smtp_port": port, "smtp_tls": "off"}
    return Settings(**{**values, **changes})


def tried(
    of: Settings, to: str = TO, trust: ssl.SSLContext | None = None, now: datetime = NOW
) -> list[Step]:
    """Go through the steps."""

    async def run() -> list[Step]:
        return [step async for step in prove(of, to, now, tls_context=trust)]

    return asyncio.run(run())


def names(steps: list[Step]) -> list[str]:
    """Say the steps in short."""
    return [f"{step.name}.{step.said}" for step in steps]


@contextmanager
def secured(authority: Authority, login: Login, **changes: Any) -> Iterator[tuple[int, Faulty]]:
    """A server that asks for STARTTLS and a login."""
    handler = Faulty()
    context = authority.server("localhost", "mail.example", **changes)
    options: dict[str, Any] = {"require_starttls": True, "auth_required": True}
    with serving(handler, tls_context=context, authenticator=login, **options) as port:
        yield port, handler


def test_every_step_is_said_and_a_mail_goes_out(authority: Authority):
    """In the language of the office; never the password."""
    login = Login()
    with secured(authority, login) as (port, handler):
        of = settings(port, smtp_tls="required", smtp_user="dondoc", smtp_password=SECRET)
        steps = tried(of, trust=authority.trusting())

    assert names(steps) == ["connect.good", "tls.good", "login.good", "send.good"]
    assert not [step for step in steps if step.fault or step.is_care]
    said = " ".join(f"{step.say('vi')} {step.help('vi')}" for step in steps)
    assert "TLSv1.3" in said
    assert "localhost, mail.example" in said
    assert SECRET not in said
    assert len(handler.taken) == 1


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"until": PAST}, "expired"),
        ({"self_signed": True}, "self-signed"),
        ({"of": "mail.example"}, "name"),
        ({"by": "Another"}, "unknown"),
    ],
)
@pytest.mark.parametrize("tls", ["required", "implicit"])
def test_what_is_wrong_with_a_certificate_is_said(
    authority: Authority, shown: dict[str, Any], said: str, tls: str
):
    """Whose certificate it is, and not a number of OpenSSL's."""
    by = Authority(shown["by"]) if "by" in shown else authority
    changes = {name: shown[name] for name in ("until", "self_signed") if name in shown}
    context = by.server(shown.get("of", "localhost"), **changes)
    options: dict[str, Any] = {"ssl_context" if tls == "implicit" else "tls_context": context}
    with serving(Faulty(), **options) as port:
        steps = tried(settings(port, smtp_tls=tls), trust=authority.trusting())

    assert names(steps)[-1] == f"tls.{said}"
    assert steps[-1].fault is Fault.THEIRS
    assert steps[-1].help("vi")
    assert steps[-1].help("en")


def test_a_certificate_that_ends_soon_is_told_before_it_does(authority: Authority):
    """Mail goes out today; in three weeks it would not."""
    with secured(authority, Login()) as (port, _):
        of = settings(port, smtp_tls="required", smtp_user="dondoc", smtp_password=SECRET)
        eve = UNTIL - timedelta(days=20)
        steps = tried(of, trust=authority.trusting(), now=eve)

    assert "tls.soon" in names(steps)
    assert "01/01/2120" in next(step for step in steps if step.said == "soon").say("vi")
    assert not [step for step in steps if step.fault]


def test_a_wrong_password_is_said_without_saying_it(authority: Authority):
    """And nothing is sent."""
    with secured(authority, Login()) as (port, handler):
        of = settings(port, smtp_tls="required", smtp_user="dondoc", smtp_password="đoán-mò")
        steps = tried(of, trust=authority.trusting())

    assert names(steps)[-1] == "login.bad"
    assert "đoán-mò" not in repr(steps)
    assert handler.taken == []


def test_a_server_without_starttls_is_told_apart_from_one_that_is_not_there():
    """The one wants another setting, the other a look at the firewall."""
    with sink() as server:
        missing = tried(settings(server.port, smtp_tls="required"))
        wrong = tried(settings(server.port, smtp_tls="implicit"))
    gone = tried(settings(server.port))

    assert names(missing) == ["connect.good", "tls.missing"]
    assert names(wrong) == ["tls.no-tls"]
    assert names(gone) == ["connect.bad"]


def test_a_line_in_the_clear_is_pointed_out():
    """It was asked for by name, and still wants a look."""
    with sink() as server:
        steps = tried(settings(server.port))
        [mail] = server.received

    assert names(steps) == ["connect.good", "tls.off", "login.none", "send.good"]
    assert [step.is_care for step in steps] == [False, True, False, False]
    assert mail.recipients == (TO,)
    assert mail.message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (Faults(hard=["RCPT"]), "refused"),
        (Faults(soft=["MAIL"]), "later"),
        (Faults(hard=["MAIL"]), "barred"),
        (Faults(drop=["."]), "unsure"),
    ],
)
def test_what_became_of_the_mail_is_said(faults: Faults, said: str):
    """Refused, put off, all mail refused, or nobody knows."""
    with sink(faults) as server:
        steps = tried(settings(server.port))

    assert names(steps)[-1] == f"send.{said}"
    assert steps[-1].fault is Fault.THEIRS


def test_without_a_server_it_is_said_where_mail_is_filed(tmp_path: Path):
    """Nobody is mailed by accident, and nobody wonders where it went."""
    of = settings(25, tmp_path, smtp_host="")
    [step] = tried(of)

    assert (step.name, step.said, step.fault) == ("server", "mailbox", None)
    assert str(tmp_path / "mailbox") in step.say("vi")


@pytest.mark.parametrize("to", ["", "vanthu", "a@b.example\r\nRCPT TO:<c@d.example>"])
def test_an_address_that_is_none_is_our_own_fault(to: str):
    """Nobody is spoken to."""
    [step] = tried(settings(1), to)

    assert (step.name, step.fault) == ("address", Fault.OURS)


def test_every_step_is_said_in_both_languages():
    """With the same sentences."""
    keys = [{key for key in sentences(one) if key.startswith("trial.")} for one in ("vi", "en")]
    assert keys[0] == keys[1]
    assert len(keys[0]) > 40


# ── The settings ──


def test_the_password_may_stand_in_a_file(tmp_path: Path):
    """As a secret of systemd or Docker; the end of its line is none of it."""
    file = tmp_path / "password"
    file.write_text("mật khẩu: a#%\n", encoding="utf-8")

    found = Settings(smtp_user="dondoc", smtp_password_file=file)

    assert found.smtp_login == ("dondoc", "mật khẩu: a#%")
    assert "mật khẩu" not in repr(found)
    assert Settings(smtp_password="x").smtp_login is None


@pytest.mark.parametrize("written", ["", "\n", "a\nb\n"])
def test_a_file_that_holds_no_password_is_refused(tmp_path: Path, written: str):
    """Said without its content."""
    file = tmp_path / "password"
    file.write_text(written, encoding="utf-8")

    with pytest.raises(BadSettings) as refused:
        Settings(smtp_password_file=file)
    assert "DONDOC_SMTP_PASSWORD_FILE" in refused.value.say("vi")


def test_a_password_in_two_places_is_refused(tmp_path: Path):
    """They would differ one day."""
    file = tmp_path / "password"
    file.write_text("a", encoding="utf-8")

    with pytest.raises(BadSettings) as refused:
        Settings(smtp_password="geheim", smtp_password_file=file)
    assert "DONDOC_SMTP_PASSWORD_FILE" in refused.value.say("vi")
    assert "geheim" not in refused.value.say("vi")
