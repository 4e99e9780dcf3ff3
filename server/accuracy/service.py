"""Measurements of the school as jobs: ask for one, take it, keep its figures, act on them."""

import math
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from server.accuracy.tables import Measurement, MeasurementStatus
from server.audit.service import record
from server.enrollment.tables import Template
from server.errors import ConflictError, NotFoundError
from server.ml.school import LimitHere, OperatingPoint
from server.policies.service import current_policy, set_policy

#: For this long nobody else takes up a measurement that somebody has taken.
_TAKEN = timedelta(minutes=10)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True)
class MeasurementJob:
    """A measurement somebody has taken."""

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
    point: OperatingPoint | None
    is_waiting: bool


def request(session: Session, *, actor: str) -> int:
    """Ask for a measurement of every model that has templates; returns how many were added."""
    waiting = set(session.exec(select(Measurement.model_id).where(_is_waiting())))
    added = [model_id for model_id in models_in_use(session) if model_id not in waiting]
    for model_id in added:
        status = MeasurementStatus.WAITING.value
        session.add(Measurement(model_id=model_id, status=status, requested_by=actor))
    if added:
        record(session, actor=actor, action="accuracy.measure", subject="accuracy")
    return len(added)


def models_in_use(session: Session) -> list[str]:
    """Every model that somebody has a template of."""
    return sorted(session.exec(select(Template.model_id).distinct()))


def is_any_due(session: Session, at: datetime) -> bool:
    """Whether `claim` would find something."""
    due = select(Measurement.id).where(_is_waiting(), col(Measurement.not_before) <= at)
    return session.exec(due.limit(1)).first() is not None


def claim(session: Session, at: datetime) -> MeasurementJob | None:
    """Take the measurement that has waited longest."""
    due = select(Measurement).where(_is_waiting(), col(Measurement.not_before) <= at)
    query = due.order_by(col(Measurement.not_before)).limit(1)
    row = session.exec(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.not_before = at + _TAKEN
    row.attempts += 1
    return MeasurementJob(row.id, row.model_id, row.attempts)


def finish(
    session: Session, job: MeasurementJob, point: OperatingPoint | None, at: datetime
) -> None:
    """Keep what was measured; None: the service cannot measure this model."""
    row = _held(session, job)
    if row is None:
        return
    done = MeasurementStatus.DONE if point is not None else MeasurementStatus.IMPOSSIBLE
    row.status = done.value
    row.result = point.model_dump(mode="json") if point is not None else None
    row.finished_at = at


def put_back(session: Session, job: MeasurementJob, at: datetime, *, is_waiting: bool) -> None:
    """Try again: at once where the service was away, else after longer and longer pauses."""
    row = _held(session, job)
    if row is None:
        return
    row.attempts -= int(is_waiting)
    pause = min(timedelta(seconds=2 ** min(job.attempts, 12)), _LONGEST_PAUSE)
    row.not_before = at if is_waiting else at + pause


def state(session: Session) -> list[ModelAccuracy]:
    """What is known of every model in use."""
    return [_state_of(session, model_id) for model_id in models_in_use(session)]


def use_as_ceiling(session: Session, measurement_id: uuid.UUID, *, actor: str) -> None:
    """Let no calibrated limit exceed what keeps the policy's rate among these people.

    Raises:
        NotFoundError: no such measurement.
        ConflictError: it has no such figure.
    """
    row = session.get(Measurement, measurement_id)
    if row is None:
        raise NotFoundError(what="measurement")
    point = _point_of(row)
    if point is None or point.ceiling is None:
        raise ConflictError(problem="no_ceiling")
    ceiling = rounded_down(point.ceiling)
    if ceiling <= 0:
        raise ConflictError(problem="no_ceiling")
    policy = current_policy(session)
    recognition = policy.recognition.model_copy(update={"limit_ceiling": ceiling})
    source = f"measurement:{measurement_id}"
    changed = policy.model_copy(update={"recognition": recognition})
    set_policy(session, changed, actor=actor, source=source)


def by_size(limits: Iterable[LimitHere]) -> dict[int, list[LimitHere]]:
    """The limits for each number of people due, the most generous rate first."""
    found: dict[int, list[LimitHere]] = {}
    for limit in sorted(limits, key=lambda one: (one.gallery_size, -one.target_fpir)):
        found.setdefault(limit.gallery_size, []).append(limit)
    return found


def rounded_down(distance: float) -> float:
    """To three decimals, never up: a limit must not grow by being written down."""
    return math.floor(distance * 1000) / 1000


def _state_of(session: Session, model_id: str) -> ModelAccuracy:
    mine = select(Measurement).where(Measurement.model_id == model_id)
    waiting = session.exec(mine.where(_is_waiting()).limit(1)).first()
    newest = mine.where(col(Measurement.finished_at).is_not(None))
    row = session.exec(newest.order_by(col(Measurement.finished_at).desc()).limit(1)).first()
    point = _point_of(row) if row is not None else None
    return ModelAccuracy(model_id, row, point, waiting is not None)


def _point_of(row: Measurement) -> OperatingPoint | None:
    return OperatingPoint.model_validate(row.result) if row.result is not None else None


def _held(session: Session, job: MeasurementJob) -> Measurement | None:
    row = session.get(Measurement, job.id, with_for_update=True, populate_existing=True)
    is_open = row is not None and row.status == MeasurementStatus.WAITING
    return row if is_open else None


def _is_waiting() -> Any:
    return col(Measurement.status) == MeasurementStatus.WAITING.value
