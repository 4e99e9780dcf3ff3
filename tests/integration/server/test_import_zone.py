"""In a school without any lesson, days of rosters are the school's own, not those of UTC."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import FastAPI

from server.config import Settings
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk

HEAD = "course;number;from;until\n"
#: The middle of the day in UTC: one of these zones always has another date than UTC.
_NOON_H = 12


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same, in a zone in which it is tomorrow, or still yesterday."""
    is_late = datetime.now(UTC).hour >= _NOON_H
    name = "Pacific/Kiritimati" if is_late else "Etc/GMT+12"
    return settings.model_copy(update={"timezone": name})


@pytest.fixture
def today(settings: Settings) -> date:
    found = datetime.now(settings.zone).date()
    assert found != datetime.now(UTC).date()
    return found


@pytest.fixture
def imports(app: FastAPI, desk: OfficeDesk) -> ImportDesk:
    return ImportDesk(app, desk.office)


def test_a_row_of_today_is_the_entry_that_a_file_without_dates_made(
    imports: ImportDesk, today: date
) -> None:
    assert counts(imports.bring_in("rosters", HEAD + "BIO-9;S1;;\n")) == {"new": 1}
    same = imports.bring_in("rosters", HEAD + f"BIO-9;S1;{today};\n")
    assert counts(same) == {"unchanged": 1}
    ended = imports.bring_in("rosters", HEAD + f"BIO-9;S1;{today};{today + timedelta(days=9)}\n")
    assert counts(ended) == {"changed": 1}


def test_a_student_who_is_taken_off_on_the_first_day_leaves_no_entry(
    imports: ImportDesk, desk: OfficeDesk
) -> None:
    imports.bring_in("rosters", HEAD + "BIO-9;S1;;\n")
    (entry,) = desk.entries()
    path = f"/api/v1/courses/{desk.course}/roster/{entry['id']}"
    assert desk.office.delete(path).is_success
    assert desk.entries() == []


def test_a_student_who_left_yesterday_is_listed_again_from_today(
    imports: ImportDesk, today: date
) -> None:
    yesterday = today - timedelta(days=1)
    over = HEAD + f"BIO-9;S1;{today - timedelta(days=5)};{yesterday}\n"
    assert counts(imports.bring_in("rosters", over)) == {"new": 1}
    assert counts(imports.bring_in("rosters", HEAD + "BIO-9;S1;;\n")) == {"new": 1}
