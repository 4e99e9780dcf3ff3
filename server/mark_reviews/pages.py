"""The pages on which people look again at marks: of moved photos, and recent unclear ones."""

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Form, Query, Request
from sqlmodel import Session, col, select
from starlette.responses import Response

from server.accounts.names import actor_names
from server.attendance.access import RegisterDep
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.moving import get_move
from server.errors import ServerError
from server.kiosks.tables import Kiosk
from server.mark_reviews import service
from server.mark_reviews.access import refuse_foreign_marks, refuse_foreign_review
from server.mark_reviews.evidence import evidence_of
from server.mark_reviews.forms import MovedMarksForm, RecognitionForm, UndoReviewForm, read_id
from server.mark_reviews.marks import MOST_MARKS, marks_of_move, open_moves
from server.mark_reviews.recent import (
    RECENT,
    RecentFilter,
    RecentRecognition,
    chosen_courses,
    recent_page,
)
from server.mark_reviews.tables import MarkReview
from server.mark_reviews.words import groups_of, kiosk_names, small_margin, words_of
from server.people.service import people_by_id
from server.timetable.local_time import local_date
from server.timetable.roster import rosters
from server.timetable.service import LessonView, lesson_views
from server.timetable.tables import Course
from server.timetable.teachers import visible_courses
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings

router = GuardedRouter(include_in_schema=False)
_PAGE, _DECIDED = 20, 100
#: Own decisions that the recent recognitions offer to undo.
_LATEST = 5
_Id = Annotated[str, Query(max_length=40)]


@router.get("/moves/{move_id}")
def move_page(request: Request, move_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """The marks that kiosks made of moved photos, and what was decided about them."""
    return _move(request, db, move_id, "")


@router.post("/moves/{move_id}/marks")
def decide_moved_marks(
    request: Request,
    move_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[MovedMarksForm, Form()],
) -> Response:
    """Decide about the marks of one lesson, or of those that are ticked."""
    move = get_move(db, move_id)

    def work() -> None:
        service.decide(db, form.order(move.to_id), made_by=principal.account_id)

    problem = _refused(request, db, work)
    return _move(request, db, move_id, problem) if problem else see_other(f"/moves/{move_id}")


@router.get("/recognitions")
def recognitions_page(
    request: Request,
    principal: RegisterDep,
    db: ReadDBDep,
    course_id: _Id = "",
    kiosk_id: _Id = "",
    page: PageNumber = 1,
) -> Response:
    """Recognitions of the last days that were not clear."""
    form = RecognitionForm(course_id=course_id, kiosk_id=kiosk_id)
    return _recognitions(request, db, principal, form, page)


@router.post("/recognitions")
def decide_recognition(
    request: Request,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[RecognitionForm, Form()],
) -> Response:
    """Confirm one of them, or say that it was another student or none of them."""

    def work() -> None:
        order = form.order()
        refuse_foreign_marks(db, order.marks, principal, settings)
        service.decide(db, order, made_by=principal.account_id)

    problem = _refused(request, db, work)
    if problem:
        return _recognitions(request, db, principal, form, 1, problem)
    return see_other(f"/recognitions?course_id={form.course_id}&kiosk_id={form.kiosk_id}")


@router.post("/mark-reviews/{review_id}/undo")
def undo_review(
    request: Request,
    review_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[UndoReviewForm, Form()],
) -> Response:
    """Take a decision back with the corrections that it made, or say why that was refused."""
    refuse_foreign_review(db, service.get_review(db, review_id), principal, settings)

    def work() -> None:
        service.undo(db, review_id, made_by=principal.account_id)

    problem, move_id = _refused(request, db, work), read_id(form.move_id)
    if problem and move_id and principal.role is not Role.TEACHER:
        return _move(request, db, move_id, problem)
    if problem:
        return _recognitions(request, db, principal, RecognitionForm(), 1, problem)
    return see_other(f"/moves/{move_id}" if move_id else "/recognitions")


def _refused(request: Request, db: Session, work: Callable[[], None]) -> str:
    """Do something; return why it was refused, empty where it was not."""
    try:
        with db.begin_nested():
            work()
    except ServerError as exc:
        return problem_text(request_translator(request), exc)
    return ""


def _move(request: Request, db: Session, move_id: uuid.UUID, problem: str) -> Response:
    move = get_move(db, move_id)
    marks = marks_of_move(db, move)
    people = people_by_id(db, [move.from_id, move.to_id])
    since = col(MarkReview.made_at) >= move.made_at
    context = {
        "move": move,
        "wrong": people[move.from_id],
        "right": people[move.to_id],
        "groups": groups_of(db, marks),
        "has_more": len(marks) >= MOST_MARKS,
        "problem": problem,
    } | _decided(db, [MarkReview.person_id == move.from_id, since])
    status = 400 if problem else 200
    return render(request, "mark_reviews/move.html", context, status_code=status)


def _decided(db: Session, conditions: Sequence[Any], most: int = _DECIDED) -> dict[str, Any]:
    """Return the newest decisions of a kind, with what their rows show."""
    query = select(MarkReview).where(*conditions).order_by(col(MarkReview.made_at).desc())
    rows = db.exec(query.limit(most)).all()
    lessons = {one.lesson_id for one in rows if one.lesson_id is not None}
    named = {one.person_id for one in rows} | {one.other_id for one in rows if one.other_id}
    return {
        "decided": rows,
        "decided_lessons": _by_id(lesson_views(db, ids=lessons)) if lessons else {},
        "decided_people": people_by_id(db, named),
        "actors": actor_names(db, {f"account:{one.made_by}" for one in rows}),
    }


def _recognitions(
    request: Request,
    db: Session,
    principal: Principal,
    form: RecognitionForm,
    page: int,
    problem: str = "",
) -> Response:
    own = visible_courses(db, principal, local_date(now(), get_settings(request).zone))
    courses = chosen_courses(own, read_id(form.course_id))
    which = RecentFilter(now() - RECENT, courses, read_id(form.kiosk_id))
    pager = read_page(
        lambda limit, offset: recent_page(db, which, limit=limit, offset=offset), page, _PAGE
    )
    may_see_moves = principal.role is not Role.TEACHER
    context: dict[str, Any] = {
        "pager": pager,
        "form": form,
        "problem": problem,
        "courses": _courses(db, own),
        "kiosks": [(str(key), name) for key, name in _kiosks(db)],
        "moves": open_moves(db) if may_see_moves else [],
    }
    context |= _shown(db, pager.rows)
    context |= _decided(db, [MarkReview.made_by == principal.account_id], _LATEST)
    status = 400 if problem else 200
    return render(request, "mark_reviews/recognitions.html", context, status_code=status)


def _shown(db: Session, rows: Sequence[RecentRecognition]) -> dict[str, Any]:
    """Return what stands beside the recognitions of a page."""
    ids = {one.lesson_id for one in rows}
    views = lesson_views(db, ids=ids) if ids else []
    lists = rosters(db, views) if views else {}
    named = {one.mark.person_id for one in rows}.union(*lists.values())
    limit = small_margin(db)
    return {
        "lessons": _by_id(views),
        "lists": lists,
        "people": people_by_id(db, named),
        "kiosk_names": kiosk_names(db, {one.mark.kiosk_id for one in rows}),
        "evidence": {
            one.mark.key: words_of(
                evidence_of(one.mark.body, small_margin=limit), looks_alike=one.looks_alike
            )
            for one in rows
        },
    }


def _by_id(views: Sequence[LessonView]) -> dict[uuid.UUID, LessonView]:
    return {one.lesson.id: one for one in views}


def _courses(db: Session, own: set[uuid.UUID] | None) -> list[tuple[str, str]]:
    query = select(Course.id, Course.code, Course.title).order_by(col(Course.code))
    rows = db.exec(query).all()
    return [(str(key), f"{code} {title}") for key, code, title in rows if own is None or key in own]


def _kiosks(db: Session) -> Sequence[tuple[uuid.UUID, str]]:
    return db.exec(select(Kiosk.id, Kiosk.name).order_by(col(Kiosk.name))).all()
