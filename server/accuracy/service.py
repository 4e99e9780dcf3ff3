"""Measurements of the school: ask for one, keep its figures, act on them."""

import math
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from protocol.v1.messages import LimitGroup
from server.accuracy.question import PreparedQuestion
from server.accuracy.tables import Measurement, MeasurementStatus
from server.audit.service import record
from server.db.types import now
from server.enrollment import checks
from server.enrollment.tables import Template
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob
from server.jobs.tables import Job, JobState
from server.limits import service as limits
from server.limits.service import ProposedLimit
from server.ml.school import LimitHere, SchoolOperatingPoint
from server.people.limit_group import limit_group
from server.people.tables import Person
from server.policies.service import current_policy

#: The kind of job.
MEASURE = "measure"
SUBJECT = "accuracy"


@dataclass(frozen=True)
class ModelAccuracy:
    """What is known of one model.

    Attributes:
        model_id: the model.
        measurement: the newest that is finished, if any.
        point: its figures; None where it could not be measured.
        is_waiting: whether another one is under way.
        is_parked: whether another one failed too often.
    """

    model_id: str
    measurement: Measurement | None
    point: SchoolOperatingPoint | None
    is_waiting: bool
    is_parked: bool = False


def request(db: Session, *, actor: str) -> int:
    """Ask for a measurement of every model that has templates; returns how many were added."""
    return request_models(db, models_in_use(db), actor=actor)


def request_models(db: Session, model_ids: Iterable[str], *, actor: str) -> int:
    """Ask for a measurement of these models, where none is under way; returns how many."""
    wanted = [model_id for model_id in model_ids if not _is_under_way(_job(db, model_id))]
    if wanted:
        record(db, actor=actor, action="accuracy.measure", subject=SUBJECT)
    for model_id in wanted:
        jobs.enqueue(db, MEASURE, {"model": model_id}, subject=SUBJECT, actor=actor)
    return len(wanted)


def models_in_use(db: Session) -> list[str]:
    """Return every model that at least one person has a template of."""
    found: list[str] = []
    smallest = func.min(col(Template.model_id))
    # One look at the index for each model, where a list of all models looks at each template.
    model_id: str | None = db.exec(select(smallest)).one()
    while model_id is not None:
        found.append(model_id)
        model_id = db.exec(select(smallest).where(col(Template.model_id) > model_id)).one()
    return found


@dataclass(frozen=True)
class Answered:
    """A question and its answer.

    Attributes:
        asked: the question.
        point: what was measured; None: the service cannot measure this model.
        today: of the school, when it was asked.
    """

    asked: PreparedQuestion
    point: SchoolOperatingPoint | None
    today: date


def keep(db: Session, job: ClaimedJob, found: Answered) -> None:
    """Keep what was measured, and act on it.

    People are locked before limits and the audit trail, like everywhere.
    """
    asked, point = found.asked, found.point
    done = MeasurementStatus.DONE if point is not None else MeasurementStatus.IMPOSSIBLE
    model_id = job.about["model"]
    measurement = Measurement(
        model_id=model_id,
        status=done.value,
        requested_by=job.created_by,
        requested_at=job.created_at,
        finished_at=now(),
        measured_of=asked.measured_of,
        # The keys of the pairs mean nothing without the question.
        result=point.model_dump(mode="json", exclude={"pairs_left_out"})
        if point is not None
        else None,
    )
    db.add(measurement)
    if point is None:
        return
    pairs = {
        (_person(asked, one.a), _person(asked, one.b)): one.distance for one in point.pairs_left_out
    }
    checks.keep_look_alikes(db, model_id, pairs, found.today)
    _take_limit(db, asked, point, measurement.finished_at)


def _person(asked: PreparedQuestion, key: str) -> uuid.UUID:
    return asked.people[int(key)]


def _take_limit(
    db: Session, asked: PreparedQuestion, point: SchoolOperatingPoint, at: datetime
) -> None:
    """Propose the limit that a measurement gave, or take the old one back."""
    model_id = asked.question.model_id
    if len(asked.people) < limits.LEAST_PEOPLE:
        limits.withdraw(db, model_id)
    elif point.ceiling is not None and point.proposed is not None and point.present is not None:
        proposed = ProposedLimit(
            model_id=model_id,
            distance=rounded_down(point.ceiling),
            card_limit=point.at_card_limits[0].limit,
            people=point.people,
            minors=asked.minors,
            raised_share=_raised_share(db, asked, point),
            measured_at=at,
        )
        limits.propose(db, proposed)


def _raised_share(db: Session, asked: PreparedQuestion, point: SchoolOperatingPoint) -> float:
    """Return the share of people that the proposed limit misses more often than now.

    Where kiosks recognise no young people yet, because no limit for them is known, they miss all
    of them now: the first measured limit misses fewer.
    """
    is_known = any(one.group != LimitGroup.ADULT for one in point.by_card)
    is_young = 2 * asked.minors > point.people
    if is_young and not is_known and asked.question.model_id not in limits.in_force(db):
        return 0.0
    return 1.0 if point.raised_share is None else point.raised_share


def state(db: Session) -> list[ModelAccuracy]:
    """What is known of every model in use."""
    return [_state_of(db, model_id) for model_id in models_in_use(db)]


def by_size(limits: Iterable[LimitHere]) -> dict[int, list[LimitHere]]:
    """The limits for each number of people due, the most generous rate first."""
    found: dict[int, list[LimitHere]] = {}
    for limit in sorted(limits, key=lambda one: (one.gallery_size, -one.target_fpir)):
        found.setdefault(limit.gallery_size, []).append(limit)
    return found


def rounded_down(distance: float) -> float:
    """To three decimals, never up: a limit must not grow by being written down."""
    return math.floor(distance * 1000) / 1000


def group_counts(db: Session, model_id: str, today: date) -> dict[str, int]:
    """Count the people with templates of a model by group, and those without a year of birth.

    Returns:
        Counts by the words of `LimitGroup`, and `unknown`; these are in their group's count too.
    """
    mine = select(Template.person_id).where(Template.model_id == model_id)
    year = col(Person.year_of_birth)
    query = select(year, func.count()).where(col(Person.id).in_(mine)).group_by(year)
    unknown = current_policy(db).ages.without_year
    found = Counter({"unknown": 0})
    for born, people in db.exec(query):
        found[str(limit_group(born, today, unknown))] += people
        found["unknown"] += people if born is None else 0
    return dict(found)


def _state_of(db: Session, model_id: str) -> ModelAccuracy:
    mine = select(Measurement).where(Measurement.model_id == model_id)
    row = db.exec(mine.order_by(col(Measurement.finished_at).desc()).limit(1)).first()
    point = _point_of(row) if row is not None else None
    job = _job(db, model_id)
    is_parked = job is not None and job.state == JobState.PARKED
    return ModelAccuracy(model_id, row, point, _is_under_way(job), is_parked)


def _job(db: Session, model_id: str) -> Job | None:
    return jobs.find(db, MEASURE, {"model": model_id})


def _is_under_way(job: Job | None) -> bool:
    return job is not None and job.state != JobState.PARKED


def _point_of(row: Measurement) -> SchoolOperatingPoint | None:
    return SchoolOperatingPoint.model_validate(row.result) if row.result is not None else None
