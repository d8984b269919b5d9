"""The use cases on a real database: what is recorded, issued, delivered, and refused."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.chasing import next_wake
from engine.ledger import EntryKind, fold
from engine.rehearsal import Act, rehearse, start_of_run
from notifiers.digest import Digest
from notifiers.rendering import Rendered, render
from notifiers.wire import mailbox
from notifiers.wire.channel import Envelope, Outcome, Outcomes, Refused, Sent, TryLater, Unknown
from plan_definitions import Bundle, load_scenario
from services import chasing, recording, runs
from services.errors import Refused as NotAllowed
from services.mail import delivering, preparing
from services.recording import Source
from services.views import board, reports
from services.wiring import Parts
from storage import ledger, notices, plans
from storage.outbox import Status
from storage.tables import metadata
from tests.services.office import Halt, Offices

ROOT = Path(__file__).parents[2] / "plan_definitions/tuyen-quang"
PLAN = ROOT / "37-kh-ubnd-2020.yaml"
RUN = "kh37-2020"
FINAL = "agency-reports/final-report"
ME = Source("test")


def at(written: str) -> datetime:
    """An instant in Viet Nam."""
    return datetime.fromisoformat(f"{written}+07:00")


NOW = at("2020-05-11 09:00")


@pytest.fixture
def parts(office: Offices, tmp_path: Path) -> Iterator[Parts]:
    """An empty installation."""
    with office(mailbox=tmp_path / "mailbox") as opened:
        yield opened


def started(parts: Parts, when: str = "2020-04-06 08:00") -> str:
    """Start plan 37."""
    return runs.start(parts, Bundle.read(PLAN), now=at(when), by="test").run


def contents(parts: Parts) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the database holds."""
    with parts.database.reading() as connection:
        return {
            table.name: [tuple(map(repr, row)) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


@dataclass
class Post:
    """A mail server that answers as it is told, and keeps what it was given."""

    answer: Callable[[Envelope], Outcome] = lambda _: Sent()
    taken: list[Envelope] = field(default_factory=list)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Post]:
        """Open one more line."""
        yield self

    async def send(self, envelope: Envelope) -> Outcomes:
        """Take a mail."""
        self.taken.append(envelope)
        return dict.fromkeys(envelope.recipients, self.answer(envelope))


def deliver(parts: Parts, post: Post, when: str) -> Counter[Status]:
    """Drain the outbox at a moment."""
    return asyncio.run(delivering.deliver(parts, post, at(when))).counts


def do(parts: Parts, act: Act) -> None:
    """Record what a scenario says."""
    dated = act.happened_at.astimezone(at("2020-01-01").tzinfo).date()
    source = Source("test", act.document, dated)
    if act.kind is EntryKind.EVENT_ANNOUNCED:
        assert act.event is not None
        recording.announce(parts, act.event, source, now=act.at)
        return
    assert act.obligation is not None
    if act.kind is EntryKind.SUBMITTED:
        recording.submit(parts, RUN, act.obligation, source, now=act.at)
    else:
        assert act.kind is EntryKind.RETURNED
        why, days = act.data["reason"], act.data.get("days")
        recording.send_back(parts, RUN, act.obligation, source, why=why, days=days, now=act.at)


@pytest.mark.parametrize("name", ["plausible", "outage"])
def test_issuing_step_by_step_gives_just_the_preview(parts: Parts, name: str):
    """SQL and the pure rehearsal are two ways to the same messages."""
    run = started(parts)
    with parts.database.reading() as connection:
        plan = runs.live(parts, connection, run).plan
    scenario = load_scenario(ROOT / f"scenarios/{name}.yaml", plan)
    acts, now = sorted(scenario.acts, key=lambda act: act.at), start_of_run(plan, scenario)
    while True:
        while acts and acts[0].at <= now:
            do(parts, acts.pop(0))
        if scenario.awake(now) == now:
            chasing.issue_notices(parts, now)
        wake = _next(parts)
        moments = [act.at for act in acts[:1]] + ([scenario.awake(max(wake, now))] if wake else [])
        following = min(moments, default=None)
        if following is None or (scenario.until and following > scenario.until):
            break
        now = following

    done = reports.outcome(parts, run, now)
    stored = sorted(
        (one.message.send_at, one.message.recipient, one.message.kind, one.rungs, one.obligations)
        for one in done.messages
    )
    shown = sorted(
        (d.send_at, d.recipient, d.kind.word, d.rungs, d.obligations)
        for d in (one.digest for one in rehearse(plan, scenario).issued)
    )
    assert stored == shown
    _projection_is_the_fold(parts, run, now)


def _next(parts: Parts) -> datetime | None:
    with parts.database.reading() as connection:
        return plans.next_wake(connection)


def _projection_is_the_fold(parts: Parts, run: str, now: datetime) -> None:
    with parts.database.reading() as connection:
        plan = runs.live(parts, connection, run).plan
        state = fold(plan, ledger.entries(connection, run))
        table = metadata.tables["obligations"]
        rows = {row.id: row for row in connection.execute(select(table))}
        issued = notices.keys(connection, run, list(rows))
    for key, one in state.obligations.items():
        row = rows[key]
        assert (row.standing, row.round) == (one.standing.value, one.round)
        assert row.last_day == (None if one.due is None else one.due.last_day)
        assert row.settled_at == one.settled_at
        wake = next_wake(plan, one, issued=issued[key], now=now)
        assert row.next_wake_at == wake


def test_starting_twice_changes_nothing(parts: Parts):
    """A flow that was killed after its commit may be run again."""
    started(parts)
    before = contents(parts)
    again = runs.start(parts, Bundle.read(PLAN), now=at("2020-04-07 09:00"), by="other")
    assert not again.is_new
    assert contents(parts) == before


@pytest.mark.parametrize(
    ("obligation", "dated", "key"),
    [
        (f"{FINAL}/so-y-ta", None, "refused.unknown-obligation"),
        (f"{FINAL}/so-y-te", date(2020, 5, 12), "refused.dated-ahead"),
        (f"{FINAL}/so-tu-phap", date(2020, 5, 7), "refused.submitted-already"),
        ("", None, "refused.no-such-obligation"),
    ],
)
def test_a_wrong_submission_is_refused_and_changes_nothing(
    parts: Parts, obligation: str, dated: date | None, key: str
):
    """A clear refusal, and the database is as it was."""
    run, now = started(parts), at("2020-05-11 09:00")
    recording.submit(parts, run, f"{FINAL}/so-tu-phap", ME, now=at("2020-05-08 09:00"))
    before = contents(parts)
    with pytest.raises(NotAllowed) as refusal:
        recording.submit(parts, run, obligation, Source("test", dated=dated), now=now)
    assert refusal.value.key == key
    assert refusal.value.say("vi")
    assert refusal.value.say("en")
    assert contents(parts) == before


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: recording.send_back(p, RUN, f"{FINAL}/vp-ubnd", ME, why="x", days=3, now=NOW),
        lambda p: recording.accept(p, RUN, f"{FINAL}/vp-ubnd", ME, now=NOW),
        lambda p: recording.extend(p, RUN, f"{FINAL}/vp-ubnd", ME, until=date(2020, 5, 1), now=NOW),
        lambda p: recording.announce(p, "no.such-event", ME, now=NOW),
        lambda p: runs.start(
            p, Bundle.read(PLAN), now=NOW, by="x", run="r", started_at=at("2020-06-01 08:00")
        ),
    ],
    ids=["return", "accept", "extend", "event", "start"],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    parts: Parts, wrong: Callable[[Parts], object]
):
    """Nothing to return, nothing to accept, no longer date, no such event, not yet."""
    started(parts)
    before = contents(parts)
    with pytest.raises(NotAllowed):
        wrong(parts)
    assert contents(parts) == before


def test_chasing_twice_issues_once(parts: Parts):
    """Run twice, late, or at once: each notice is there once."""
    started(parts)
    chasing.issue_notices(parts, at("2020-05-11 08:00"))
    before = contents(parts)
    chasing.issue_notices(parts, at("2020-05-11 08:00"))
    assert contents(parts) == before


def test_a_broken_transaction_leaves_nothing_and_the_next_does_it_all(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Killed at any line before the commit, it is as if it had never begun."""
    started(parts)
    before = contents(parts)
    real = notices.save

    def broken(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        raise Halt

    with monkeypatch.context() as patched:
        patched.setattr(notices, "save", broken)
        with pytest.raises(Halt):
            chasing.issue_notices(parts, at("2020-05-11 08:00"))
    assert contents(parts) == before
    assert chasing.issue_notices(parts, at("2020-05-11 08:00"))[0].messages == 30


def test_an_event_is_kept_until_its_stage_may_open_and_counts_once(parts: Parts):
    """Sent early it is kept; sent twice it counts once."""
    started(parts)
    source = Source("test", "76/NQ-CP", date(2020, 4, 20))
    name = "government.programme-issued"
    first = recording.announce(parts, name, source, now=at("2020-04-21 09:00"))
    second = recording.announce(parts, name, source, now=at("2020-04-22 09:00"))
    assert (len(first.recorded), len(second.recorded)) == (1, 0)
    seen = board.read(parts, RUN, at("2020-04-22 09:00"))
    assert [stage.name for stage in seen.stages][3] == "Blocked"
    assert seen.state.events[name].document == "76/NQ-CP"


def test_who_has_submitted_since_is_not_chased(parts: Parts):
    """Looked at again just before sending: dropped from a digest, or the mail cancelled."""
    run = started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))
    deliver(parts, Post(), "2020-04-06 08:00")
    chasing.issue_notices(parts, at("2020-05-11 08:00"))
    recording.submit(parts, run, f"{FINAL}/so-tu-phap", ME, now=at("2020-05-11 08:00"))
    post = Post()
    counts = deliver(parts, post, "2020-05-11 08:01")
    assert "vanthu@sotuphap.tuyenquang.example" not in {one.recipients[0] for one in post.taken}
    told = next(one for one in post.taken if "noivu" in one.recipients[0])
    assert counts[Status.SENT] == len(post.taken)
    assert counts == Counter({Status.SENT: 27, Status.CANCELLED: 1})
    assert b"multipart/alternative" in told.content


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Sent("250 ok"), Status.SENT),
        (TryLater("451 later"), Status.LATER),
        (Refused("550 no such user"), Status.UNDELIVERABLE),
        (Unknown("connection lost"), Status.UNCERTAIN),
    ],
)
def test_each_answer_of_the_server_leads_to_a_status(parts: Parts, answer: Outcome, status: Status):
    """4xx later, 5xx to a person, unknown once more under the same id.

    A server that answers to none is left alone: each that is tried may arrive twice.
    """
    started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))
    count = delivering.RIDDLES if isinstance(answer, Unknown) else 29
    assert deliver(parts, Post(lambda _: answer), "2020-04-06 08:00") == Counter({status: count})


def test_what_is_put_off_goes_out_later_under_the_same_message_id(parts: Parts):
    """Late is better than lost; the id lets a mail program see the double."""
    started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))
    first, second = Post(lambda _: Unknown("lost")), Post()
    deliver(parts, first, "2020-04-06 08:00")
    deliver(parts, second, "2020-04-06 08:04")
    ids = [sorted(one.message_id for one in post.taken) for post in (first, second)]
    assert not set(ids[0]) & set(ids[1]), "what may be there already waits longer"
    deliver(parts, second, "2020-04-06 08:05")
    assert set(ids[0]) < {one.message_id for one in second.taken}
    assert len(second.taken) == len({one.message_id for one in second.taken}) == 29


def test_a_worker_killed_after_the_dot_costs_few_doubles(parts: Parts):
    """Nothing lost, and the doubles bounded."""
    started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))
    post = Post()

    def dies(envelope: Envelope) -> Outcome:
        if len(post.taken) == 12:
            raise Halt
        return Sent()

    post.answer = dies
    with pytest.raises(Halt):
        deliver(parts, post, "2020-04-06 08:00")
    post.answer = lambda _: Sent()
    deliver(parts, post, "2020-04-06 08:01")
    deliver(parts, post, "2020-04-06 08:16")  # the lease has lapsed
    counted = Counter(one.message_id for one in post.taken)
    assert len(counted) == 29
    assert sum(counted.values()) - 29 <= delivering.UNMARKED


def test_mail_without_a_server_is_filed_and_goes_nowhere(parts: Parts, tmp_path: Path):
    """The default: a real SMTP conversation into a local Maildir."""
    started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))

    async def drain() -> None:
        async with delivering.way_out(parts) as way:
            await delivering.deliver(parts, way, at("2020-04-06 08:00"))

    asyncio.run(drain())
    filed = mailbox.read(tmp_path / "mailbox")
    assert len(filed) == 29
    assert {mail.date for mail in filed} == {at("2020-04-06 08:00")}
    assert all("37/KH-UBND" in mail.subject and mail.text and mail.html for mail in filed)


def test_the_board_says_what_each_stage_waits_for(parts: Parts):
    """At a glance, in ASCII; who is missing in the message."""
    run = started(parts)
    seen = board.read(parts, run, at("2020-04-06 09:00"))
    assert [stage.name for stage in seen.stages] == ["Waiting 0/27", *["Blocked"] * 3]
    recording.submit(parts, run, f"{FINAL}/so-y-te", ME, now=at("2020-05-08 09:00"))
    seen = board.read(parts, run, at("2020-05-11 09:00"))
    assert seen.stages[0].name == "Overdue 26/27"
    assert "Sở Y tế" not in seen.stages[0].message
    assert "Sở Tư pháp" in seen.stages[0].message
    assert all(stage.name.isascii() for stage in seen.stages)
    total = seen.total()
    assert (total.owed, total.on_time, total.missing) == (90, 1, 89)
    assert json.dumps(board.summary(seen))


def test_the_board_of_an_earlier_day_is_as_it_was(parts: Parts):
    """The ledger can be read as of any moment."""
    run = started(parts)
    recording.submit(parts, run, f"{FINAL}/so-y-te", ME, now=at("2020-05-08 09:00"))
    before = board.read(parts, run, at("2020-06-01 09:00"), as_of=at("2020-05-08 08:59"))
    assert before.total().on_time == 0


def test_a_mail_that_cannot_be_made_holds_up_no_other(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """One broken mail goes to a person; the other 28 go out."""
    started(parts)
    chasing.issue_notices(parts, at("2020-04-06 08:00"))
    real = render

    def breaks(digest: Digest) -> Rendered:
        if digest.recipient.id == "so-y-te":
            raise ValueError("a template that fails")
        return real(digest)

    monkeypatch.setattr(preparing, "render", breaks)
    counts = deliver(parts, Post(), "2020-04-06 08:00")
    assert counts == Counter({Status.SENT: 28, Status.UNDELIVERABLE: 1})
