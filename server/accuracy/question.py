"""Who is measured: everybody with a live consent, by numbers that mean nothing elsewhere."""

import hashlib
import heapq
import statistics
import uuid
from datetime import date

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from server.accuracy.service import MeasurementJob
from server.db.vault import Vault
from server.enrollment.gallery import open_template
from server.enrollment.tables import Template
from server.ml.school import EnrolledPerson, SchoolQuestion
from server.people import service as people
from server.people.consent import ConsentState
from server.policies.service import current_policy
from server.timetable import service as timetable

#: A larger school is measured on so many of its people, drawn by chance.
MOST_PEOPLE = 4000
_MOST_COHORTS = 16
_USUAL_ROSTER = 30
_TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)


def prepare(session: Session, vault: Vault, job: MeasurementJob, today: date) -> SchoolQuestion:
    """Put the question together; the policy's own rate comes first."""
    by_person: dict[uuid.UUID, list[Template]] = {}
    for template in session.exec(_usable(job.model_id)):
        by_person.setdefault(template.person_id, []).append(template)
    states = people.states_of(session, by_person, today)
    live = [key for key in by_person if states[key] is ConsentState.LIVE]
    drawn = heapq.nsmallest(MOST_PEOPLE, live, key=lambda key: _lot(job, key))
    rosters = _rosters(session, today)
    measured = [
        EnrolledPerson(
            str(number),
            tuple(open_template(vault, one) for one in by_person[key]),
            _cohorts_of(key, rosters),
        )
        for number, key in enumerate(drawn)
    ]
    rate = current_policy(session).recognition.roster_fpir
    targets = [rate, *(target for target in _TARGETS if target != rate)]
    return SchoolQuestion(job.model_id, measured, _sizes(rosters), targets)


def _usable(model_id: str) -> SelectOfScalar[Template]:
    query = select(Template).where(Template.model_id == model_id)
    return query.where(col(Template.set_aside_reason).is_(None)).order_by(col(Template.id))


def _lot(job: MeasurementJob, person_id: uuid.UUID) -> bytes:
    return hashlib.sha256(job.id.bytes + person_id.bytes).digest()


def _rosters(session: Session, today: date) -> dict[uuid.UUID, set[uuid.UUID]]:
    """Who is on each course's roster today."""
    found = timetable.rosters_of(session, [course.id for course in timetable.courses(session)])
    return {
        course_id: {person.id for entry, person in rows if timetable.applies(entry, today)}
        for course_id, rows in found.items()
    }


def _cohorts_of(person_id: uuid.UUID, rosters: dict[uuid.UUID, set[uuid.UUID]]) -> tuple[str, ...]:
    mine = sorted(str(course) for course, roster in rosters.items() if person_id in roster)
    return tuple(mine[:_MOST_COHORTS])


def _sizes(rosters: dict[uuid.UUID, set[uuid.UUID]]) -> list[int]:
    """The usual class and the largest one."""
    sizes = [len(roster) for roster in rosters.values() if roster]
    if not sizes:
        return [_USUAL_ROSTER]
    usual = statistics.median_high(sizes)
    return list(dict.fromkeys((usual, max(sizes))))
