"""Who is measured: everybody with a live consent, by numbers that mean nothing elsewhere."""

import hashlib
import heapq
import statistics
import uuid
from dataclasses import dataclass
from datetime import date
from functools import partial

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from protocol.v1.messages import LimitGroup
from server.db.vault import Vault
from server.enrollment import resemblance
from server.enrollment.gallery import latest_seq, open_readable
from server.enrollment.tables import Template
from server.limits import service as limits
from server.ml.school import EnrolledPerson, SchoolQuestion
from server.people import service as people
from server.people.consent import ConsentState
from server.people.limit_group import limit_group
from server.policies.service import current_policy
from server.timetable import roster
from server.timetable import service as timetable

#: A larger school is measured on so many of its people, drawn by chance.
MOST_PEOPLE = 4000
#: Of one person, the newest; and of all together, as they travel.
_MOST_PHOTOS = 5
_MOST_BYTES = 20_000_000
_MOST_COHORTS = 16
_LEAST_ROSTER = 30
_TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)


@dataclass(frozen=True)
class PreparedQuestion:
    """A question, and the people that its numbers stand for.

    Attributes:
        question: for the recognition service.
        people: ids; the key of each person in the question is the place here.
        minors: how many of them count as teens or children.
        measured_of: changes with everything that would change the answer.
    """

    question: SchoolQuestion
    people: tuple[uuid.UUID, ...]
    minors: int
    measured_of: str


def measured_of(db: Session, model_id: str, software: str) -> str:
    """Return a text that changes with templates, policy, years of birth or the service."""
    parts = (
        latest_seq(db),
        current_policy(db).version,
        people.years_fingerprint(db),
        sorted(map(str, resemblance.enrolled_twice(db, model_id))),
        software,
    )
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def prepare(
    db: Session, vault: Vault, model_id: str, lot: bytes, today: date, *, software: str = ""
) -> PreparedQuestion:
    """Put the question together; the policy's own rate comes first.

    Args:
        db: for reading.
        vault: opens the templates.
        model_id: of the templates.
        lot: decides who is drawn in a school that is too large.
        today: of the school.
        software: what answers, see `measured_of`.
    """
    by_person: dict[uuid.UUID, list[Template]] = {}
    for template in db.exec(_usable(model_id)):
        by_person.setdefault(template.person_id, []).append(template)
    for doubtful in resemblance.enrolled_twice(db, model_id):
        by_person.pop(doubtful, None)
    states = people.states_of(db, by_person, today)
    live = [key for key in by_person if states[key] is ConsentState.LIVE]
    drawn = _fitting(heapq.nsmallest(MOST_PEOPLE, live, key=partial(_drawn, lot)), by_person)
    rosters = _rosters(db, today)
    measured = [
        EnrolledPerson(
            str(number),
            _opened(vault, by_person[key]),
            _cohorts_of(key, rosters),
        )
        for number, key in enumerate(drawn)
    ]
    rate = current_policy(db).recognition.roster_fpir
    targets = [rate, *(target for target in _TARGETS if target != rate)]
    present = limits.in_force(db).get(model_id)
    in_force = present.distance if present else None
    return PreparedQuestion(
        SchoolQuestion(model_id, measured, _sizes(rosters), targets, in_force),
        tuple(drawn),
        _minors(db, drawn, today),
        measured_of(db, model_id, software),
    )


def _minors(db: Session, person_ids: list[uuid.UUID], today: date) -> int:
    unknown = current_policy(db).ages.without_year
    years = people.years_of_birth(db, person_ids)
    groups = [limit_group(years[one], today, unknown) for one in person_ids]
    return sum(group is not LimitGroup.ADULT for group in groups)


def _usable(model_id: str) -> SelectOfScalar[Template]:
    query = select(Template).where(Template.model_id == model_id)
    return query.where(col(Template.set_aside_reason).is_(None)).order_by(col(Template.id))


def _fitting(drawn: list[uuid.UUID], by_person: dict[uuid.UUID, list[Template]]) -> list[uuid.UUID]:
    """As many of them as one question holds."""
    size, fitting = 0, []
    for key in drawn:
        # Four bytes a value, four characters for every three bytes.
        size += sum(one.dimension * 16 // 3 for one in by_person[key][-_MOST_PHOTOS:])
        if size > _MOST_BYTES:
            break
        fitting.append(key)
    return fitting


def _opened(vault: Vault, templates: list[Template]) -> tuple[tuple[float, ...], ...]:
    """The newest of them; what cannot be read is left out."""
    return tuple(open_readable(vault, templates[-_MOST_PHOTOS:]).values())


def _drawn(lot: bytes, person_id: uuid.UUID) -> bytes:
    return hashlib.sha256(lot + person_id.bytes).digest()


def _rosters(db: Session, today: date) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Who is on each course's roster today."""
    found = roster.rosters_of(db, [course.id for course in timetable.courses(db)])
    return {
        course_id: {person.id for entry, person in rows if roster.covers(entry, today)}
        for course_id, rows in found.items()
    }


def _cohorts_of(person_id: uuid.UUID, rosters: dict[uuid.UUID, set[uuid.UUID]]) -> tuple[str, ...]:
    mine = sorted(str(course) for course, roster in rosters.items() if person_id in roster)
    return tuple(mine[:_MOST_COHORTS])


def _sizes(rosters: dict[uuid.UUID, set[uuid.UUID]]) -> list[int]:
    """The usual class and the largest one; kiosks keep smaller ones to the limits of thirty."""
    sizes = [max(len(roster), _LEAST_ROSTER) for roster in rosters.values() if roster]
    if not sizes:
        return [_LEAST_ROSTER]
    usual = statistics.median_high(sizes)
    return list(dict.fromkeys((usual, max(sizes))))
