"""The log of what changed: written last, in order, and read only where no line is missing."""

import threading
import uuid

import pytest
from sqlmodel import col, select

from server.changes import service
from server.changes.service import Touched, note, note_people, touched_between
from server.changes.tables import SchoolChange
from server.db.engine import Database
from server.db.types import new_id

pytestmark = pytest.mark.integration
ANN, BOB, COURSE, OTHER, ROOM = (new_id() for _ in range(5))


def lines(database: Database) -> list[tuple[int, str, uuid.UUID | None]]:
    with database.reading() as db:
        query = select(SchoolChange).order_by(col(SchoolChange.seq))
        return [(row.seq, row.thing, row.thing_id) for row in db.exec(query)]


def noted(database: Database, *touched: Touched | None) -> None:
    with database.transaction() as db:
        for one in touched:
            note(db, one)


def read(database: Database, known: int, current: int) -> Touched | None:
    with database.reading() as db:
        return touched_between(db, known, current)


def people(*ids: uuid.UUID) -> Touched:
    return Touched(people=frozenset(ids))


def test_what_a_transaction_notes_is_there_after_its_commit(database: Database) -> None:
    everything = Touched(*(frozenset({one}) for one in (ANN, COURSE, OTHER, ROOM)))
    with database.transaction() as db:
        note(db, people(ANN))
        note(db, everything)
        assert db.exec(select(SchoolChange)).all() == []
    assert lines(database) == [
        (1, "person", ANN),
        (2, "course", COURSE),
        (3, "lessons_of", OTHER),
        (4, "room", ROOM),
    ]
    assert read(database, 0, 4) == everything
    assert read(database, 4, 4) == Touched()


def test_transaction_that_fails_notes_nothing(database: Database) -> None:
    def change() -> None:
        with database.transaction() as db:
            note_people(db, ANN)
            raise RuntimeError("changed its mind")

    with pytest.raises(RuntimeError):
        change()
    assert lines(database) == []


def test_savepoints_write_nothing_before_the_end(database: Database) -> None:
    with database.transaction() as db:
        note_people(db, ANN)
        with db.begin_nested():
            note_people(db, BOB)
        assert db.exec(select(SchoolChange)).all() == []
        note_people(db, BOB)
    assert read(database, 0, 2) == people(ANN, BOB)


def test_change_of_the_school_stands_for_all_others(database: Database) -> None:
    noted(database, people(ANN), None, people(BOB))
    assert [thing for _seq, thing, _id in lines(database)] == ["school"]
    assert read(database, 0, 1) is None


def test_many_things_are_the_whole_school(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_NOTED", 1)
    noted(database, people(ANN, BOB))
    assert [thing for _seq, thing, _id in lines(database)] == ["school"]


def test_who_has_not_looked_for_long_looks_at_the_whole_school(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(database, people(ANN))
    noted(database, people(BOB))
    monkeypatch.setattr(service, "MOST_READ", 1)
    assert read(database, 1, 2) == people(BOB)
    assert read(database, 0, 2) is None


def test_lines_that_were_deleted_are_the_whole_school(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT", 1)
    noted(database, people(ANN))
    noted(database, people(BOB))
    noted(database, people(ANN))
    assert [seq for seq, _thing, _id in lines(database)] == [3]
    assert read(database, 1, 3) is None
    assert read(database, 2, 3) == people(ANN)


def test_log_that_went_back_in_time_is_the_whole_school(database: Database) -> None:
    """The database was restored from a backup under a running server."""
    noted(database, people(ANN))
    assert read(database, 5, 1) is None


def test_writers_take_turns_so_that_no_number_is_seen_before_a_smaller_one(
    database: Database,
) -> None:
    together = threading.Barrier(4)

    def write() -> None:
        together.wait()
        for _ in range(10):
            noted(database, people(ANN, BOB))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seq for seq, _thing, _id in lines(database)] == list(range(1, 81))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_no_transaction_waits_for_one_that_goes_on(database: Database) -> None:
    """The lock is taken at the end, so two transactions cannot wait for each other."""
    inside, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with database.transaction() as db:
            note_people(db, ANN)
            inside.set()
            go_on.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    assert inside.wait(20)
    noted(database, people(BOB))
    assert read(database, 0, 1) == people(BOB)
    go_on.set()
    thread.join()
    assert read(database, 1, 2) == people(ANN)
