"""Measurements of the school as jobs: ask for one, take it, keep its figures, act on them."""

import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from server.accuracy.tables import Measurement, MeasurementStatus
from server.audit.service import record
from server.enrollment.tables import Template
from server.errors import ConflictError, NotFoundError
from server.ml.school import LimitHere, SchoolOperatingPoint
from server.policies.service import current_policy, set_policy

#: For this long nobody else takes up a measurement that somebody has taken.
_TAKEN = timedelta(minutes=10)
#: Tries while the service is well; then it is given up.
MAX_ATTEMPTS = 4
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True)
class MeasurementJob:
    """A measurement that a worker has claimed."""

    id: uuid.UUID
    model_id: str
    attempts: int


@dataclass(frozen=True)
class ModelAccuracy:
    """What is known of one model.

    Attributes:
        model_id: the model.
        measurement: the newest that is finished, if any.
        point: its figures; None where it could not be measured.
        is_waiting: whether another one is under way.
    """

    model_id: str
    measurement: Measurement | None
    point: SchoolOperatingPoint | None
    is_waiting: bool


def request(db: Session, *, actor: str) -> int:
    """Ask for a measurement of every model that has templates; returns how many were added."""
    waiting = set(db.exec(select(Measurement.model_id).where(_is_waiting())))
    wanted = [model_id for model_id in models_in_use(db) if model_id not in waiting]
    added = [model_id for model_id in wanted if _add(db, model_id, actor)]
    if added:
        record(db, actor=actor, action="accuracy.measure", subject="accuracy")
    return len(added)


def _add(db: Session, model_id: str, actor: str) -> bool:
    status = MeasurementStatus.WAITING.value
    try:
        with db.begin_nested():
            db.add(Measurement(model_id=model_id, status=status, requested_by=actor))
            db.flush()
    except IntegrityError:  # somebody else has asked at the same moment
        return False
    return True


def models_in_use(db: Session) -> list[str]:
    """Return every model that at least one person has a template of."""
    return sorted(db.exec(select(Template.model_id).distinct()))


def is_any_due(db: Session, at: datetime) -> bool:
    """Whether `claim` would find something."""
    due = select(Measurement.id).where(_is_waiting(), col(Measurement.not_before) <= at)
    return db.exec(due.limit(1)).first() is not None


def claim(db: Session, at: datetime) -> MeasurementJob | None:
    """Take the measurement that has waited longest."""
    due = select(Measurement).where(_is_waiting(), col(Measurement.not_before) <= at)
    query = due.order_by(col(Measurement.not_before)).limit(1)
    row = db.exec(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.not_before = at + _TAKEN
    row.attempts += 1
    return MeasurementJob(row.id, row.model_id, row.attempts)


def finish(
    db: Session, job: MeasurementJob, point: SchoolOperatingPoint | None, at: datetime
) -> None:
    """Keep what was measured; None: the service cannot measure this model."""
    row = _held(db, job)
    if row is None:
        return
    done = MeasurementStatus.DONE if point is not None else MeasurementStatus.IMPOSSIBLE
    row.status = done.value
    row.result = point.model_dump(mode="json") if point is not None else None
    row.finished_at = at


def put_back(db: Session, job: MeasurementJob, at: datetime, *, is_waiting: bool) -> None:
    """Try again: at once where the service was away, else after pauses, and not for ever."""
    row = _held(db, job)
    if row is None:
        return
    row.attempts -= int(is_waiting)
    if row.attempts >= MAX_ATTEMPTS:
        row.status, row.finished_at = MeasurementStatus.FAILED.value, at
        return
    pause = min(timedelta(seconds=2 ** min(job.attempts, 12)), _LONGEST_PAUSE)
    row.not_before = at if is_waiting else at + pause


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
    waiting = db.exec(mine.where(_is_waiting()).limit(1)).first()
    newest = mine.where(col(Measurement.finished_at).is_not(None))
    row = db.exec(newest.order_by(col(Measurement.finished_at).desc()).limit(1)).first()
    point = _point_of(row) if row is not None else None
    return ModelAccuracy(model_id, row, point, waiting is not None)


def _point_of(row: Measurement) -> SchoolOperatingPoint | None:
    return SchoolOperatingPoint.model_validate(row.result) if row.result is not None else None


def _held(db: Session, job: MeasurementJob) -> Measurement | None:
    row = db.get(Measurement, job.id, with_for_update=True, populate_existing=True)
    is_open = row is not None and row.status == MeasurementStatus.WAITING
    return row if is_open else None


def _is_waiting() -> Any:
    return col(Measurement.status) == MeasurementStatus.WAITING.value
