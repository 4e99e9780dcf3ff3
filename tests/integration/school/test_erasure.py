"""Erasing a person takes everything personal, and leaves the lines of registers."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy
from sqlmodel import SQLModel, col, select

from protocol.v1.messages import GalleryPage
from server.accounts.service import ensure_admin
from server.accounts.tables import Account
from server.attendance import service as attendance
from server.attendance.decisions import corrections
from server.attendance.decisions.corrections import word_of
from server.attendance.decisions.remarks import set_remark
from server.attendance.erasure import ERASED_REASON, erase_person
from server.attendance.register import AttendanceStatus
from server.attendance.tables import Correction, PastChange, StoredEvent
from server.audit.service import verify
from server.audit.tables import AuditEntry
from server.db.types import now
from server.enrollment import service as enrollment
from server.enrollment.resemblance import request_checks
from server.enrollment.tables import (
    Enrolment,
    EnrolmentPhoto,
    EnrolmentStatus,
    MissingTemplate,
    Resemblance,
    Template,
)
from server.errors import ConflictError, InvalidError
from server.guardians.schemas import GuardianCreate
from server.guardians.service import add_guardian
from server.jobs.tables import Job
from server.kiosks import configuration, gallery
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.search import find_people
from server.people.service import (
    ERASED_NAME,
    add_consent,
    create_person,
    get_person,
)
from server.people.tables import Consent, ConsentRole, Person
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.local_time import local_date
from server.timetable.tables import RosterEntry
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import MODEL, School
from tests.support.enrolling import JPEG
from tests.support.planning import plan_lesson

pytestmark = pytest.mark.integration

REASON = "asked for by letter of 3 March"
#: Of everything that names the person, in the form it is searched in.
NAMES = ("zaynab", "unsal", "ünsal", "sz-4711", "emine", "+90 212 5550123")
MOTHER = GuardianCreate(name="Emine Ünsal", phone="+90 212 5550123", email="emine@example.org")
OWN_CONSENT = ConsentCreate(
    given_by="Zaynab Ünsal", role=ConsentRole.STUDENT, text_version="2026-09"
)


def _add(school: School, number: str = "SZ-4711") -> uuid.UUID:
    with school.database.transaction() as db:
        new = PersonCreate(student_number=number, given_name="Zaynab", family_name="Ünsal")
        person = create_person(db, new, actor="system")
        today = local_date(now(), school.settings.zone)
        add_consent(db, person.id, OWN_CONSENT, actor="system", at=now(), today=today)
        add_guardian(db, person.id, MOTHER, actor="system")
        roster.add_to_roster(db, school.course_id, person_id=person.id, actor="system")
        return person.id


def _erase(school: School, person_id: uuid.UUID, reason: str = REASON) -> None:
    with school.database.transaction() as db:
        at = now()
        today = local_date(at, school.settings.zone)
        erase_person(db, person_id, reason=reason, actor="system", at=at, today=today)


def _photo(school: School, person_id: uuid.UUID) -> None:
    """A photo that waits, and the jobs that wait for it."""
    with school.database.transaction() as db:
        waiting = enrollment.start_enrolment(
            db,
            school.vault,
            person_id=person_id,
            photo=JPEG,
            actor="system",
            today=local_date(now(), school.settings.zone),
        )
        db.add(MissingTemplate(enrolment_id=waiting.id, model_id=MODEL))
        request_checks(db, person_id, [MODEL])


def _correct(school: School, person_id: uuid.UUID, reason: str) -> None:
    with school.database.transaction() as db:
        ensure_admin(db)
        db.flush()
        made_by = db.exec(select(Account.id)).one()
        word = word_of(db, AttendanceStatus.EXCUSED, reason)
        corrections.correct(db, school.lesson_id, person_id=person_id, word=word, made_by=made_by)
        set_remark(db, school.lesson_id, person_id=person_id, text=reason, made_by=made_by)


def _count(school: School, *tables: type[SQLModel]) -> dict[str, int]:
    with school.database.reading() as db:
        return {one.__name__: len(db.exec(select(one)).all()) for one in tables}


def _texts(school: School) -> Iterator[str]:
    """Everything that the database holds, except the audit trail."""
    with school.database.reading() as db:
        for table in SQLModel.metadata.sorted_tables:
            if table.name != "audit_entries":
                yield from (str(tuple(row)) for row in db.execute(sqlalchemy.select(table)))


def _page(school: School, device: SimulatedKiosk, since: int = 0) -> GalleryPage:
    at = now()
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        gallery.refresh(db, kiosk, school_state(db, school.vault, school.settings.zone, at), at=at)
        return gallery.page(db, school.vault, kiosk, since=since, limit=200)


def test_the_register_keeps_the_line_and_its_status_without_the_name(school: School) -> None:
    device, zaynab, ben = school.kiosk(), _add(school), school.person()
    at = school.starts_at + timedelta(minutes=1)
    school.send(device, device.event(at, person_id=zaynab, lesson_id=school.lesson_id))
    before = school.mark(zaynab)

    _erase(school, zaynab)

    assert school.mark(zaynab) == before
    assert before.status == AttendanceStatus.PRESENT
    names = {line.person.id: line.person.display_name for line in school.register().lines}
    assert names[zaynab] == ERASED_NAME
    assert set(names) == {zaynab, ben}
    assert school.register().attended == 1


def test_the_name_is_in_no_table_afterwards(school: School) -> None:
    device, zaynab = school.kiosk(), _add(school)
    school.enrol(zaynab)
    _photo(school, zaynab)
    school.send(device, device.event(now(), person_id=zaynab, lesson_id=school.lesson_id))
    _correct(school, zaynab, "Zaynab was at the doctor")
    with school.database.transaction() as db:
        document = {"kind": "roster", "person_id": str(zaynab), "course_id": str(school.course_id)}
        db.add(
            PastChange(
                kind="roster",
                document=document,
                lines_changed=1,
                reason="Ünsal came in March",
                made_by="system",
            )
        )
    text = "\n".join(_texts(school)).casefold()
    assert [name for name in NAMES if name not in text] == []

    _erase(school, zaynab)

    text = "\n".join(_texts(school)).casefold()
    assert [name for name in NAMES if name in text] == []


def test_the_audit_trail_holds_the_reason_and_no_name(school: School) -> None:
    zaynab = _add(school)
    _erase(school, zaynab)
    with school.database.reading() as db:
        query = select(AuditEntry).where(AuditEntry.action == "person.erase")
        entry = db.exec(query).one()
        assert verify(db).broken_at is None
        everything = str([one.model_dump() for one in db.exec(select(AuditEntry))]).casefold()
    assert entry.subject == f"person:{zaynab}"
    assert entry.details["reason"] == REASON
    assert [name for name in NAMES if name in everything] == []


def test_photos_templates_jobs_and_consents_are_gone_and_the_record_stays(school: School) -> None:
    device, zaynab, ben = school.kiosk(), _add(school), school.person()
    school.enrol(zaynab)
    school.enrol(ben)
    _photo(school, zaynab)
    school.send(device, device.event(now(), person_id=zaynab, lesson_id=school.lesson_id))
    with school.database.transaction() as db:
        first, second = sorted((zaynab, ben))
        db.add(
            Resemblance(
                first_id=first,
                second_id=second,
                model_id=MODEL,
                kind="look_alike",
                distance=0.3,
            )
        )

    _erase(school, zaynab)

    gone = _count(school, EnrolmentPhoto, MissingTemplate, Job, Resemblance)
    assert set(gone.values()) == {0}
    kept = _count(school, Template, Consent, StoredEvent, RosterEntry, Person)
    assert kept == {"Template": 1, "Consent": 1, "StoredEvent": 1, "RosterEntry": 2, "Person": 2}
    with school.database.reading() as db:
        query = select(Enrolment.status).where(Enrolment.person_id == zaynab)
        assert set(db.exec(query)) == {EnrolmentStatus.WITHDRAWN}


def test_a_photo_of_a_refused_enrolment_goes_too(school: School) -> None:
    zaynab = _add(school)
    _photo(school, zaynab)
    with school.database.transaction() as db:
        db.exec(select(Enrolment)).one().status = EnrolmentStatus.REJECTED
    _erase(school, zaynab)
    assert _count(school, EnrolmentPhoto, MissingTemplate) == {
        "EnrolmentPhoto": 0,
        "MissingTemplate": 0,
    }


def test_the_kiosk_is_told_to_erase_the_templates(school: School) -> None:
    device, zaynab, ben = school.kiosk(), _add(school), school.person()
    templates = {str(school.enrol(zaynab)), str(school.enrol(zaynab))}
    stays = str(school.enrol(ben))
    first = _page(school, device)
    assert {one.template_id for one in first.upserts} == templates | {stays}

    _erase(school, zaynab)

    page = _page(school, device, first.next)
    assert {one.template_id: one.reason for one in page.tombstones} == dict.fromkeys(
        templates, "erased"
    )
    assert page.upserts == ()
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        info = configuration.SchoolInfo("Test School", school.settings.zone)
        document = configuration.build(db, kiosk, info, now()).to_json().decode().casefold()
    assert [name for name in NAMES if name in document] == []


def test_lessons_to_come_no_longer_list_the_person(school: School) -> None:
    zaynab, ben = _add(school), school.person()
    with school.database.transaction() as db:
        tomorrow = timedelta(days=1)
        lesson = plan_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=school.starts_at + tomorrow,
            ends_at=school.ends_at + tomorrow,
        )
        lesson_id = lesson.id
    _erase(school, zaynab)
    with school.database.reading() as db:
        register = attendance.register_of(db, lesson_id, at=now())
    assert [line.person.id for line in register.lines] == [ben]


def test_a_course_that_did_not_meet_today_ends_yesterday(school: School) -> None:
    today = local_date(now(), school.settings.zone)
    with school.database.transaction() as db:
        course_id = timetable.create_course(db, code="CHE-9", title="Chemistry", actor="system").id
        week = timedelta(days=7)
        plan_lesson(
            db,
            course_id=course_id,
            room_id=school.room_id,
            starts_at=school.starts_at - week,
            ends_at=school.ends_at - week,
        )
    zaynab = _add(school)
    with school.database.transaction() as db:
        first_day = today - timedelta(days=30)
        entry = RosterEntry(course_id=course_id, person_id=zaynab, from_date=first_day)
        db.add(entry)

    _erase(school, zaynab)

    with school.database.reading() as db:
        query = select(RosterEntry).where(RosterEntry.course_id == course_id)
        assert db.exec(query).one().until_date == today - timedelta(days=1)


def test_a_course_that_never_met_loses_the_entry_and_an_ended_one_keeps_it(school: School) -> None:
    zaynab = _add(school)
    today = local_date(now(), school.settings.zone)
    ended = today - timedelta(days=10)
    with school.database.transaction() as db:
        never = timetable.create_course(db, code="CHE-9", title="Chemistry", actor="system").id
        before = timetable.create_course(db, code="ART-9", title="Art", actor="system").id
        db.add(RosterEntry(course_id=never, person_id=zaynab))
        db.add(RosterEntry(course_id=before, person_id=zaynab, until_date=ended))

    _erase(school, zaynab)

    with school.database.reading() as db:
        query = select(RosterEntry).where(col(RosterEntry.course_id) != school.course_id)
        found = [(one.course_id, one.until_date) for one in db.exec(query)]
    assert found == [(before, ended)]


def test_a_second_erasure_is_refused(school: School) -> None:
    zaynab = _add(school)
    _erase(school, zaynab)
    with pytest.raises(ConflictError, match="was erased"):
        _erase(school, zaynab)


@pytest.mark.parametrize(
    "reason", ["Zaynab's parents asked", "UNSAL left the school", "letter about sz-4711"]
)
def test_a_reason_that_names_the_person_is_refused_and_nothing_is_erased(
    school: School, reason: str
) -> None:
    zaynab = _add(school)
    with pytest.raises(InvalidError):
        _erase(school, zaynab, reason)
    with school.database.reading() as db:
        assert get_person(db, zaynab).given_name == "Zaynab"
        assert len(db.exec(select(Consent)).all()) == 1


def test_only_reasons_about_this_person_are_replaced(school: School) -> None:
    zaynab, ben = _add(school), school.person()
    _correct(school, zaynab, "Zaynab was at the doctor")
    _correct(school, ben, "at the doctor")
    _erase(school, zaynab)
    with school.database.reading() as db:
        reasons = {one.person_id: one.reason for one in db.exec(select(Correction))}
    assert reasons == {zaynab: ERASED_REASON, ben: "at the doctor"}
    assert school.mark(zaynab).status == AttendanceStatus.EXCUSED


def test_nothing_new_is_recorded_about_an_erased_person(school: School) -> None:
    zaynab = _add(school)
    _erase(school, zaynab)
    today = local_date(now(), school.settings.zone)
    with school.database.transaction() as db, pytest.raises(ConflictError, match="was erased"):
        add_consent(db, zaynab, OWN_CONSENT, actor="system", at=now(), today=today)
    with school.database.transaction() as db, pytest.raises(ConflictError, match="was erased"):
        enrollment.start_enrolment(
            db, school.vault, person_id=zaynab, photo=JPEG, actor="system", today=today
        )
    with school.database.transaction() as db, pytest.raises(InvalidError, match="was erased"):
        roster.add_to_roster(db, school.course_id, person_id=zaynab, actor="system")


def test_people_added_at_the_same_moment_keep_different_numbers(school: School) -> None:
    ids = [_add(school, f"SZ-{number}") for number in range(20)]
    for one in ids:
        _erase(school, one)
    with school.database.reading() as db:
        numbers = {get_person(db, one).student_number for one in ids}
    assert len(numbers) == 20
    assert {number[: len("erased-")] for number in numbers} == {"erased-"}


def test_the_person_is_found_by_the_new_name_only(school: School) -> None:
    zaynab = _add(school)
    _erase(school, zaynab)
    with school.database.reading() as db:
        assert [one.id for one in find_people(db, words="erased person")[0]] == [zaynab]
        assert find_people(db, words="zaynab")[1] == 0
        assert find_people(db, words="sz-4711")[1] == 0
