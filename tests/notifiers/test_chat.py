"""Chats: what a real server gets, and what a broken one costs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from notifiers.wire import chat
from notifiers.wire.chat import Announcement, Told

WHAT = Announcement("Báo cáo 2 cơ quan quá hạn", "- Sở Y tế: Báo cáo\n- Sở Tư pháp: Báo cáo")


@dataclass
class Gateway:
    """A server on the loopback address: what it got, how it answers, whether it hangs."""

    status: int = 200
    hangs: bool = False
    got: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    released: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Its Apprise URL, with a secret in it."""
        return f"json://user:s3cret@127.0.0.1:{self.port}/hook"


@contextmanager
def gateway(**how: Any) -> Iterator[Gateway]:
    """Run a gateway."""
    served = Gateway(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            served.got.append(json.loads(self.rfile.read(length)))
            if served.hangs:
                served.released.wait(30)
            self.send_response(served.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.port = server.server_address[1]
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        served.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loopback address is asked itself, whatever the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def announce(written: str, what: Announcement = WHAT, **how: Any) -> list[Told]:
    """Announce at what a setting names."""
    return asyncio.run(chat.announce(chat.services(written), what, **how))


def test_a_gateway_gets_the_words_as_they_are():
    """Vietnamese letters, lines and all."""
    with gateway() as served:
        assert announce(served.url) == [Told("JSON #1")]

    (got,) = served.got
    assert (got["title"], got["message"]) == (WHAT.title, WHAT.text)


def test_one_that_fails_keeps_no_other_from_being_told():
    """Each service stands for itself, and is called by its place, never by its address."""
    with gateway(status=500) as broken, gateway() as good:
        told = announce(f"{broken.url}, {good.url}\nnonsense://s3cret")

    assert told == [Told("JSON #1", "not taken"), Told("JSON #2"), Told("#3", "unreadable")]
    assert len(broken.got) == len(good.got) == 1


def test_a_gateway_that_hangs_costs_its_patience_and_no_more():
    """Mail goes out meanwhile; a thread that hangs keeps no process from ending."""
    with gateway(hangs=True) as served:
        told = announce(served.url, patience=0.2)

    assert told == [Told("JSON #1", "no answer in time")]
    assert len(served.got) == 1


def test_nobody_listening_is_said():
    """A refused connection is no exception to those who send mail."""
    with gateway() as served:
        gone = served.url

    assert announce(gone) == [Told("JSON #1", "not taken")]


def test_hostile_names_mention_nobody_and_end_no_line():
    """A name is a name: no mention, no link, no control character reaches a chat."""
    hostile = Announcement("Sở\r\nBcc: x @everyone", "- <!channel> `rm`\u202e\x00\n- \x1b[31m")
    with gateway() as served:
        announce(served.url, hostile)

    (got,) = served.got
    said = got["title"] + got["message"]
    assert not set("<>@`\r\x00\x1b\u202e") & set(said)
    assert got["title"].count("\n") == 0
    assert got["message"].count("\n") == 1


def test_a_text_is_cut_before_it_becomes_a_book():
    """A name of thousands of letters costs one short text."""
    with gateway() as served:
        announce(served.url, Announcement("x" * 9999, "y" * 9999))

    (got,) = served.got
    assert len(got["message"]) <= chat.LONGEST
    assert len(got["title"]) <= chat.LONGEST


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture):
    """An Apprise URL is as good as a password, even at the level DEBUG."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    with gateway(status=403) as served:
        announce(served.url)
        assert "s3cret" not in repr(chat.services(served.url))

    assert "s3cret" not in caplog.text


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("", []),
        ("json://a.example json://b.example", ["JSON #1", "JSON #2"]),
        ("json://a.example,json://b.example", ["JSON #1", "JSON #2"]),
        ("json://a.example/?:k=a,b\n\njson://b.example\n", ["JSON #1", "JSON #2"]),
        ("no url at all", ["#1"]),
    ],
)
def test_a_setting_holds_several_services(written: str, names: list[str]):
    """Apart by spaces, lines or commas; a comma within an address stays."""
    assert [one.name for one in chat.services(written)] == names
