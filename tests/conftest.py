"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import conformance
from tests import postgres as servers
from tests.databases import KINDS, SQLITE, Kind, Shelf
from tests.postgres import Postgres

# The same examples each time, so that what lands is what was tested. To look for new ones:
# HYPOTHESIS_PROFILE=explore (any seed), once in a while and longer than a landing should take.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server; a test that wants one fails where there is none."""
    with servers.serve() as server:
        yield server


@pytest.fixture(scope="session")
def shelf(postgres: Postgres) -> Iterator[Shelf]:
    """Databases on it to lend."""
    made = Shelf(postgres)
    yield made
    made.close()


@pytest.fixture(scope="module")
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """The kind of database that the test runs on: each in turn."""
    found: Kind = request.param
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a database on every kind, unless it is marked `on_files`."""
    if "database_kind" in metafunc.fixturenames:
        is_marked = metafunc.definition.get_closest_marker("on_files") is not None
        kinds = [SQLITE] if is_marked else KINDS
        metafunc.parametrize("database_kind", kinds, indirect=True, ids=str, scope="module")


NARROWING = (
    "collectonly",
    "keyword",
    "markexpr",
    "deselect",
    "ignore",
    "ignore_glob",
    "lf",
    "maxfail",
)
CALLED, MISSING = "conformance", pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist has noted."""
    conformance.recorder.called.update(getattr(node, "workeroutput", {}).get(CALLED, ()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a whole run in which a function was not called on each kind of database."""
    config, called = session.config, conformance.recorder.called
    if hasattr(config, "workeroutput"):
        config.workeroutput[CALLED] = sorted(called)
        return
    narrowed = any(getattr(config.option, one, None) for one in NARROWING)
    if exitstatus == pytest.ExitCode.OK and conformance.is_whole(config.args, narrowed=narrowed):
        config.stash[MISSING] = conformance.missing(
            called, conformance.public(), [kind.name for kind in KINDS]
        )
        if config.stash[MISSING]:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List what was not called."""
    if left := config.stash.get(MISSING, []):
        terminalreporter.section("never called on that kind of database", red=True)
        for one in left:
            terminalreporter.write_line(one)
