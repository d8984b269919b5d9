"""Pacing: whether a mail server may be spoken to now: its circuit breaker, its rate, its lines.

The breaker keeps a dead server from costing an attempt for every mail: after one it is left
alone for a while, then tried with a single mail. Pure: what is kept of a relay goes in and
comes out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.relays import Relay

REST = (
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=15),
)
"""How long a server is left alone after the first failure, the second …"""
PROBE = timedelta(minutes=15)  # a probe that does not come back holds the others up no longer
SKEW = timedelta(minutes=15)  # that the clocks of machines may be apart
BURST = timedelta(seconds=10)  # what a rate of mails a minute may run ahead


def room(relay: Relay, now: datetime, *, wanted: int, per_minute: int) -> int:
    """Return how many of `wanted` mails may be handed over at `now`; 0 per minute: no limit.

    A server that failed is tried with one.
    """
    if relay.open_until is not None and now < relay.open_until:
        return 0
    if relay.failures:
        wanted = min(wanted, 1)
    if not per_minute:
        return wanted
    each = timedelta(minutes=1) / per_minute
    return min(wanted, int((now - _starts(relay, now, each)) / each))


def taken(relay: Relay, now: datetime, count: int, *, per_minute: int) -> Relay:
    """Return the relay with `count` mails on their way to it.

    One that failed is being probed then, and left alone by everybody else until that is known.
    """
    if relay.failures:
        relay = replace(relay, open_until=now + PROBE)
    if not per_minute:
        return relay
    each = timedelta(minutes=1) / per_minute
    return replace(relay, free_at=_starts(relay, now, each) + count * each)


def _starts(relay: Relay, now: datetime, each: timedelta) -> datetime:
    """Return from when mails are counted: what was not used before is lost, but for a burst."""
    earliest = now - max(BURST, each)
    return earliest if relay.free_at is None else max(relay.free_at, earliest)


def failed(relay: Relay, why: str, now: datetime) -> Relay:
    """Return the relay after a failure that is its own: left alone, longer each time."""
    rest = REST[min(relay.failures, len(REST) - 1)]
    return replace(relay, failures=relay.failures + 1, open_until=now + rest, why=why)


def answered(relay: Relay) -> Relay:
    """Return the relay after it has taken or judged a mail: it is alive."""
    return replace(relay, failures=0, open_until=None, why="")


def untried(relay: Relay, now: datetime) -> Relay:
    """Return the relay after a probe that nothing came of: it may be tried with another mail."""
    return replace(relay, open_until=now)


def possible(relay: Relay, now: datetime) -> Relay:
    """Return the relay without times further ahead than they can be: the clock was set back.

    No rest is longer than a quarter of an hour, and no more is handed over than the rate has
    room for.
    """
    open_until, free_at = relay.open_until, relay.free_at
    if open_until is not None and open_until > now + max(*REST, PROBE) + SKEW:
        open_until = now
    if free_at is not None and free_at > now + SKEW:
        free_at = None
    return replace(relay, open_until=open_until, free_at=free_at)


def ready_at(relay: Relay, at: datetime, *, per_minute: int) -> datetime:
    """Return when something that is due `at` may be handed over: then, or later."""
    moments = [at]
    if relay.open_until is not None:
        moments.append(relay.open_until)
    if per_minute and relay.free_at is not None:
        each = timedelta(minutes=1) / per_minute
        moments.append(relay.free_at + each)
    return max(moments)
