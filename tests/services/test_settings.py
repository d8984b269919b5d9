"""Settings: what can't be used is said in a sentence, and no secret is said at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.settings import BadSettings, Settings, nearest, spoken, unknown


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings of ours."""
    for name in list(os.environ):
        if name.startswith("DONDOC_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SERVER_PORT", "abc", "1 đến 65535"),
        ("SERVER_PORT", "70000", "“70000”"),
        ("SWEEP_SECONDS", "0", "1 đến 3600"),
        ("PREFECT_KEEP_DAYS", "0", "từ 1 trở lên"),
        ("LANGUAGE", "fr", "'vi', 'en'"),
        ("TIME_ZONE", "Mars/X", "Asia/Ho_Chi_Minh"),
        ("POOL", "A b", "chữ thường"),
        ("PREFECT_API", "prefect.example.vn", "https://prefect.example.vn/api"),
        ("PREFECT_API", "https://a:b@prefect.example.vn", "DONDOC_PREFECT_AUTH"),
        ("PREFECT_AUTH", "no-colon", "tên:mật-khẩu"),
        ("PREFECT_AUTH", "user:", "tên:mật-khẩu"),
        ("PREFECT_AUTH_FILE", "/no/such/file", "/no/such/file"),
        ("PREFECT_DATABASE_URL", "postgresql://secret@db", "postgresql+asyncpg://"),
        ("SERVER_HOST", "0.0.0.0", "DONDOC_PREFECT_AUTH"),
        ("DATABASE_URL", "nonsense", "postgresql+psycopg://"),
        ("DATABASE_URL", "postgresql://dondoc@db/dondoc", "postgresql+psycopg://"),
        ("DATABASE_URL", "mysql://dondoc@db/dondoc", "postgresql+psycopg://"),
        ("DATABASE_URL", "postgresql+psycopg://dondoc:a/b@db/dondoc", "%40"),
        ("PREFECT_DATABASE_URL", "postgresql+asyncpg://dondoc:a#b@db/prefect", "%40"),
        ("IMAP_HOST", "imap.example.vn", "DONDOC_IMAP_PASSWORD_FILE"),
        ("IMAP_PASSWORD_FILE", "/no/such/file", "không đọc được"),
        ("IMAP_TLS", "ssl", "'required', 'starttls', 'off'"),
    ],
)
def test_a_bad_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
):
    """Which variable, why, and the way out: nobody reads a traceback of pydantic's."""
    monkeypatch.setenv(f"DONDOC_{name}", value)

    with pytest.raises(BadSettings) as refused:
        Settings()

    sentence = refused.value.say("vi")
    assert f"DONDOC_{name}" in sentence
    assert said in sentence
    assert "docs/settings.md" in sentence
    assert "\n" not in sentence
    assert f"DONDOC_{name}" in refused.value.say("en")


def test_a_server_on_an_address_of_its_own_needs_a_name(monkeypatch: pytest.MonkeyPatch):
    """Its clients and the pages in a browser would look for it on their own machine."""
    monkeypatch.setenv("DONDOC_SERVER_HOST", "10.0.0.5")
    monkeypatch.setenv("DONDOC_PREFECT_AUTH", "an:bi-mat")

    with pytest.raises(BadSettings) as refused:
        Settings()

    assert "DONDOC_PREFECT_API" in refused.value.say("vi")
    monkeypatch.setenv("DONDOC_PREFECT_API", "https://prefect.example.vn")
    assert Settings().server_host == "10.0.0.5"


def test_bad_settings_are_said_at_once(monkeypatch: pytest.MonkeyPatch):
    """Whoever puts one right should not meet the next."""
    monkeypatch.setenv("DONDOC_SERVER_PORT", "x")
    monkeypatch.setenv("DONDOC_LANGUAGE", "fr")

    with pytest.raises(BadSettings) as refused:
        Settings()

    assert "DONDOC_SERVER_PORT" in refused.value.say("en")
    assert "DONDOC_LANGUAGE" in refused.value.say("en")
    assert spoken() == "vi"


def test_a_secret_is_never_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A password in a log is a password lost."""
    monkeypatch.setenv("DONDOC_PREFECT_AUTH", "hunter2")
    with pytest.raises(BadSettings) as refused:
        Settings()
    assert "hunter2" not in refused.value.say("vi") + repr(refused.value.faults)

    monkeypatch.delenv("DONDOC_PREFECT_AUTH")
    for name in ("database_url", "prefect_database_url"):
        with pytest.raises(BadSettings) as refused:
            Settings(**{name: "mysql://dondoc:hunter2@db/dondoc"})
        assert "hunter2" not in refused.value.say("vi") + repr(refused.value.faults)

    monkeypatch.setenv("DONDOC_PREFECT_AUTH", "user:hunter2")
    monkeypatch.setenv("DONDOC_DATABASE_URL", "postgresql+psycopg://p:hunter2@db/dondoc")
    monkeypatch.setenv("DONDOC_PREFECT_DATABASE_URL", "postgresql+asyncpg://p:hunter2@db/prefect")
    assert "hunter2" not in repr(Settings())
    assert Settings().login == "user:hunter2"


def test_the_login_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """As systemd and containers hand secrets over; in two places they would differ."""
    file = tmp_path / "login"
    file.write_text("user:pass:word\n", encoding="utf-8")
    monkeypatch.setenv("DONDOC_PREFECT_AUTH_FILE", str(file))
    assert Settings().login == "user:pass:word"

    monkeypatch.setenv("DONDOC_PREFECT_AUTH", "user:other")
    with pytest.raises(BadSettings, match=r"setting\.bad|DONDOC_PREFECT_AUTH"):
        Settings()


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("https://prefect.example.vn", "https://prefect.example.vn/api"),
        ("https://prefect.example.vn/", "https://prefect.example.vn/api"),
        ("http://10.0.0.1:4200/api/", "http://10.0.0.1:4200/api"),
        ("https://example.vn/prefect/api", "https://example.vn/prefect/api"),
        ("", ""),
    ],
)
def test_a_servers_address_is_taken_for_its_apis(written: str, taken: str):
    """Both are written by people."""
    assert Settings(prefect_api=written).prefect_api == taken


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("REDIS=1", "dòng 3"),
        ("PREFECT_X", "dòng 3"),
        ("PREFECT_API_URL=http://elsewhere/api", "DONDOC_PREFECT_API"),
        ("PREFECT_SERVER_API_AUTH_STRING=a:b", "DONDOC_PREFECT_AUTH"),
    ],
)
def test_a_line_that_is_no_setting_of_prefects_is_refused(tmp_path: Path, line: str, said: str):
    """By its number; what has a setting of ours is set there alone."""
    file = tmp_path / "prefect.env"
    file.write_text(f"# messaging\n\n{line}\n", encoding="utf-8")

    with pytest.raises(BadSettings) as refused:
        Settings(prefect_settings=file)

    assert said in refused.value.say("vi")


def test_prefects_own_settings_are_read_from_a_file(tmp_path: Path):
    """Messaging by Redis needs nothing of ours."""
    file = tmp_path / "prefect.env"
    file.write_text(
        "# messaging\nPREFECT_MESSAGING_BROKER=prefect_redis.messaging\n"
        "PREFECT_REDIS_URL=redis://:a=b@cache/0\n",
        encoding="utf-8",
    )
    assert Settings(prefect_settings=file).prefects_own == {
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_REDIS_URL": "redis://:a=b@cache/0",
    }


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///dondoc.sqlite3",
        "sqlite:////var/lib/dondoc/dondoc.sqlite3",
        "postgresql+psycopg://dondoc:a%40b@db.example.vn:5432/dondoc?sslmode=require",
        "postgresql+psycopg://dondoc@/dondoc?host=/run/postgresql",
        "",
    ],
)
def test_a_databases_url_is_taken_as_it_is_written(url: str):
    """By address, by socket, by file."""
    assert Settings(database_url=url).database_url == url


def test_a_variable_that_is_no_setting_is_found_with_the_one_that_was_meant():
    """It would have no effect, and nothing would say so."""
    found = unknown(["DONDOC_HOME", "dondoc_pool", "DONDOC_SERVERPORT", "DONDOC_X", "PATH"])

    assert found == ["DONDOC_SERVERPORT", "DONDOC_X"]
    assert [nearest(name) for name in found] == ["DONDOC_SERVER_PORT", ""]


def test_one_mailbox_is_read_and_its_password_stands_in_one_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Which of two would count, nobody could tell."""
    file = tmp_path / "password"
    file.write_text("mật khẩu \n", encoding="utf-8")
    for name, value in {"HOST": "imap.example.vn", "USER": "dondoc"}.items():
        monkeypatch.setenv(f"DONDOC_IMAP_{name}", value)
    monkeypatch.setenv("DONDOC_IMAP_PASSWORD_FILE", str(file))

    assert Settings().mailbox_password == "mật khẩu "
    assert "mật khẩu" not in repr(Settings())
    monkeypatch.setenv("DONDOC_IMAP_PASSWORD", "x")
    with pytest.raises(BadSettings, match="chỉ đặt một") as twice:
        Settings()
    assert "DONDOC_IMAP_PASSWORD_FILE" in twice.value.say("vi")
    monkeypatch.delenv("DONDOC_IMAP_PASSWORD")
    monkeypatch.setenv("DONDOC_BOUNCES_MAILDIR", str(tmp_path))
    with pytest.raises(BadSettings) as two:
        Settings()
    assert "DONDOC_BOUNCES_MAILDIR" in two.value.say("en")
