"""Settings: from the environment (`DONDOC_…`), with defaults that mail nobody.

What can't be used is said in a sentence: which variable, why, and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from annotated_types import Ge, Le
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from language.catalogue import LANGUAGES, text
from notifiers.mime.address import checked_address
from services.errors import Refused

PREFIX = "DONDOC_"
OWNED = {
    "PREFECT_API_URL": "DONDOC_PREFECT_API",
    "PREFECT_API_AUTH_STRING": "DONDOC_PREFECT_AUTH",
    "PREFECT_SERVER_API_AUTH_STRING": "DONDOC_PREFECT_AUTH",
    "PREFECT_API_DATABASE_CONNECTION_URL": "DONDOC_PREFECT_DATABASE_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "DONDOC_PREFECT_DATABASE_URL",
    "PREFECT_SERVER_API_PORT": "DONDOC_SERVER_PORT",
    "PREFECT_SERVER_API_HOST": "DONDOC_SERVER_HOST",
    "PREFECT_HOME": "DONDOC_HOME",
    "PREFECT_PROFILES_PATH": "DONDOC_HOME",
}
"""Prefect's settings that have a setting of ours: set in two places they would differ."""

OUR_DRIVERS = ("postgresql+psycopg://", "sqlite:///")
PREFECTS_DRIVERS = ("postgresql+asyncpg://", "sqlite+aiosqlite://")
SECRET = ("PASSWORD", "AUTH", "DATABASE_URL", "CHAT")
"""What the name of a variable holds whose value is never said."""

NOBODY = "dondoc@dondoc.example"
MAILBOX = "mailbox"  # what the local mailbox is called where mail servers are
"""Who mail comes from where no sender is set; `.example` is nobody's (RFC 2606)."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadSettings(Refused):
    """Some variables can't be used; one sentence for each."""

    def __init__(self, faults: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        self.faults = tuple(faults)
        super().__init__("setting.bad")

    def say(self, language: str) -> str:
        """Return a sentence for each variable, and then the way out."""
        said = [text(language, key, **values) for key, values in self.faults]
        return " ".join([*said, text(language, "setting.help")])


class Settings(BaseSettings):
    """What an installation may set. `docs/settings.md` is the table of it."""

    model_config = SettingsConfigDict(env_prefix="DONDOC_", extra="ignore")

    home: Path = Field(
        default=Path(".dondoc"),
        description="The folder of the database, the local mailbox, logs and Prefect's data.",
    )
    database_url: str = Field(
        default="",
        repr=False,  # it holds a password
        description="`postgresql+psycopg://…` or `sqlite:///…`; empty: SQLite in the home folder.",
    )
    language: Literal["vi", "en"] = Field(
        default="vi", description="The language of the command line and the screens."
    )
    mailbox: Path | None = Field(
        default=None, description="The local Maildir; empty: `mailbox` in the home folder."
    )
    smtp_host: str = Field(
        default="", description="The mail server. Empty: mail is filed in the local mailbox."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="The mail server's port.")
    smtp_user: str = Field(default="", description="The user name at the mail server.")
    smtp_password: SecretStr = Field(
        default=SecretStr(""), description="The password at the mail server; never logged."
    )
    smtp_password_file: Path | None = Field(
        default=None, description="A file that holds the password, in place of the above."
    )
    smtp_tls: Literal["required", "implicit", "off"] = Field(
        default="required",
        description="STARTTLS is required; `implicit`: TLS from the first byte (port 465);"
        " `off`, by name only: none.",
    )
    smtp_connections: int = Field(
        default=4, ge=1, le=32, description="How many connections the mail server is given at once."
    )
    smtp_per_minute: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="How many mails a minute it is given; 0: no limit.",
    )
    mail_days: int = Field(
        default=5,
        ge=1,
        le=30,
        description="For how many days a mail is tried before it is given up (RFC 5321: 4 to 5).",
    )
    sender: str = Field(
        default="",
        validate_default=True,
        description="The address that mail comes from: set it to the office's own before real"
        " mail goes out. Empty: `dondoc@dondoc.example`, which nobody can answer.",
    )
    message_key: SecretStr = Field(
        default=SecretStr(""),
        description="Any 16 random characters or more, the same on every machine: Message-IDs are"
        " made with it from then on, so that nobody can reckon one and forge a report that it did"
        " not arrive; empty: without. Never logged.",
    )
    chat: SecretStr = Field(
        default=SecretStr(""),
        description="Apprise URLs, apart by spaces, of chats or SMS gateways that an escalation is"
        " announced at after it was mailed; empty: nowhere. Never logged.",
    )
    chat_file: Path | None = Field(
        default=None, description="A file that holds them, in place of the above."
    )
    imap_host: str = Field(
        default="",
        description="The mail server whose mailbox of `DONDOC_SENDER` is read for mail that comes"
        " back. Empty: none is read.",
    )
    imap_port: int = Field(
        default=993, ge=1, le=65535, description="Its port: 993, or 143 with `starttls`."
    )
    imap_user: str = Field(default="", description="The user name at that server.")
    imap_password: SecretStr = Field(
        default=SecretStr(""), description="The password at that server; never logged."
    )
    imap_password_file: Path | None = Field(
        default=None, description="A file that holds the password, in place of the above."
    )
    imap_tls: Literal["required", "starttls", "off"] = Field(
        default="required",
        description="TLS from the first byte, by STARTTLS, or off (by name only).",
    )
    imap_folder: str = Field(default="INBOX", description="The folder that is read.")
    bounces_maildir: Path | None = Field(
        default=None, description="A Maildir on this machine to read instead of a mail server."
    )
    bounces_move_to: str = Field(
        default="",
        pattern=r"^[^\x00-\x1f/.][^\x00-\x1f]*$|^$",
        description="The folder of that mailbox that mail which came back is moved to, as `dondoc`;"
        " empty: it is marked as read and stays. Other mail is never touched.",
    )
    operator: str = Field(
        default="", description="Who is mailed when something breaks. Empty: nobody."
    )
    server_port: int = Field(
        default=4200, ge=1, le=65535, description="The port of the Prefect server of `dondoc up`."
    )
    server_host: str = Field(
        default="127.0.0.1",
        description="The address that the Prefect server listens on; any other than this"
        " machine's own asks for `DONDOC_PREFECT_AUTH`.",
    )
    prefect_api: str = Field(
        default="",
        description="The URL of a Prefect server elsewhere, as `https://prefect.example.vn/api`;"
        " empty: our own on this machine.",
    )
    prefect_auth: SecretStr = Field(
        default=SecretStr(""),
        description="`user:password` that the Prefect server asks for; empty: nothing. Never"
        " logged.",
    )
    prefect_auth_file: Path | None = Field(
        default=None, description="A file that holds `user:password`, in place of the above."
    )
    prefect_database_url: SecretStr = Field(
        default=SecretStr(""),
        description="Prefect's own database, `postgresql+asyncpg://…`; empty: SQLite in the home"
        " folder.",
    )
    prefect_settings: Path | None = Field(
        default=None,
        description="A file of lines `PREFECT_…=value` that server, workers and clients get, for"
        " instance messaging by Redis.",
    )
    pool: str = Field(
        default="dondoc",
        pattern=r"^[a-z0-9][a-z0-9.-]*$",
        description="The work pool that workers take runs from.",
    )
    plans: Path | None = Field(
        default=None,
        description="The folder whose plans the form `start-plan` offers; empty: those shipped.",
    )
    time_zone: str = Field(
        default="Asia/Ho_Chi_Minh",
        description="The zone of times on screens where no plan says its own.",
    )
    chasers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many runs of `chase` share a large morning: the clock's own, the others"
        " by the workers of the pool.",
    )
    sweep_seconds: int = Field(
        default=60, ge=1, le=3600, description="How often the clock looks for what it missed."
    )

    prefect_keep_days: int = Field(
        default=90,
        ge=1,
        description="For how many days Prefect keeps what has ended; the database keeps all.",
    )

    brief: Literal["off", "daily"] = Field(
        default="off",
        description="The brief to the coordinator: `off` only when asked for; `daily` also by"
        " itself, each working morning on which there is something to say.",
    )

    clock_name: str = Field(
        default="",
        pattern=r"^[a-z0-9.-]*$",
        description="What the clock is called in alarms; empty: as the machine is.",
    )

    def __init__(self, **values: Any) -> None:
        """Read the environment. Raises BadSettings."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            faults = [_fault(found) for found in error.errors(include_url=False)]
            raise BadSettings(faults) from None

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _says("zone") from None
        return name

    @field_validator("sender")
    @classmethod
    def _is_somebody(cls, sender: str) -> str:
        return sender.strip() or NOBODY

    @field_validator("prefect_api")
    @classmethod
    def _is_an_api(cls, url: str) -> str:
        """Take the address of the server for that of its API."""
        if not url:
            return ""
        found = urlsplit(url)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise _says("api")
        if found.username or found.password:
            raise _says("api-auth")
        return urlunsplit(found._replace(path=found.path.rstrip("/") or "/api"))

    @field_validator("prefect_auth")
    @classmethod
    def _is_a_login(cls, secret: SecretStr) -> SecretStr:
        if secret.get_secret_value() and not _is_login(secret.get_secret_value()):
            raise _says("auth")
        return secret

    @field_validator("prefect_auth_file")
    @classmethod
    def _holds_a_login(cls, file: Path | None) -> Path | None:
        if file is not None and not _is_login(_content(file).strip()):
            raise _says("auth-file", file=str(file))
        return file

    @field_validator("smtp_password_file")
    @classmethod
    def _holds_a_password(cls, file: Path | None) -> Path | None:
        if file is not None and not _is_password(_content(file).rstrip("\r\n")):
            raise _says("password-file", file=str(file))
        return file

    @field_validator("database_url")
    @classmethod
    def _is_our_database(cls, url: str) -> str:
        if url and not _is_database(url, OUR_DRIVERS):
            raise _says("database", drivers=_listed(OUR_DRIVERS))
        return url

    @field_validator("prefect_database_url")
    @classmethod
    def _is_prefects_database(cls, url: SecretStr) -> SecretStr:
        written = url.get_secret_value()
        if written and not _is_database(written, PREFECTS_DRIVERS):
            raise _says("database", drivers=_listed(PREFECTS_DRIVERS))
        return url

    @field_validator("prefect_settings")
    @classmethod
    def _holds_settings(cls, file: Path | None) -> Path | None:
        if file is not None:
            _lines(file)
        return file

    @field_validator("imap_password_file", "chat_file")
    @classmethod
    def _can_be_read(cls, file: Path | None) -> Path | None:
        if file is not None:
            _content(file)
        return file

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.imap_host and self.bounces_maildir is not None:
            raise _says("inbox-twice")
        if self.imap_password.get_secret_value() and self.imap_password_file is not None:
            raise _says("imap-password-twice")
        if self.imap_host and not (self.imap_user and self.mailbox_password):
            raise _says("imap-login")
        if self.prefect_auth.get_secret_value() and self.prefect_auth_file is not None:
            raise _says("auth-twice")
        if self.chat.get_secret_value() and self.chat_file is not None:
            raise _says("chat-twice")
        if self.smtp_password.get_secret_value() and self.smtp_password_file is not None:
            raise _says("password-twice")
        if self.server_host not in LOOPBACK and not self.login:
            raise _says("open-server", host=self.server_host)
        if self.server_host not in LOOPBACK and not self.prefect_api:
            raise _says("unnamed-server", host=self.server_host)
        return self

    @property
    def login(self) -> str:
        """`user:password` for the Prefect server; empty where it asks for none."""
        if self.prefect_auth_file is not None:
            return _content(self.prefect_auth_file).strip()
        return self.prefect_auth.get_secret_value()

    @property
    def relay(self) -> str:
        """What the mail server is called in the database, or the local mailbox in its place."""
        return f"{self.smtp_host}:{self.smtp_port}" if self.smtp_host else MAILBOX

    @property
    def smtp_login(self) -> tuple[str, str] | None:
        """User name and password at the mail server; None where it asks for none."""
        if not self.smtp_user:
            return None
        if self.smtp_password_file is not None:
            return self.smtp_user, _content(self.smtp_password_file).rstrip("\r\n")
        return self.smtp_user, self.smtp_password.get_secret_value()

    @property
    def mailbox_password(self) -> str:
        """The password of the mailbox that mail comes back to."""
        if self.imap_password_file is not None:
            return _content(self.imap_password_file).rstrip("\r\n")
        return self.imap_password.get_secret_value()

    @property
    def chats(self) -> str:
        """The Apprise URLs of chats; they hold tokens."""
        if self.chat_file is not None:
            return _content(self.chat_file).strip()
        return self.chat.get_secret_value().strip()

    @property
    def prefects_own(self) -> Mapping[str, str]:
        """More settings of Prefect's, by name."""
        return {} if self.prefect_settings is None else _lines(self.prefect_settings)

    @property
    def mail_domain(self) -> str:
        """The domain that Message-IDs end with: two offices that run one plan differ by it."""
        return checked_address(self.sender).rpartition("@")[2]

    @property
    def mail_key(self) -> str:
        """What Message-IDs are made with beside what they name; empty: with nothing."""
        return self.message_key.get_secret_value()

    @property
    def mail_expires(self) -> timedelta:
        """For how long a mail is tried."""
        return timedelta(days=self.mail_days)

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'dondoc.sqlite3'}"

    @property
    def plans_folder(self) -> Path:
        """The folder of plans to start."""
        return self.plans or Path(__file__).parents[1] / "plan_definitions"

    @property
    def mailbox_folder(self) -> Path:
        """The local Maildir."""
        return self.mailbox or self.home / "mailbox"


def _is_login(written: str) -> bool:
    user, colon, password = written.partition(":")
    # Prefect's server answers 500 to every request where a letter is not ASCII.
    return bool(user and colon and password) and written.isprintable() and written.isascii()


def _is_password(written: str) -> bool:
    return bool(written) and "\n" not in written and "\r" not in written


def _is_database(url: str, drivers: tuple[str, ...]) -> bool:
    """Say whether a database's URL can be read: one of `drivers`, and a port that is one."""
    if not url.startswith(drivers):
        return False
    with suppress(ValueError):  # a password with a / or # cuts the address short
        found = urlsplit(url)
        return found.port is None or found.hostname is not None
    return False


def _listed(drivers: tuple[str, ...]) -> str:
    return ", ".join(drivers)


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _says("file", file=str(file), why=why) from None


def _lines(file: Path) -> Mapping[str, str]:
    """Read `PREFECT_…=value`, line by line; empty ones and those behind a # are passed over."""
    found = {}
    for number, line in enumerate(_content(file).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().partition("=")
        name = name.strip()
        if not equals or not name.startswith("PREFECT_"):
            raise _says("prefect-line", file=str(file), line=number)
        if name in OWNED:
            raise _says("prefect-owned", file=str(file), line=number, name=name, ours=OWNED[name])
        found[name] = value.strip()
    return found


def _says(what: str, **values: Any) -> PydanticCustomError:
    """Return an error that says `setting.<what>`."""
    return PydanticCustomError("dondoc", "{what}", {"what": what, "values": values})


def _fault(found: ErrorDetails) -> tuple[str, Mapping[str, Any]]:
    """Return a fault's sentence by its key, and its values; what is secret is not among them."""
    context = found.get("ctx", {})
    variable = PREFIX + "_".join(str(part) for part in found["loc"]).upper()
    values = {"variable": variable}
    if not any(word in variable for word in SECRET):
        values["value"] = found["input"]
    match found["type"]:
        case "dondoc":
            return f"setting.{context['what']}", values | context["values"]
        case "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ")
            return "setting.one-of", values | {"expected": expected}
        case "string_pattern_mismatch":
            return "setting.name", values
        case "int_parsing" | "int_type" | "greater_than_equal" | "less_than_equal":
            field = Settings.model_fields[str(found["loc"][0])]
            least = next((one.ge for one in field.metadata if isinstance(one, Ge)), "")
            most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
            if most is None:
                return "setting.at-least", values | {"least": least}
            return "setting.number", values | {"least": least, "most": most}
        case _:
            return "setting.unusable", values


def unknown(environment: Iterable[str]) -> list[str]:
    """Return the variables that look like settings of ours and are none."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return sorted(name for name in ours if name.upper() not in known)


def nearest(variable: str) -> str:
    """Return the setting that was probably meant; empty where none is near."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    return next(iter(get_close_matches(variable.upper(), known, n=1, cutoff=0.75)), "")


def spoken() -> str:
    """Return the language to speak even where the settings can't be used."""
    try:
        return Settings().language
    except BadSettings:
        return LANGUAGES[0]
