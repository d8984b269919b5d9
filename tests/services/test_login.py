"""Login: what the Prefect server can ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.settings import BadSettings, Settings


@pytest.mark.parametrize("login", ["dondoc:mật-khẩu", "đôn-đốc:abc", "dondoc", "dondoc:", ":abc"])
def test_a_login_that_prefect_can_not_use_is_refused(login: str, tmp_path: Path):
    """With a letter beyond ASCII its server would answer 500 to everything, the pages too."""
    with pytest.raises(BadSettings) as refused:
        Settings(prefect_auth=login)
    assert "DONDOC_PREFECT_AUTH" in refused.value.say("vi")

    file = tmp_path / "login"
    file.write_text(login, encoding="utf-8")
    with pytest.raises(BadSettings):
        Settings(prefect_auth_file=file)


def test_signs_of_a_long_password_are_taken_as_they_are():
    """It is written by a generator of passwords, not by a person."""
    assert Settings(prefect_auth="dondoc:a: b/#%").login == "dondoc:a: b/#%"
