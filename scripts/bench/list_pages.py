"""Time lists with filters, and the short pages beside them, against the same lists without.

    .venv/bin/python -m scripts.bench.list_pages [--people 1000] [--repeat 20]

Asks the application in this process, and takes the CPU of the whole process, the client included.
On a machine that others use too, compare the ratios: every list is asked right before its filters,
again and again.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from starlette.testclient import TestClient

from scripts.bench.noon import noon_zone
from scripts.bench.pages import Filled, Page, Times, count_statements, fill_server
from scripts.invented_school import Size
from server.accounts.tables import Account
from server.app import create_app
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.types import new_id
from server.web.principal import Role

_USERS = 80


def add_users(settings: Settings) -> str:
    """Add teachers; returns the id of one of them."""
    database, no_password = Database(settings.sqlalchemy_url), "-"
    rows = [
        Account(
            id=new_id(),
            username=f"teacher{number}",
            display_name=f"Teacher {number}",
            role=Role.TEACHER.value,
            password_hash=no_password,
            must_change_password=number % 3 == 0,
        )
        for number in range(_USERS)
    ]
    teacher = str(rows[0].id)
    with database.transaction() as db:
        db.add_all(rows)
    database.close()
    return teacher


def lists_of(filled: Filled, teacher: str) -> list[list[Page]]:
    """Return each list, and after it the same with filters and its short page."""
    school, asked = filled.school, {"Cookie": filled.cookie}
    person, course, lesson = school.people[0], school.courses[0], school.lessons[0]
    paths = {
        "people": ("", "?consent=live", "?photos=missing", "?place=none", f"?course={course}"),
        "lessons": (
            "",
            f"?course={course}",
            f"?teacher={teacher}",
            *(f"?register={one}" for one in ("confirmed", "unconfirmed", "cancelled")),
            *(f"?register={one}" for one in ("pending", "not_taken")),
        ),
        "courses": ("", f"?teacher={teacher}"),
        "kiosks": ("", f"?room={school.rooms[0]}", "?state=silent"),
        "users": ("", "?role=teacher", "?state=one_time"),
    }
    short = {"people": person, "lessons": lesson, "courses": course}
    found = []
    for name, queries in paths.items():
        pages = [Page(_name(name, query), f"/{name}{query}", asked) for query in queries]
        if name in short:
            path = f"/{name}/{short[name]}/short"
            pages.append(Page(f"{name}, short page", path, asked))
        found.append(pages)
    return found


def _name(name: str, query: str) -> str:
    words = query.removeprefix("?").split("=")
    if len(words) == 1:
        return name
    value = words[1] if "-" not in words[1] else "…"
    return f"{name}, {words[0]} {value}"


def measure(settings: Settings, pages: list[Page], repeat: int) -> None:
    """Ask all pages by turns, and note the CPU of each; the first turn compiles what it needs."""
    with TestClient(create_app(settings)) as client:
        for page in pages:
            page.times.append(Times())
        for turn in range(repeat + 1):
            for page in pages:
                before = time.process_time()
                answer = client.get(page.path, headers=page.headers)
                used = (time.process_time() - before) * 1000
                assert answer.status_code == 200, f"{page.path}: {answer.status_code}"
                if turn:
                    page.times[0].cpu.append(used)


def print_lists(lists: list[list[Page]]) -> None:
    """Print the table: each list, and its pages against it."""
    print("| page | CPU ms | least | against the list, by the least | statements | KiB |")
    print("|---|---|---|---|---|---|")
    for pages in lists:
        whole = min(pages[0].times[0].cpu)
        for page in pages:
            cpu = page.times[0].cpu
            median, least = statistics.median(cpu), min(cpu)
            print(
                f"| {page.name} | {median:.1f} | {least:.1f} | {least / whole:.2f} |"
                f" {page.statements} | {page.kib:.0f} |"
            )


def main() -> int:
    """Fill a server and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="rollcall-lists-") as folder:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        filled = fill_server(settings, Size(options.people, 50, 10), 0)
        lists = lists_of(filled, add_users(settings))
        pages = [page for one in lists for page in one]
        count_statements(filled, pages)
        measure(settings, pages, options.repeat)
    print_lists(lists)
    return 0


if __name__ == "__main__":
    sys.exit(main())
