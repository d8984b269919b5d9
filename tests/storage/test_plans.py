"""Plans: versions by fingerprint, and runs."""

from __future__ import annotations

from datetime import timedelta

from storage import plans
from storage.database import Database
from tests.storage.records import MORNING, contents, keep_run, keep_version


def test_a_version_is_kept_once_per_fingerprint(database: Database):
    """The same texts are the same version, however often they are started."""
    with database.writing() as connection:
        first = keep_version(database, connection)
        again = keep_version(database, connection)
        other = keep_version(database, connection, fingerprint="f2")
        elsewhere = keep_version(database, connection, plan="q")

    assert first == again
    assert len({first, other, elsewhere}) == 3
    assert len(contents(database)["plan_versions"]) == 3


def test_the_texts_of_a_version_come_back_as_they_were(database: Database):
    """A run executes exactly what was started, years later too."""
    version = keep_run(database)

    with database.reading() as connection:
        bundle = plans.bundle_of(connection, version)

    assert bundle == {"main": "a.yaml", "texts": {"a.yaml": "plan: đôn đốc"}}


def test_a_run_comes_back_with_its_version(database: Database):
    """What is asked for by name is found with all that a list shows."""
    version = keep_run(database, started_at=MORNING)

    with database.reading() as connection:
        run = plans.find_run(connection, "r")
        missing = plans.find_run(connection, "s")

    assert missing is None
    assert run == plans.StoredRun(
        id="r",
        plan="p",
        number="1/KH",
        title="Kế hoạch",
        plan_version=version,
        fingerprint="f1",
        started_at=MORNING,
        completed_at=None,
        next_turn_at=None,
        news_at=None,
    )


def test_a_name_belongs_to_one_run(database: Database):
    """Two runs of one name could not be told apart; the second is told that it is."""
    version = keep_run(database)
    before = contents(database)

    with database.writing() as connection:
        later = MORNING + timedelta(days=1)
        assert not plans.create_run(
            database, connection, run="r", version=version, started_at=later
        )

    assert contents(database) == before


def test_the_latest_started_run_comes_first(database: Database):
    """It is the one that people mean."""
    keep_run(database, "old", started_at=MORNING - timedelta(days=1))
    keep_run(database, "new-b", started_at=MORNING)
    keep_run(database, "new-a", started_at=MORNING)

    with database.reading() as connection:
        runs = [run.id for run in plans.all_runs(connection)]

    assert runs == ["new-a", "new-b", "old"]


def test_a_completed_run_is_not_active(database: Database):
    """Without a name the only active run is meant."""
    keep_run(database, "r")
    keep_run(database, "s")
    with database.writing() as connection:
        plans.set_turn(connection, "r", next_turn_at=None, completed_at=MORNING)

    with database.reading() as connection:
        active = [run.id for run in plans.all_runs(connection, active_only=True)]
        every = [run.id for run in plans.all_runs(connection)]
        completed = plans.find_run(connection, "r")

    assert (active, every) == (["s"], ["r", "s"])
    assert completed is not None
    assert completed.completed_at == MORNING


def test_the_turn_of_one_run_is_not_that_of_another(database: Database):
    """Setting it touches the run alone, and null takes it away again."""
    keep_run(database, "r")
    keep_run(database, "s")
    with database.writing() as connection:
        plans.set_turn(connection, "r", next_turn_at=MORNING, completed_at=None)
        turned = {run.id: run.next_turn_at for run in plans.all_runs(connection)}
        plans.set_turn(connection, "r", next_turn_at=None, completed_at=None)
        unset = {run.id: run.next_turn_at for run in plans.all_runs(connection)}

    assert turned == {"r": MORNING, "s": None}
    assert unset == {"r": None, "s": None}


def test_versions_are_found_by_a_word_of_their_texts(database: Database):
    """An event is looked for in the plans that name it; an ended run's is none, `_` no wildcard."""
    for name, words in (
        ("r", "events: gov.issued_1"),
        ("s", "gov.issuedX1"),
        ("t", "gov.issued_1"),
    ):
        with database.writing() as connection:
            version = plans.save_version(
                database,
                connection,
                plan="p",
                fingerprint=name,
                number="1/KH",
                title="Kế hoạch",
                bundle={"main": "a.yaml", "texts": {"a.yaml": f"đôn đốc {words}"}},
                now=MORNING,
            )
            plans.create_run(database, connection, run=name, version=version, started_at=MORNING)
            ended = MORNING if name == "t" else None
            plans.set_turn(connection, name, next_turn_at=None, completed_at=ended)

    with database.reading() as connection:
        found = plans.versions_naming(connection, "gov.issued_1")
        ids = {run.id for run in plans.all_runs(connection) if run.plan_version in found}

    assert ids == {"r"}


def test_active_runs_are_walked_in_portions(database: Database):
    """A round comes by every run in turn, a portion at a time, and begins anew."""
    for run in ("a", "b", "c", "d"):
        keep_run(database, run)
    with database.writing() as connection:
        plans.set_turn(connection, "b", next_turn_at=None, completed_at=MORNING)

    with database.reading() as connection:
        assert plans.active_after(connection, "", limit=2) == ["a", "c"]
        assert plans.active_after(connection, "c", limit=2) == ["d"]
        assert plans.active_after(connection, "d", limit=2) == []
