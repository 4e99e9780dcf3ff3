"""Time the attendance of one person over a term, against the list of people.

    .venv/bin/python -m scripts.bench.person_term [--repeat 20]

Asks the application in this process, and takes the CPU of the whole process, the client included.
On a machine that others use too, compare the rows of one run.
"""

import argparse
import logging
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from scripts.bench.list_pages import measure, print_lists
from scripts.bench.noon import noon_zone
from scripts.bench.pages import Filled, Page, count_statements, fill_server
from scripts.bench.term import add_term
from scripts.invented_attendance import STUDENT
from scripts.invented_school import Size
from server.config import load_settings

_PEOPLE = 200


def pages_of(filled: Filled) -> list[Page]:
    """Return the list of people, and after it what is shown about one of them."""
    asked, base = {"Cookie": filled.cookie}, f"/people/{filled.school.people[STUDENT]}"
    return [
        Page("people", "/people", asked),
        Page("person", base, asked),
        Page("attendance of a person", f"{base}/attendance", asked),
        Page("the same over the API", f"/api/v1{base}/attendance", asked),
    ]


def main() -> int:
    """Fill a server and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="rollcall-term-") as folder:
        settings = load_settings(
            data_dir=Path(folder) / "data",
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
        )
        filled = fill_server(settings, Size(_PEOPLE, 50, 10), 0)
        add_term(settings, filled.school)
        pages = pages_of(filled)
        count_statements(filled, pages)
        measure(settings, pages, options.repeat)
    print_lists([pages])
    return 0


if __name__ == "__main__":
    sys.exit(main())
