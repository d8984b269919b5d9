"""Settings: from the environment (`DONDOC_…`), with defaults that mail nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an installation may set. `docs/settings.md` is the table of it."""

    model_config = SettingsConfigDict(env_prefix="DONDOC_", extra="ignore")

    home: Path = Field(
        default=Path(".dondoc"),
        description="The folder of the database, the local mailbox, logs and Prefect's data.",
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL; empty: SQLite in the home folder."
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
    smtp_tls: Literal["required", "off"] = Field(
        default="required", description="STARTTLS: required, or off (by name only)."
    )
    sender: str = Field(
        default="dondoc@tuyenquang.example", description="The address that mail comes from."
    )
    operator: str = Field(
        default="", description="Who is mailed when something breaks. Empty: nobody."
    )
    server_port: int = Field(
        default=4200, ge=1, le=65535, description="The port of the Prefect server of `dondoc up`."
    )
    plans: Path | None = Field(
        default=None,
        description="The folder whose plans the form `start-plan` offers; empty: those shipped.",
    )
    time_zone: str = Field(
        default="Asia/Ho_Chi_Minh",
        description="The zone of times on screens where no plan says its own.",
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
