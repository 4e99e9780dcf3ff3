"""The school's operating point: the JSON API."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from server.accuracy import service
from server.attendance.false_matches import DAYS, count_false_matches
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.limits import service as limits
from server.limits.tables import StoredLimit
from server.ml.school import SchoolOperatingPoint
from server.web.access import AdminDep, require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/api/v1/accuracy", tags=["accuracy"])
ReaderDep = Annotated[Principal, require_role(Role.DPO)]


class LimitRead(BaseModel):
    """A limit that a measurement of the school gave.

    Attributes:
        id: of the question, to answer it.
        distance: no limit exceeds it; on the scale that all cards share.
        card_limit: the card's own at that measurement; kiosks use the smaller one.
        people: measured.
        minors: of these, teens and children.
        raised_share: of people who are missed more often than with the limit before.
        measured_at: when.
        decided_by: who put it in force; null: nobody has decided yet.
    """

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    distance: float
    card_limit: float
    people: int
    minors: int
    raised_share: float
    measured_at: datetime
    decided_by: str | None


class ModelFigures(BaseModel):
    """The newest figures of one model."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    is_waiting: bool
    measured_at: datetime | None
    figures: SchoolOperatingPoint | None
    limit_in_force: LimitRead | None
    question: LimitRead | None


class QuestionAnswer(StrictInput):
    """What an admin decides about a limit."""

    accept: bool


class FalseMatchesRead(BaseModel):
    """How often a face mark was taken back with "Not me".

    Attributes:
        days: length of the window that ends now.
        marks: face marks in it, including those taken back.
        taken_back: of them.
        share: of marks taken back, 0 to 1; null without marks.
        interval: 95 % interval of the share; null without marks.
    """

    days: int
    marks: int
    taken_back: int
    share: float | None
    interval: tuple[float, float] | None


@router.get("/false-matches")
def read_false_matches(_: ReaderDep, db: ReadDBDep) -> FalseMatchesRead:
    """How often students took a face mark back in the last days."""
    found = count_false_matches(db, at=now())
    return FalseMatchesRead(
        days=DAYS,
        marks=found.marks,
        taken_back=found.taken_back,
        share=found.share,
        interval=found.interval,
    )


@router.get("")
def read_accuracy(_: ReaderDep, db: ReadDBDep) -> list[ModelFigures]:
    """What is known of every model in use."""
    in_force, questions = limits.in_force(db), limits.questions(db)
    return [
        ModelFigures(
            model_id=one.model_id,
            is_waiting=one.is_waiting,
            measured_at=one.measurement.finished_at if one.measurement else None,
            figures=one.point,
            limit_in_force=_limit(in_force.get(one.model_id)),
            question=_limit(questions.get(one.model_id)),
        )
        for one in service.state(db)
    ]


@router.post("/limits/{limit_id}", status_code=204)
def answer_question(
    limit_id: uuid.UUID, body: QuestionAnswer, principal: AdminDep, db: DBDep
) -> None:
    """Put a limit in force that would miss many students more often, or keep the old one.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it was answered or replaced meanwhile.
    """
    limits.answer(db, limit_id, is_accepted=body.accept, actor=principal.actor)


def _limit(row: StoredLimit | None) -> LimitRead | None:
    return LimitRead.model_validate(row) if row is not None else None


@router.post("", status_code=202)
def measure(principal: AdminDep, db: DBDep) -> dict[str, int]:
    """Ask for new figures of every model; says how many measurements were added."""
    return {"added": service.request(db, actor=principal.actor)}
