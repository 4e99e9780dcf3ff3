"""When a backup is due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backup.schedule import RETRY_AFTER, is_due, last_due
from server.backup_history.service import INCOMPLETE, BackupStanding
from server.backup_history.words import BackupView, backup_sentence
from server.web.translations import LANGUAGES, translator

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def stands(
    good: timedelta | None = None, failed: timedelta | None = None, problem: str | None = None
) -> BackupStanding:
    return BackupStanding(
        None if good is None else AT - good, 1, problem, None if failed is None else AT - failed
    )


@given(
    minutes=st.integers(0, 366 * 24 * 60),
    hours=st.sets(st.integers(0, 23), min_size=1),
)
def test_the_due_moment_is_one_of_the_hours_within_a_day(minutes: int, hours: set[int]) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    due = last_due(moment, tuple(sorted(hours)), BERLIN)
    assert due.hour in hours
    assert due <= moment < due.astimezone(UTC) + DAY + timedelta(hours=1)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stands(), True),
        (stands(good=timedelta(hours=1)), False),
        (stands(good=DAY), True),
        (stands(good=DAY, failed=RETRY_AFTER / 2, problem="failed"), False),
        (stands(good=DAY, failed=RETRY_AFTER, problem="failed"), True),
    ],
)
def test_a_backup_is_made_once_and_a_failed_one_again_after_an_hour(
    found: BackupStanding, expected: bool
) -> None:
    assert is_due(found, AT - timedelta(hours=8), AT) is expected


def test_backup_with_a_problem_is_not_made_again_every_hour() -> None:
    found = BackupStanding(AT - 3 * DAY, 1, INCOMPLETE, AT - DAY / 4, AT - DAY / 4)
    assert not is_due(found, AT - timedelta(hours=8), AT)
    assert is_due(found, AT - timedelta(hours=1), AT)


SAID = {
    "incomplete": (True, stands(DAY, RETRY_AFTER, "incomplete"), DAY, "Older backups are not"),
    "off": (False, stands(), timedelta(days=8), "No backups are made."),
    "off, a new school": (False, stands(), DAY, None),
    "good": (True, stands(good=DAY), DAY, None),
    "full": (True, stands(DAY, RETRY_AFTER, "disk_full"), DAY, "or of the server is full"),
    "away": (True, stands(None, RETRY_AFTER, "not_writable"), DAY, "There is no backup yet."),
    "bad": (True, stands(DAY, RETRY_AFTER, "failed"), DAY, "last good backup is of Friday 27"),
    "overdue": (True, stands(good=3 * DAY), DAY, "No backup was made for two days."),
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize(("is_set_up", "found", "age", "said"), SAID.values(), ids=SAID.keys())
def test_the_first_page_says_what_is_wrong(
    is_set_up: bool, found: BackupStanding, age: timedelta, said: str | None, language: str
) -> None:
    view = BackupView(is_set_up, found, AT - age, AT)
    sentence = backup_sentence(view, translator(language), BERLIN, AT)
    assert (sentence is None) is (said is None)
    assert language != "en" or (said or "") in (sentence or "")
