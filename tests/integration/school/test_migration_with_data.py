"""The last landed schema, with a school's data, goes up, down and up again without a loss."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, MetaData, Table, insert, select, text
from sqlmodel import Session

from server.attendance.register import AttendanceStatus
from server.attendance.service import register_of
from server.db.engine import Database
from server.kiosks.placements import placements_of
from server.migrations import runner
from server.policies.service import current_policy
from server.timetable.service import lesson_view
from tests.support.migrating import migrate

pytestmark = pytest.mark.integration
START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
ROOM, COURSE, LESSON, KIOSK, ACCOUNT = (uuid.UUID(int=number) for number in range(1, 6))
ADA, BEN, CHI = (uuid.UUID(int=number) for number in range(11, 14))


def _tables(connection: Connection) -> dict[str, Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return dict(metadata.tables)


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _value(value: object, connection: Connection) -> object:
    """SQLite's reflected columns take ids as text and times as naive UTC."""
    if isinstance(value, uuid.UUID):
        return value.hex if _is_sqlite(connection) else value
    if isinstance(value, datetime) and _is_sqlite(connection):
        return value.replace(tzinfo=None)
    return value


def _add(connection: Connection, table: str, **values: object) -> None:
    row = {key: _value(value, connection) for key, value in values.items()}
    connection.execute(insert(_tables(connection)[table]).values(row))


def _event(connection: Connection, seq: int, person: uuid.UUID, minute: int) -> None:
    at = START + timedelta(minutes=minute)
    _add(
        connection,
        "attendance_events",
        kiosk_id=KIOSK,
        id=uuid.UUID(int=100 + seq),
        seq=seq,
        occurred_at=at,
        received_at=at,
        session_id=LESSON if seq == 1 else None,
        person_id=person,
        kind="seen",
        method="face",
        clock_source="ntp",
        score=0.3,
        hash="0" * 64,
        is_chain_torn=False,
        body="{}",
    )


NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _room_and_lesson(connection: Connection) -> None:
    _add(connection, "rooms", id=ROOM, name="R12", created_at=START)
    _add(connection, "courses", id=COURSE, code="B", title="Biology", created_at=START)
    _add(
        connection,
        "class_sessions",
        id=LESSON,
        course_id=COURSE,
        room_id=ROOM,
        starts_at=START,
        ends_at=END,
        created_at=START - timedelta(days=9),
    )


def _student(connection: Connection, number: int, person: uuid.UUID) -> None:
    _add(
        connection,
        "people",
        id=person,
        student_number=f"S{number}",
        given_name="G",
        family_name=f"F{number}",
        display_name="G F",
        search_text="",
        created_at=START,
    )
    _add(
        connection,
        "roster_entries",
        id=uuid.UUID(int=50 + number),
        course_id=COURSE,
        person_id=person,
        created_at=NOW,
    )


def _kiosk(connection: Connection) -> None:
    """A kiosk that was claimed again after the lesson."""
    _add(
        connection,
        "kiosks",
        id=KIOSK,
        name="Door",
        room_id=ROOM,
        state="claimed",
        created_at=START,
        claimed_at=NOW,
        generation=2,
        gallery_version=0,
        gallery_source="",
        is_online=False,
    )
    _add(
        connection,
        "kiosk_progress",
        kiosk_id=KIOSK,
        stored_through=2,
        highest_seq=2,
        highest_hash="0" * 64,
        synced_through=NOW,
        claimed_seq=2,
        refused=0,
        torn=0,
    )
    _event(connection, 1, ADA, -5)
    _event(connection, 2, BEN, 8)


def _correction(connection: Connection) -> None:
    _add(
        connection,
        "accounts",
        id=ACCOUNT,
        username="o",
        display_name="O",
        role="office",
        password_hash="x",
        must_change_password=False,
        is_active=True,
        created_at=START,
    )
    _add(
        connection,
        "attendance_corrections",
        id=uuid.UUID(int=70),
        session_id=LESSON,
        person_id=CHI,
        status="excused",
        reason="ill",
        made_by=ACCOUNT,
        made_at=NOW,
    )


@pytest.fixture
def landed(database: Database) -> Database:
    """A school at revision 0006: a lesson with three students, seen by a kiosk claimed again."""
    migrate(database, "0006")
    with database.engine.begin() as connection:
        _room_and_lesson(connection)
        for number, person in enumerate((ADA, BEN, CHI)):
            _student(connection, number, person)
        _kiosk(connection)
        _correction(connection)
        _add(
            connection,
            "policy_versions",
            version=1,
            document={"attendance": {"late_after_min": 10}},
            created_by="a",
            created_at=NOW,
        )
    return database


def _statuses(db: Session) -> dict[uuid.UUID, tuple[str, str]]:
    register = register_of(db, LESSON, at=START + timedelta(days=30))
    assert register.policy_version == 0
    return {line.person.id: (line.mark.status, line.mark.derived) for line in register.lines}


EXPECTED = {
    ADA: (AttendanceStatus.PRESENT, AttendanceStatus.PRESENT),
    BEN: (AttendanceStatus.LATE, AttendanceStatus.LATE),
    CHI: (AttendanceStatus.EXCUSED, AttendanceStatus.NOT_SEEN),
}


def test_up_down_and_up_again_keeps_every_register(landed: Database) -> None:
    runner.upgrade(landed, time_zone="Europe/Berlin")
    runner.check(landed)
    with landed.reading() as db:
        assert _statuses(db) == EXPECTED
    migrate(landed, "0006")
    runner.upgrade(landed, time_zone="Europe/Berlin")
    runner.check(landed)
    with landed.reading() as db:
        assert _statuses(db) == EXPECTED


def test_upgrade_knows_where_the_kiosk_hung_before_it_was_claimed_again(landed: Database) -> None:
    runner.upgrade(landed, time_zone="Europe/Berlin")
    with landed.reading() as db:
        (placement,) = placements_of(db, KIOSK)
        assert placement.from_at == START - timedelta(minutes=5)
        assert (placement.room_id, placement.until_at) == (ROOM, None)


def test_upgrade_keeps_the_schools_zone_with_each_lesson(landed: Database) -> None:
    runner.upgrade(landed, time_zone="Asia/Tokyo")
    with landed.reading() as db:
        assert lesson_view(db, LESSON).lesson.time_zone == "Asia/Tokyo"


def test_upgrade_keeps_the_policy_and_the_defaults_before_it(landed: Database) -> None:
    runner.upgrade(landed)
    with landed.reading() as db:
        policy = current_policy(db)
        assert (policy.version, policy.attendance.late_after_min) == (1, 10)


def test_downgrade_gives_the_landed_tables_their_rows_back(landed: Database) -> None:
    runner.upgrade(landed)
    migrate(landed, "0006")
    with landed.engine.connect() as connection:
        tables = _tables(connection)
        assert "lessons" not in tables
        session_ids = connection.execute(select(tables["class_sessions"].c.id)).scalars().all()
        assert [uuid.UUID(str(one)) for one in session_ids] == [LESSON]
        rows = connection.execute(
            text("SELECT session_id IS NULL, score FROM attendance_events ORDER BY seq")
        ).all()
        assert [(bool(is_null), score) for is_null, score in rows] == [(False, 0.3), (True, 0.3)]
        assert connection.execute(text("SELECT version FROM policy_versions")).scalars().all() == [
            1
        ]
