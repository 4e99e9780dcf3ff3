"""The register of a lesson over a real database: from events, watermarks and corrections."""

from datetime import timedelta

import pytest
from sqlmodel import select

from server.accounts.service import ensure_admin
from server.accounts.tables import Account
from server.attendance import service
from server.attendance.decisions import corrections
from server.attendance.decisions.corrections import word_of
from server.attendance.register import AttendanceStatus
from server.attendance.verification import Delivery
from server.db.types import now
from server.errors import InvalidError
from server.timetable import roster
from server.timetable.local_time import local_date
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def _admin(school: School) -> Account:
    with school.database.transaction() as db:
        ensure_admin(db)
    with school.database.reading() as db:
        return db.exec(select(Account)).one()


def test_who_was_seen_is_present_and_the_others_are_expected(school: School) -> None:
    device, ada, ben = school.kiosk(), school.person(), school.person()
    at = school.starts_at + timedelta(minutes=1)
    school.send(device, device.event(at, person_id=ada, lesson_id=school.lesson_id))
    assert school.mark(ada).status == AttendanceStatus.PRESENT
    assert school.mark(ben).status == AttendanceStatus.EXPECTED
    assert school.register().attended == 1


def test_event_without_a_lesson_counts_by_room_and_time(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    school.send(device, device.event(school.starts_at + timedelta(minutes=8), person_id=ada))
    assert school.mark(ada).status == AttendanceStatus.LATE


def test_stranger_to_the_course_is_not_on_the_register(school: School) -> None:
    device, guest = school.kiosk(), school.person(on_roster=False)
    school.send(device, device.event(now(), person_id=guest, lesson_id=school.lesson_id))
    assert school.register().lines == ()


def test_not_me_takes_the_mark_back(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    wrong = device.event(now(), person_id=ada, lesson_id=school.lesson_id)
    school.send(device, wrong)
    school.send(device, device.event(now(), kind="not_me", refers_to=wrong["id"]))
    assert school.mark(ada).status == AttendanceStatus.EXPECTED


def test_absence_waits_for_the_kiosk_and_a_late_batch_corrects_it(school: School) -> None:
    device, ada, ben = school.kiosk(), school.person(), school.person()
    afterwards = school.ends_at + timedelta(hours=1)
    assert school.mark(ada, afterwards).status == AttendanceStatus.PENDING
    waiting = school.register(afterwards).waiting_for
    assert [str(one.kiosk.id) for one in waiting] == [device.kiosk_id]
    event = device.event(school.starts_at, person_id=ada, lesson_id=school.lesson_id)
    payload = device.batch([event], synced_through=school.ends_at)
    school.take(Delivery(device.kiosk_id, payload), at=afterwards)
    assert school.mark(ada, afterwards).status == AttendanceStatus.PRESENT
    assert school.mark(ben, afterwards).status == AttendanceStatus.NOT_SEEN


def test_correction_is_a_new_row_with_who_and_why(school: School) -> None:
    account, ada = _admin(school), school.person()
    for status in ("absent", "excused"):
        with school.database.transaction() as db:
            corrections.correct(
                db,
                school.lesson_id,
                person_id=ada,
                word=word_of(db, status, "note from the office"),
                made_by=account.id,
            )
    mark = school.mark(ada)
    assert (mark.status, mark.derived, mark.is_corrected) == ("excused", "expected", True)
    with school.database.reading() as db:
        history = service.history_of(db, school.lesson_id, ada)
    assert [correction.status for correction, _account in history] == ["excused", "absent"]


def test_correction_of_somebody_who_is_not_due_is_refused(school: School) -> None:
    account, guest = _admin(school), school.person(on_roster=False)
    with school.database.transaction() as db, pytest.raises(InvalidError):
        corrections.correct(
            db,
            school.lesson_id,
            person_id=guest,
            word=word_of(db, "present", "was there"),
            made_by=account.id,
        )


def test_running_lessons_open_before_their_start(school: School) -> None:
    def running(at_minute: float) -> int:
        at = school.starts_at + timedelta(minutes=at_minute)
        with school.database.reading() as db:
            return len(service.running_lessons(db, at=at))

    assert [running(minute) for minute in (-16, -14, 0, 44, 46)] == [0, 1, 1, 1, 0]


def test_who_joins_later_was_not_absent_before(school: School) -> None:
    person = school.person(on_roster=False)
    tomorrow = local_date(school.starts_at, school.settings.zone) + timedelta(days=1)
    with school.database.transaction() as db:
        roster.add_to_roster(
            db, school.course_id, person_id=person, from_date=tomorrow, actor="system"
        )
    assert school.register().lines == ()
