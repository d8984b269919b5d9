"""Conversation: several commands on their way at once, and no answer taken for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from notifiers.wire.channel import Outcome, Refused, Sent, TryLater, Unknown
from notifiers.wire.smtp import SmtpChannel, stuffed
from tests.notifiers.mail_samples import SAMPLES
from tests.notifiers.test_mail_faults import envelope, settings

USUAL = {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


class Scripted:
    """A server that answers as it is told, and notes what came in how many pieces.

    It ends a line after `mails` mails. Its answers to one piece go out together.
    """

    def __init__(self, *, offers: str = "PIPELINING", mails: int = 99, **said: bytes) -> None:
        self.said = {word.encode(): answer for word, answer in said.items()}
        self.pieces: list[bytes] = []
        self.texts: list[bytes] = []
        self.lines = 0
        self._offers, self._mails = offers, mails

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines += 1
        writer.write(b"220 scripted\r\n")
        waiting, is_text, texts = b"", False, 0
        while piece := await reader.read(1 << 20):
            waiting += piece
            if not is_text:
                self.pieces.append(piece)
            answers = b""
            while True:
                end = b"\r\n.\r\n" if is_text else b"\r\n"
                first, found, rest = waiting.partition(end)
                if not found:
                    break
                waiting = rest
                if is_text:
                    self.texts.append(first + b"\r\n")
                    texts, is_text = texts + 1, False
                    answer = self.said.get(b"TEXT", b"250 taken\r\n")
                else:
                    answer = self._answer(first[:4].upper())
                    is_text = answer.startswith(b"354")
                answers += answer
            writer.write(answers)
            if texts == self._mails:
                break
        writer.close()

    def _answer(self, word: bytes) -> bytes:
        if word == b"EHLO":
            return f"250-scripted\r\n250 {self._offers}\r\n".encode()
        return self.said.get(word, USUAL.get(word, b"250 ok\r\n"))

    def send(self, *recipients: Sequence[str], **changes: Any) -> list[list[Outcome]]:
        """Hand over a mail for each of these, in one session; return what became of them."""

        async def conversation() -> list[list[Outcome]]:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            async with server:
                channel = SmtpChannel(settings(server.sockets[0].getsockname()[1], **changes))
                async with channel.session() as session:
                    found = [await session.send(envelope(*to)) for to in recipients]
            return [[*outcomes.values()] for outcomes in found]

        return asyncio.run(conversation())


TWO = ("a@b.example", "c@d.example")


def test_a_server_that_offers_it_is_told_all_at_once_but_the_text():
    """Each wait for an answer costs a mail as much as wording it does (RFC 2920)."""
    server = Scripted()

    outcomes = server.send(TWO, TWO)

    assert [[type(one) for one in found] for found in outcomes] == [[Sent, Sent]] * 2
    told = [piece for piece in server.pieces if piece.startswith(b"MAIL")]
    assert [piece.count(b"\r\n") for piece in told] == [4, 4]
    assert all(piece.endswith(b"DATA\r\n") for piece in told)


def test_a_server_that_does_not_offer_it_is_told_one_command_at_a_time():
    """RFC 2920 §3.1: who was not told may not do it."""
    server = Scripted(offers="8BITMIME")

    [outcomes] = server.send(TWO)

    assert [type(one) for one in outcomes] == [Sent, Sent]
    words = [piece[:4] for piece in server.pieces]
    assert words == [b"EHLO", b"MAIL", b"RCPT", b"RCPT", b"DATA", b"QUIT"]


def test_where_nobody_is_taken_no_text_is_given():
    """A server that says go ahead all the same waits for a text that is for nobody: it is left."""
    server = Scripted(RCPT=b"550 5.1.1 nobody\r\n")

    outcomes = server.send(TWO, TWO)

    assert [[type(one) for one in found] for found in outcomes] == [[Refused, Refused]] * 2
    assert server.texts == []
    assert server.lines == 2


def test_a_refusal_leaves_the_line_in_step_for_the_next_mail():
    """What was said beforehand is answered beforehand: no answer is left for another mail."""
    server = Scripted(RCPT=b"550 5.1.1 nobody\r\n", DATA=b"503 5.5.1 no recipients\r\n")

    outcomes = server.send(TWO, TWO)

    assert [[type(one) for one in found] for found in outcomes] == [[Refused, Refused]] * 2
    assert server.lines == 1


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_who_answers_twice_to_one_of_several_is_left(word: str):
    """An answer too many is another's: nothing is given, and nobody is refused by it."""
    said = USUAL.get(word.encode(), b"250 ok\r\n")
    server = Scripted()
    server.said[word.encode()] = said + b"550 5.1.1 no such user\r\n"

    [outcomes] = server.send(["a@b.example"])

    assert [type(one) for one in outcomes] == [TryLater]
    assert server.texts == []


class Shifted(Scripted):
    """A server that answers `first` to MAIL, and the right thing to all else, but one late."""

    def __init__(self, first: bytes, *, dead: int) -> None:
        super().__init__(MAIL=first, DATA=b"")
        self._rcpts = [b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"]
        self._rcpts[dead] = b"550 5.1.1 no such user\r\n"

    def _answer(self, word: bytes) -> bytes:
        return self._rcpts.pop(0) if word == b"RCPT" and self._rcpts else super()._answer(word)


@pytest.mark.parametrize("first", [b"250 ok\r\n250 ok\r\n", b"what?\r\n250 ok\r\n"])
@pytest.mark.parametrize("dead", [0, 1])
def test_who_answers_one_too_many_and_one_late_declares_nobody_dead(first: bytes, dead: int):
    """As many answers as were asked for are no proof: the refusal was meant for another address."""
    server = Shifted(first, dead=dead)

    [outcomes] = server.send(["a@b.example", "c@d.example", "e@f.example"])

    assert [type(one) for one in outcomes] == [TryLater] * 3
    assert server.texts == []


class Forgetful(Scripted):
    """A server that offers to hear several commands at once, and hears the first of them."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        class First(asyncio.StreamReader):
            async def read(self, n: int = -1) -> bytes:
                piece = await reader.read(n)
                is_text = piece.endswith(b"\r\n.\r\n")
                return piece if is_text else piece[: piece.find(b"\r\n") + 2]

        await super().serve(First(), writer)


def test_who_can_not_hear_several_commands_at_once_gets_its_mail_step_by_step():
    """Its offer is believed once: a server that lies about it would else never get a mail."""
    server = Forgetful()

    outcomes = server.send(TWO, ["e@f.example"], command_timeout=0.2, data_timeout=0.2)

    assert [[type(one) for one in found] for found in outcomes] == [[Sent, Sent], [Sent]]
    assert server.lines == 2
    assert len(server.texts) == 2


@pytest.mark.parametrize("said", [b"354 go\r\n", b"999 well\r\n", b"451 no\r\n250 taken\r\n"])
def test_what_is_neither_yes_nor_no_to_a_text_leaves_it_unknown(said: bytes):
    """The server has the text: to call it certainly not taken would be a guess."""
    server = Scripted(TEXT=said)

    [outcomes] = server.send(["a@b.example"])

    assert [type(one) for one in outcomes] == [Unknown]


def test_the_words_of_a_server_steer_no_terminal_and_fill_no_ledger():
    """They are kept with the message and shown to the operator as they are."""
    server = Scripted(RCPT=b"550 5.7.1 \x1b[2J\x07 " + b"y" * 60_000 + b"\r\n")

    [[outcome]] = server.send(["a@b.example"])

    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("answered: 550 5.7.1 ?[2J? yyy")
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 3_000


def test_a_line_that_ended_between_two_mails_costs_neither_a_try():
    """Many servers end a line after so many mails: that is no trouble of theirs."""
    server = Scripted(mails=1)

    outcomes = server.send(TWO, TWO, TWO)

    assert [type(one) for found in outcomes for one in found] == [Sent] * 6
    assert (server.lines, len(server.texts)) == (3, 3)


def test_a_command_is_one_line():
    """Whoever lets a line's end into a command says another one."""
    server = Scripted()

    async def conversation() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        async with listening:
            session_of = SmtpChannel(settings(listening.sockets[0].getsockname()[1])).session
            async with session_of() as session:
                talk = await session._connected()
                with pytest.raises(ValueError, match="one line"):
                    talk.say(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>")
                assert not talk.owes

    asyncio.run(conversation())


@pytest.mark.parametrize(
    "said", [b"what?\r\n", b"250-" + b"x" * 200_000], ids=["no answer", "endless"]
)
def test_what_is_no_answer_keeps_nobody_waiting(said: bytes):
    """A server that has gone mad may answer anything, and for as long as it likes."""
    server = Scripted(MAIL=said)

    [outcomes] = server.send(["a@b.example"])

    assert [type(one) for one in outcomes] == [TryLater]
    assert server.texts == []


def _bare(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _dotted(content: bytes) -> bytes:
    return content + b".\r\n..\r\n"


@pytest.mark.parametrize("change", [_bare, _dotted])
def test_a_text_that_is_not_known_to_be_plain_is_made_so(change: Callable[[bytes], bytes]):
    """A bare line's end or a dot would end the mail, and begin another (SMTP smuggling)."""
    content = change(envelope().content)

    assert b"\n" not in stuffed(content).replace(b"\r\n", b"")
    assert b"\r\n.\r\n" not in stuffed(content)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_we_build_is_plain(name: str):
    """It is put on the line as it is: none of its lines is bare, or begins with a dot."""
    content = envelope(name=name).content

    assert stuffed(content) == content
