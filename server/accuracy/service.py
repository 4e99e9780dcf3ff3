"""Measurements of the school: ask for one, keep its figures, act on them."""

import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from server.accuracy.tables import Measurement, MeasurementStatus
from server.audit.service import record
from server.db.types import now
from server.enrollment.tables import Template
from server.errors import ConflictError, NotFoundError
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob
from server.jobs.tables import Job, JobState
from server.ml.school import LimitHere, SchoolOperatingPoint
from server.policies.service import current_policy, set_policy

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
    wanted = [model_id for model_id in models_in_use(db) if not _is_under_way(_job(db, model_id))]
    if wanted:
        record(db, actor=actor, action="accuracy.measure", subject=SUBJECT)
    for model_id in wanted:
        jobs.enqueue(db, MEASURE, {"model": model_id}, subject=SUBJECT, actor=actor)
    return len(wanted)


def models_in_use(db: Session) -> list[str]:
    """Return every model that at least one person has a template of."""
    return sorted(db.exec(select(Template.model_id).distinct()))


def keep(db: Session, job: ClaimedJob, point: SchoolOperatingPoint | None) -> None:
    """Keep what was measured; None: the service cannot measure this model."""
    done = MeasurementStatus.DONE if point is not None else MeasurementStatus.IMPOSSIBLE
    db.add(
        Measurement(
            model_id=job.about["model"],
            status=done.value,
            requested_by=job.created_by,
            requested_at=job.created_at,
            finished_at=now(),
            result=point.model_dump(mode="json") if point is not None else None,
        )
    )


def state(db: Session) -> list[ModelAccuracy]:
    """What is known of every model in use."""
    return [_state_of(db, model_id) for model_id in models_in_use(db)]


def use_as_ceiling(db: Session, measurement_id: uuid.UUID, *, actor: str) -> None:
    """Let no calibrated limit exceed what keeps the policy's rate among these people.

    Raises:
        NotFoundError: no such measurement.
        ConflictError: it has no such figure, or none for the policy of today.
    """
    row = db.get(Measurement, measurement_id)
    if row is None:
        raise NotFoundError(what="measurement")
    policy = current_policy(db)
    model = _state_of(db, row.model_id)
    ceiling = usable_ceiling(model, policy.recognition.roster_fpir)
    if ceiling is None or model.measurement is not row:
        raise ConflictError(problem="no_ceiling")
    recognition = policy.recognition.model_copy(update={"limit_ceiling": ceiling})
    source = f"measurement:{measurement_id}"
    changed = policy.model_copy(update={"recognition": recognition})
    set_policy(db, changed, actor=actor, source=source)


def by_size(limits: Iterable[LimitHere]) -> dict[int, list[LimitHere]]:
    """The limits for each number of people due, the most generous rate first."""
    found: dict[int, list[LimitHere]] = {}
    for limit in sorted(limits, key=lambda one: (one.gallery_size, -one.target_fpir)):
        found.setdefault(limit.gallery_size, []).append(limit)
    return found


def usable_ceiling(model: ModelAccuracy, rate: float) -> float | None:
    """The ceiling that a model's newest figures give for a rate of strangers.

    Returns:
        None where they were measured for another rate, or where two people are so alike that the
        limit would be stricter than any the calibration gives: it would send everybody away.
    """
    point = model.point
    if point is None or point.ceiling is None or not point.at_card_limits:
        return None
    ceiling = rounded_down(point.ceiling)
    is_too_strict = ceiling < min(one.limit for one in point.at_card_limits)
    is_of_today = point.at_card_limits[0].target_fpir == rate
    return ceiling if is_of_today and not is_too_strict else None


def rounded_down(distance: float) -> float:
    """To three decimals, never up: a limit must not grow by being written down."""
    return math.floor(distance * 1000) / 1000


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
