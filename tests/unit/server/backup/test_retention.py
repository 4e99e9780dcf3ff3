"""Which backups stay."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from server.backup.retention import backup_name, kept, moment_of, remove_old

SCHOOL = "1234abcd"
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.lists(st.integers(0, 90 * 24), unique=True, min_size=1).map(
    lambda hours: [START + timedelta(hours=hour) for hour in hours]
)


def test_a_year_of_backups_at_two_hours_a_day() -> None:
    made = [START + timedelta(hours=12 * number) for number in range(2 * 365)]
    stay = kept(made, daily=14, weekly=8, zone=BERLIN)
    assert max(made) in stay
    assert len({at.astimezone(BERLIN).date() for at in stay}) == len(stay) == 14 + 5
    assert min(stay) > max(made) - timedelta(weeks=8)


@given(made=MOMENTS, daily=st.integers(1, 10), weekly=st.integers(0, 5))
def test_the_newest_stays_and_later_ones_never_cost_a_day_too_many(
    made: list[datetime], daily: int, weekly: int
) -> None:
    stay = kept(made, daily=daily, weekly=weekly, zone=BERLIN)
    days = {at.astimezone(BERLIN).date() for at in made}
    assert max(made) in stay
    assert min(daily, len(days)) <= len(stay) <= daily + weekly
    assert kept(list(stay), daily=daily, weekly=weekly, zone=BERLIN) == stay


def test_only_backups_of_the_school_are_deleted(tmp_path: Path) -> None:
    made = [START + timedelta(days=day) for day in range(5)]
    for at in made:
        (tmp_path / backup_name(at, SCHOOL)).touch()
        (tmp_path / backup_name(at, "0000beef")).touch()
    (tmp_path / "rollcall-notes.backup").touch()
    (tmp_path / "holiday.jpg").touch()
    gone = remove_old(tmp_path, (2, 0), BERLIN, SCHOOL)
    assert [moment_of(name, SCHOOL) for name in gone] == made[:3]
    left = {one.name for one in tmp_path.iterdir()}
    mine = {backup_name(at, SCHOOL) for at in made[3:]}
    others = {backup_name(at, "0000beef") for at in made}
    assert left == {"holiday.jpg", "rollcall-notes.backup"} | mine | others
