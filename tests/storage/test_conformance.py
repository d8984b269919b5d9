"""Conformance: that what holds the suite complete sees what there is."""

from __future__ import annotations

from storage import plans
from storage.database import Database
from tests import conformance


def test_every_room_has_its_functions_and_none_that_is_private():
    """A list that is empty by mistake would be complete by mistake."""
    found = conformance.public()

    assert {
        "storage.outbox.claim",
        "services.runs.start",
        "services.mail.delivering.deliver",
    } <= set(found)
    assert len([name for name in found if name.startswith("storage.")]) > 60
    assert not [name for name in found if "._" in name]


def test_a_call_counts_on_the_kind_on_which_it_was_made(database: Database):
    """Whoever called it: by the module's name, or by a name imported from it."""
    noted = conformance.Recorder()
    find = noted._noting("storage.plans.find_run", plans.find_run)  # type: ignore[arg-type]
    with database.reading() as connection:
        find(connection, "r")
        assert noted.called == set()
        with noted.on("cloud", "storage"):
            find(connection, "r")

    assert noted.called == {"cloud storage.plans.find_run"}


def test_what_was_called_on_one_kind_only_is_missing_on_the_other():
    """The whole of the rule."""
    called = {"sqlite a.b", "postgresql a.b", "sqlite a.c"}

    assert conformance.missing(called, ["a.b", "a.c"], ["sqlite", "postgresql"]) == [
        "postgresql a.c"
    ]


def test_a_run_of_a_part_is_not_held_to_the_whole():
    """Who runs one file is told about that file."""
    assert conformance.is_whole(["tests"], narrowed=False)
    assert conformance.is_whole(["tests/services/", "tests/storage"], narrowed=False)
    assert not conformance.is_whole(["tests/services"], narrowed=False)
    assert not conformance.is_whole(["tests"], narrowed=True)
