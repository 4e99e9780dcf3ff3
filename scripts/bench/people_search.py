"""Measure how long a search takes, and how long the keys of everybody: `python -m ...`.

Usage: python -m scripts.bench.people_search [PEOPLE] [SQLALCHEMY_URL of an empty database]
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from server.db.engine import Database
from server.db.types import new_id, now
from server.migrations.runner import upgrade
from server.people.keys import ensure_keys
from server.people.search import find_people
from server.people.tables import Person

GIVEN = "Anna Jan Mohamed Fatima Łukasz Søren José Wei Olga أحمد Sara Emma Noah Gülşah Þóra Đức"
SYLLABLES = "ka ro mi sen ber wal ski na to lu dan ha ve ri go stein man ova"
SEARCHES = ("", "a", "an", "lukasz", "walski", "jose wal", "S-100", "100123", "nobody")
_REPEATS = 7


def main() -> None:
    """Print a line for each search."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        database = Database(url)
        upgrade(database)
        _fill(database, count)
        print(f"{database.engine.dialect.name}, {count} people")
        print(f"keys of everybody: {_seconds(lambda: _make_keys(database)):.1f} s")
        for words in SEARCHES:
            print(f"{words!r}: {_search(database, words)}")
        database.close()


def _fill(database: Database, count: int) -> None:
    chance = random.Random(1)  # noqa: S311 - the same names each time
    rows = [_row(chance, number) for number in range(count)]
    with database.transaction() as db:
        db.execute(insert(Person), rows)


def _row(chance: random.Random, number: int) -> dict[str, object]:
    given = chance.choice(GIVEN.split())
    family = "".join(chance.choices(SYLLABLES.split(), k=chance.randint(2, 4))).title()
    names = {"given_name": given, "family_name": family, "display_name": f"{given} {family}"}
    keys = {"search_text": "", "sort_key": b"", "created_at": now()}
    return {"id": new_id(), "student_number": f"S-{100_000 + number}"} | names | keys


def _make_keys(database: Database) -> None:
    with database.transaction() as db:
        ensure_keys(db, "en")


def _search(database: Database, words: str) -> str:
    total = 0

    def once() -> None:
        nonlocal total
        with database.reading() as db:
            total = find_people(db, words=words)[1]

    middle = statistics.median(_seconds(once) for _ in range(_REPEATS))
    return f"{total} people, {middle * 1000:.0f} ms"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
