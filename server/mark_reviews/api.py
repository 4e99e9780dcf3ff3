"""Moves with marks to review, recent recognitions, and decisions about them: the JSON API."""

import uuid

from fastapi import Response

from server.attendance.access import RegisterDep
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.move_api import read_move
from server.enrollment.moving import get_move
from server.mark_reviews import service
from server.mark_reviews.access import refuse_foreign_marks, refuse_foreign_review
from server.mark_reviews.marks import lessons_of, marks_of_move, open_moves
from server.mark_reviews.recent import (
    ORDER,
    RECENT,
    RecentFilter,
    RecentRecognition,
    chosen_courses,
    recent_part,
)
from server.mark_reviews.schemas import (
    MarkRead,
    MarkReviewCreate,
    MarkReviewRead,
    OpenMoveRead,
    RecognitionList,
)
from server.mark_reviews.service import ReviewOrder
from server.mark_reviews.tables import MarkReview, ReviewAnswer
from server.mark_reviews.words import read_mark, small_margin
from server.timetable.local_time import local_date
from server.timetable.teachers import visible_courses
from server.web.access import OfficeDep
from server.web.cursors import ListQueryDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

_LIST = "recognitions"
router = GuardedRouter(prefix="/api/v1", tags=["mark reviews"])


@router.get("/enrolment-moves")
def list_open_moves(_: OfficeDep, db: ReadDBDep) -> list[OpenMoveRead]:
    """Moves of photos whose marks wait for a decision, oldest first."""
    return [
        OpenMoveRead(**read_move(one.move).model_dump(), marks=one.marks) for one in open_moves(db)
    ]


@router.get("/enrolment-moves/{move_id}/marks")
def list_moved_marks(move_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[MarkRead]:
    """Marks that kiosks made of moved photos and that wait for a decision, oldest first."""
    marks = marks_of_move(db, get_move(db, move_id))
    lessons, limit = lessons_of(db, marks), small_margin(db)
    return [
        read_mark(one, view.lesson.id if (view := lessons.get(one.key)) else None, limit)
        for one in marks
    ]


@router.get("/recognitions")
def list_recognitions(
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
    asked: ListQueryDep,
    course_id: uuid.UUID | None = None,
    kiosk_id: uuid.UUID | None = None,
) -> RecognitionList:
    """Recognitions of the last 14 days that were not clear and that wait for a decision."""
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    which = RecentFilter(now() - RECENT, chosen_courses(own, course_id), kiosk_id)
    part = recent_part(db, which, asked.wanted(_LIST, ORDER))
    limit = small_margin(db)
    return RecognitionList(
        recognitions=[_recognition(one, limit) for one in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.post("/mark-reviews", status_code=201)
def review_marks(
    body: MarkReviewCreate, principal: RegisterDep, db: DBDep, settings: SettingsDep
) -> list[MarkReviewRead]:
    """Decide who was in front of the kiosk; registers that say something else are corrected.

    One decision for each lesson. A line that a person has corrected stays as it is.
    """
    keys = frozenset((one.kiosk_id, one.event_id) for one in body.marks)
    refuse_foreign_marks(db, keys, principal, settings)
    order = ReviewOrder(keys, body.answer, body.other_person_id, body.reason)
    return [_read(one) for one in service.decide(db, order, made_by=principal.account_id)]


@router.delete("/mark-reviews/{review_id}", status_code=204)
def undo_review(
    review_id: uuid.UUID, principal: RegisterDep, db: DBDep, settings: SettingsDep
) -> Response:
    """Take a decision back with the corrections that it made."""
    refuse_foreign_review(db, service.get_review(db, review_id), principal, settings)
    service.undo(db, review_id, made_by=principal.account_id)
    return Response(status_code=204)


def _recognition(one: RecentRecognition, limit: float) -> MarkRead:
    return read_mark(one.mark, one.lesson_id, limit, looks_alike=one.looks_alike)


def _read(row: MarkReview) -> MarkReviewRead:
    return MarkReviewRead(
        id=row.id,
        person_id=row.person_id,
        lesson_id=row.lesson_id,
        answer=ReviewAnswer(row.answer),
        other_person_id=row.other_id,
        reason=row.reason,
        correction_ids=[uuid.UUID(one) for one in row.corrections],
        made_by=row.made_by,
        made_at=row.made_at,
    )
