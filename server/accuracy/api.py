"""The school's operating point: the JSON API."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from server.accuracy import service
from server.attendance.false_matches import DAYS, count_false_matches
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.ml.school import SchoolOperatingPoint
from server.web.access import AdminDep, require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/accuracy", tags=["accuracy"])
ReaderDep = Annotated[Principal, require_role(Role.DPO)]


class ModelFigures(BaseModel):
    """The newest figures of one model."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    is_waiting: bool
    measured_at: datetime | None
    figures: SchoolOperatingPoint | None


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
    return [
        ModelFigures(
            model_id=one.model_id,
            is_waiting=one.is_waiting,
            measured_at=one.measurement.finished_at if one.measurement else None,
            figures=one.point,
        )
        for one in service.state(db)
    ]


@router.post("", status_code=202)
def measure(principal: AdminDep, db: DBDep) -> dict[str, int]:
    """Ask for new figures of every model; says how many measurements were added."""
    return {"added": service.request(db, actor=principal.actor)}
