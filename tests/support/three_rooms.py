"""Three rooms with a kiosk each and people who are due in one or two of them, and what may change.

Biology is in the room "here", arts in "there", music in "far". Ben takes biology, Ada arts, Mia
music, and Zoe biology and arts.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, select

from protocol.v1.messages import KioskPolicy
from server.attendance.erasure import erase_person
from server.attendance.past import Confirmation, make, preview
from server.attendance.past_kinds import PolicyChange
from server.certificates.links import Links
from server.db.types import now
from server.enrollment import service as enrollment
from server.enrollment.checks import keep_look_alikes
from server.enrollment.gallery import log_change, store_template
from server.enrollment.tables import ChangeKind, Enrolment
from server.kiosks import placements
from server.kiosks.service import rename_kiosk
from server.kiosks.tables import Kiosk
from server.limits.service import ProposedLimit, propose
from server.ml.encoder import FaceTemplate
from server.mqtt.hints import KioskVersions
from server.networks.service import locked
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.service import add_consent, change_person, get_person
from server.people.tables import Consent
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import current_policy, set_own, set_policy
from server.timetable import lessons as planning
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.groups import service as groups
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.holidays.service import create_holiday
from server.timetable.lessons import LessonPlan
from server.timetable.local_time import local_date
from server.timetable.roster import RosterDates
from server.timetable.tables import RosterEntry
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import CONSENT, MODEL, School

ROOMS = ("here", "there", "far")


@dataclass
class ThreeRooms:
    """The school, by names.

    Attributes:
        school: around it.
        rooms: by name.
        courses: by the name of their room.
        lessons: one tomorrow for each room.
        devices: kiosks by room.
        people: by name.
    """

    school: School
    rooms: dict[str, uuid.UUID]
    courses: dict[str, uuid.UUID]
    lessons: dict[str, uuid.UUID]
    devices: dict[str, SimulatedKiosk]
    people: dict[str, uuid.UUID]

    @property
    def today(self) -> date:
        """The date at the school."""
        return local_date(now(), self.school.settings.zone)

    def versions(self) -> KioskVersions:
        """A server's knowledge of the kiosks, empty."""
        links = Links.of(self.school.settings)
        school = self.school
        return KioskVersions(school.database, school.vault, links, come_again=lambda: None)

    def name_of(self, wire_id: str) -> str:
        """The room of a kiosk, as it was at first."""
        return next(name for name, one in self.devices.items() if one.kiosk_id == wire_id)

    def change(self, name: str) -> None:
        """Make one of `CHANGES`, in one transaction."""
        with self.school.database.transaction() as db:
            CHANGES[name][0](self, db)

    def entry(self, db: Session, person: str, course: str) -> uuid.UUID:
        """A person's entry on a roster."""
        query = select(RosterEntry.id).where(
            RosterEntry.person_id == self.people[person],
            RosterEntry.course_id == self.courses[course],
        )
        return db.exec(query).one()

    def plan(self, course: str, room: str, hours: float) -> LessonPlan:
        """A lesson of half an hour that begins in some hours."""
        starts_at = now() + timedelta(hours=hours)
        ends_at = starts_at + timedelta(minutes=30)
        return LessonPlan(
            self.courses[course], self.rooms[room], starts_at, ends_at, allow_double=True
        )


def build(school: School) -> ThreeRooms:
    """Fill the school."""
    made = ThreeRooms(school, {"here": school.room_id}, {"here": school.course_id}, {}, {}, {})
    with school.database.transaction() as db:
        for number, name in enumerate(ROOMS[1:]):
            made.rooms[name] = timetable.create_room(db, f"R{number}", actor="system").id
            added = timetable.create_course(db, code=f"C{number}", title=name, actor="system")
            made.courses[name] = added.id
    with school.database.transaction() as db:
        for number, name in enumerate(ROOMS):
            plan = made.plan(name, name, 20 + number)
            made.lessons[name] = planning.create_lesson(
                db, plan, zone=school.settings.zone, at=now(), actor="system"
            ).id
    for name in ROOMS:
        school.room_id = made.rooms[name]
        made.devices[name] = school.kiosk()
    school.room_id = made.rooms["here"]
    for name, courses in (
        ("Ben", ["here"]),
        ("Ada", ["there"]),
        ("Mia", ["far"]),
        ("Zoe", ["here", "there"]),
    ):
        made.people[name] = school.person(on_roster=False)
        school.enrol(made.people[name])
        with school.database.transaction() as db:
            for course in courses:
                roster.add_to_roster(
                    db, made.courses[course], person_id=made.people[name], actor="system"
                )
    return made


def _enrol(person: str) -> "Change":
    def change(rooms: ThreeRooms, db: Session) -> None:
        known = enrollment.templates_of(db, rooms.people[person])[0]
        enrolment = db.get_one(Enrolment, known.enrolment_id)
        made = FaceTemplate(MODEL, (0.25,) * 128)
        template = store_template(db, rooms.school.vault, enrolment, made, now())
        template.checked_at = now()
        log_change(db, template, ChangeKind.UPSERT, now())

    return change


def _person(rooms: ThreeRooms, db: Session, **changed: object) -> None:
    person = get_person(db, rooms.people["Ben"])
    known = {name: getattr(person, name) for name in ("student_number", "given_name")}
    new = PersonCreate.model_validate({**known, "family_name": person.family_name, **changed})
    change_person(db, person.id, new, actor="system")


def _withdraw(rooms: ThreeRooms, db: Session) -> None:
    ben = rooms.people["Ben"]
    consent = db.exec(select(Consent.id).where(col(Consent.person_id) == ben)).first()
    assert consent is not None
    enrollment.withdraw_consent(db, ben, consent, actor="system", at=now(), today=rooms.today)


def _consent(rooms: ThreeRooms, db: Session) -> None:
    new = ConsentCreate.model_validate({**CONSENT.model_dump(), "given_by": "Another Parent"})
    person = rooms.people["Ben"]
    add_consent(db, person, new, actor="system", at=now(), today=rooms.today)


def _erase(rooms: ThreeRooms, db: Session) -> None:
    person = rooms.people["Zoe"]
    erase_person(db, person, reason="asked", actor="system", at=now(), today=rooms.today)


def _resemble(rooms: ThreeRooms, db: Session) -> None:
    pair = (rooms.people["Ben"], rooms.people["Zoe"])
    keep_look_alikes(db, MODEL, {pair: 0.1}, rooms.today)


def _join(rooms: ThreeRooms, db: Session) -> None:
    ben, course = rooms.people["Ben"], rooms.courses["there"]
    roster.add_to_roster(db, course, person_id=ben, actor="system")


def _leave(rooms: ThreeRooms, db: Session) -> None:
    entry, today = rooms.entry(db, "Zoe", "there"), rooms.today
    course = rooms.courses["there"]
    roster.end_entry(db, course, entry, today=today, at=now(), actor="system")


def _dates(rooms: ThreeRooms, db: Session) -> None:
    dates = RosterDates(None, rooms.today)
    entry = rooms.entry(db, "Mia", "far")
    roster.change_dates(db, rooms.courses["far"], entry, dates, at=now(), actor="system")


def _follow_group(rooms: ThreeRooms, db: Session) -> None:
    change = groups.GroupChange("system", now(), rooms.today)
    group = groups.create_group(db, "7B", actor="system")
    groups.add_members(db, group.id, [rooms.people["Ben"]], rooms.today, change)
    groups.add_course(db, group.id, rooms.courses["there"], rooms.today, change)


def _cancel(rooms: ThreeRooms, db: Session) -> None:
    lesson = rooms.lessons["there"]
    planning.cancel_lesson(db, lesson, reason="ill", actor="system", at=now())


def _cancel_and_restore(rooms: ThreeRooms, db: Session) -> None:
    _cancel(rooms, db)
    db.flush()
    lesson = rooms.lessons["there"]
    planning.restore_lesson(db, lesson, reason="well", actor="system", at=now())


def _move(rooms: ThreeRooms, db: Session) -> None:
    """Biology goes from here to far; arts there say that Zoe is due far."""
    plan, zone = rooms.plan("here", "far", 23), rooms.school.settings.zone
    planning.change_lesson(db, rooms.lessons["here"], plan, zone=zone, at=now(), actor="system")


def _add(rooms: ThreeRooms, db: Session) -> None:
    plan, zone = rooms.plan("far", "far", 5), rooms.school.settings.zone
    planning.create_lesson(db, plan, zone=zone, at=now(), actor="system")


def _delete(rooms: ThreeRooms, db: Session) -> None:
    planning.delete_lesson(db, rooms.lessons["far"], actor="system")


def _judge_again(rooms: ThreeRooms, db: Session) -> None:
    change = PolicyChange(lesson_ids=[rooms.school.lesson_id], policy_version=0)
    zone, at = rooms.school.settings.zone, now()
    seen = preview(db, change, zone=zone, at=at)
    make(db, change, Confirmation("system", "asked", seen.fingerprint), zone=zone, at=at)


def _rename_course(rooms: ThreeRooms, db: Session) -> None:
    timetable.change_course(db, rooms.courses["far"], code="MUS", title="Music", actor="system")


def _rename_room(rooms: ThreeRooms, db: Session) -> None:
    timetable.rename_room(db, rooms.rooms["far"], "Hall", actor="system")


def _kiosk(rooms: ThreeRooms, db: Session) -> Kiosk:
    return db.get_one(Kiosk, uuid.UUID(rooms.devices["far"].kiosk_id))


def _move_kiosk(rooms: ThreeRooms, db: Session) -> None:
    kiosk, room_id = _kiosk(rooms, db), rooms.rooms["here"]
    placements.move(db, kiosk, room_id=room_id, actor="system", at=now())


def _rename_kiosk(rooms: ThreeRooms, db: Session) -> None:
    rename_kiosk(db, _kiosk(rooms, db).id, "By the hall", actor="system")


def _policy(_rooms: ThreeRooms, db: Session) -> None:
    changed = current_policy(db).kiosk.model_copy(update={"language": "ar"})
    policy = current_policy(db).model_copy(update={"kiosk": changed})
    set_policy(db, policy, actor="system")


def _policy_of_a_room(rooms: ThreeRooms, db: Session) -> None:
    place = PolicyPlace(Scope.ROOM, rooms.rooms["far"])
    set_own(db, place, {"kiosk": {"language": "ar"}}, actor="system")


def _whole_school(_rooms: ThreeRooms, db: Session) -> None:
    policy = SchoolPolicy(kiosk=KioskPolicy(gallery="school"))
    set_policy(db, policy, actor="system")


def _holiday(rooms: ThreeRooms, db: Session) -> None:
    day = rooms.today + timedelta(days=30)
    body = HolidayCreate(name="Day off", first_day=day, last_day=day)
    create_holiday(db, body, zone=rooms.school.settings.zone, at=now(), actor="system")


def _limit(_rooms: ThreeRooms, db: Session) -> None:
    propose(db, ProposedLimit(MODEL, 0.3, 0.5, 40, 30, 0.0, now()))


def _network(_rooms: ThreeRooms, db: Session) -> None:
    locked(db).current = MODEL


def _new_things(_rooms: ThreeRooms, db: Session) -> None:
    timetable.create_room(db, "New room", actor="system")
    timetable.create_course(db, code="NEW", title="New course", actor="system")


Change = Callable[[ThreeRooms, Session], None]
_EVERYWHERE = set(ROOMS)
#: What changes, and which kiosks have to be looked at.
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "enrolment": (_enrol("Ben"), {"here"}),
    "enrolment of a person due in two rooms": (_enrol("Zoe"), {"here", "there"}),
    "name": (lambda rooms, db: _person(rooms, db, given_name="Renamed"), {"here"}),
    "year of birth": (lambda rooms, db: _person(rooms, db, year_of_birth=2001), {"here"}),
    "consent withdrawn": (_withdraw, {"here"}),
    "consent given": (_consent, {"here"}),
    "person erased": (_erase, {"here", "there"}),
    "look-alikes": (_resemble, {"here"}),
    "person joins a course": (_join, {"here", "there"}),
    "person leaves a course": (_leave, {"here", "there"}),
    "dates on a roster": (_dates, {"far"}),
    "course follows a group": (_follow_group, {"here", "there"}),
    "lesson cancelled": (_cancel, {"here", "there"}),
    "lesson cancelled and restored": (_cancel_and_restore, {"here", "there"}),
    "lesson moved to another room": (_move, _EVERYWHERE),
    "lesson added": (_add, {"far"}),
    "lesson deleted": (_delete, {"far"}),
    "lesson judged again": (_judge_again, {"here", "there"}),
    "course renamed": (_rename_course, {"far"}),
    "room renamed": (_rename_room, _EVERYWHERE),
    "kiosk moved": (_move_kiosk, {"far"}),
    "kiosk renamed": (_rename_kiosk, {"far"}),
    "policy": (_policy, _EVERYWHERE),
    "policy of a room": (_policy_of_a_room, _EVERYWHERE),
    "gallery of the whole school": (_whole_school, _EVERYWHERE),
    "holiday": (_holiday, _EVERYWHERE),
    "measured limit": (_limit, _EVERYWHERE),
    "recognition network": (_network, _EVERYWHERE),
    "new room and course": (_new_things, set()),
}
