"""The weekly grid and the forms beside it: add, edit and remove lessons in place."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.search import find_people
from server.timetable import lessons, service
from server.timetable.forms import LessonForm, SearchForm
from server.timetable.grid.clash_words import clash_sentences
from server.timetable.grid.forms import ONCE, SlotForm
from server.timetable.grid.left_out import left_out_sentences
from server.timetable.grid.subjects import KEY_PATTERN, Subject, SubjectKind, choices, subject_of
from server.timetable.grid.week import term_in_week, week_of_subject
from server.timetable.lessons import DoubleBookingError
from server.timetable.local_time import local_date
from server.timetable.patterns import service as patterns
from server.timetable.patterns.generation import AHEAD
from server.timetable.patterns.service import ClashError, PlanOptions
from server.timetable.patterns.weekly import WEEK, monday
from server.timetable.substitutes.service import substitute_names
from server.timetable.tables import LessonPattern, PatternLesson, Weeks
from server.web.access import OfficeDep, require_role
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.OFFICE, Role.TEACHER)]
_FIRST_DAY, _LAST_DAY = date(1970, 1, 5), date(2999, 12, 31)
_PLANNERS = (Role.ADMIN, Role.OFFICE)
_FOUND = 10


@dataclass(frozen=True)
class GridPlace:
    """Whose week is shown; the first choice and this week where nothing is said."""

    of: Annotated[str, Query(pattern=KEY_PATTERN)] = ""
    week: Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None

    @property
    def query(self) -> str:
        """What addresses of the grid and of its forms end in."""
        return "?" + urlencode(
            {"of": self.of} | ({"week": self.week} if self.week else {}), safe=":"
        )

    @property
    def path(self) -> str:
        """The address of the grid."""
        return f"/timetable{self.query}" if self.of else "/timetable"


PlaceDep = Annotated[GridPlace, Depends()]
SlotText = Annotated[str, Query(pattern=r"^[0-6]-([01]\d|2[0-3])[0-5]\d-([01]\d|2[0-3])[0-5]\d$")]


@dataclass(frozen=True)
class PanelAsked:
    """Which form is asked for: for a slot, a lesson or a weekly lesson."""

    add: SlotText = ""
    lesson: uuid.UUID | None = None
    pattern: uuid.UUID | None = None


@dataclass(frozen=True)
class Panel:
    """The form beside the grid.

    Attributes:
        kind: add, lesson or pattern.
        form: what its fields hold.
        more: further values of its template.
        exc: why it was refused.
    """

    kind: str
    form: SlotForm | LessonForm
    more: dict[str, Any]
    exc: Exception | None = None


@router.get("/timetable")
def grid_page(
    request: Request,
    principal: ReaderDep,
    db: ReadDBDep,
    place: PlaceDep,
    asked: Annotated[PanelAsked, Depends()],
) -> Response:
    """A week of a room, course, teacher or student; planners get the form that they ask for."""
    panel = _panel(request, db, place, asked) if principal.role in _PLANNERS else None
    return _grid(request, db, principal, place, panel)


@router.post("/timetable/students")
def find_students(
    request: Request,
    principal: OfficeDep,
    db: ReadDBDep,
    form: Annotated[SearchForm, Form()],
) -> Response:
    """The students that the words find, as links to their timetables."""
    found, total = find_people(db, words=form.q, limit=_FOUND) if form.q.strip() else ([], 0)
    more = {"found": found, "left": total - len(found), "q": form.q}
    return _grid(request, db, principal, GridPlace(), Panel("students", SlotForm(), more))


@router.post("/timetable/add")
def add(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    place: PlaceDep,
    form: Annotated[SlotForm, Form()],
) -> Response:
    """Add a weekly lesson, or a single one in the week that is shown."""
    try:
        with db.begin_nested():
            _add(request, db, place, form, principal.actor)
    except (ServerError, ValueError) as exc:
        return _grid(request, db, principal, place, Panel("add", form, {}, exc))
    return see_other(place.path)


@router.post("/timetable/lessons/{lesson_id}")
def change_lesson(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    place: PlaceDep,
    form: Annotated[LessonForm, Form()],
) -> Response:
    """Change this one lesson; its weekly lesson stays as it is."""
    zone = get_settings(request).zone
    service.lesson_view(db, lesson_id)
    try:
        plan = form.plan(zone)
        with db.begin_nested():
            lessons.change_lesson(db, lesson_id, plan, zone=zone, at=now(), actor=principal.actor)
    except (ServerError, ValueError) as exc:
        panel = _lesson_panel(request, db, lesson_id, form, exc)
        return _grid(request, db, principal, place, panel)
    return see_other(place.path)


@router.post("/timetable/patterns/{pattern_id}")
def change_pattern(
    request: Request,
    pattern_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    place: PlaceDep,
    form: Annotated[SlotForm, Form()],
) -> Response:
    """Change the weekly lesson; its lessons that have not started follow."""
    row = patterns.pattern_of(db, pattern_id)
    try:
        with db.begin_nested():
            plan = form.pattern(row.term_id)
            options = _options(request, form)
            patterns.change_pattern(db, pattern_id, plan, options, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        panel = Panel("pattern", form, {"pattern": row}, exc)
        return _grid(request, db, principal, place, panel)
    return see_other(place.path)


@router.post("/timetable/patterns/{pattern_id}/delete")
def delete_pattern(
    request: Request, pattern_id: uuid.UUID, principal: OfficeDep, db: DBDep, place: PlaceDep
) -> Response:
    """Remove the weekly lesson with its lessons to come."""
    zone = get_settings(request).zone
    patterns.delete_pattern(db, pattern_id, zone=zone, at=now(), actor=principal.actor)
    return see_other(place.path)


def _panel(request: Request, db: Session, place: GridPlace, asked: PanelAsked) -> Panel | None:
    if asked.add:
        return Panel("add", _slot(asked.add, place), {})
    if asked.lesson is not None:
        return _lesson_panel(request, db, asked.lesson)
    if asked.pattern is not None:
        row = patterns.pattern_of(db, asked.pattern)
        return Panel("pattern", SlotForm.of(row), {"pattern": row})
    return None


def _add(request: Request, db: Session, place: GridPlace, form: SlotForm, actor: str) -> None:
    zone = get_settings(request).zone
    first = _monday(request, place)
    if form.weeks == ONCE:
        plan = form.lesson(first, zone)
        lessons.create_lesson(db, plan, zone=zone, at=now(), actor=actor)
        return
    term = term_in_week(db, first)
    plan_ = form.pattern(term.id if term else None)
    patterns.create_pattern(db, plan_, _options(request, form), actor=actor)


def _options(request: Request, form: SlotForm) -> PlanOptions:
    return PlanOptions(get_settings(request).zone, now(), allow_clashes=bool(form.allow))


def _slot(add: str, place: GridPlace) -> SlotForm:
    weekday, starts, ends = add.split("-")
    kind, _, identity = place.of.partition(":")
    return SlotForm(
        weekday=weekday,
        starts=f"{starts[:2]}:{starts[2:]}",
        ends=f"{ends[:2]}:{ends[2:]}",
        course_id=identity if kind == SubjectKind.COURSE else "",
        room_id=identity if kind == SubjectKind.ROOM else "",
    )


def _lesson_panel(
    request: Request,
    db: Session,
    lesson_id: uuid.UUID,
    form: LessonForm | None = None,
    exc: Exception | None = None,
) -> Panel:
    view = service.lesson_view(db, lesson_id)
    link = db.get(PatternLesson, lesson_id)
    more = {
        "view": view,
        "pattern": db.get(LessonPattern, link.pattern_id) if link else None,
        "is_changed": bool(link and link.is_changed),
        "has_started": view.lesson.starts_at <= now(),
        "substitute": substitute_names(db, [lesson_id]).get(lesson_id, ""),
    }
    form = form or LessonForm.of(view.lesson, get_settings(request).zone)
    return Panel("lesson", form, more, exc)


def _monday(request: Request, place: GridPlace) -> date:
    return monday(place.week or local_date(now(), get_settings(request).zone))


def _left_out(request: Request, db: Session, subject: Subject | None, first: date) -> list[str]:
    zone, at = get_settings(request).zone, now()
    today = local_date(at, zone)
    if subject is None or not monday(today) <= first <= today + AHEAD - WEEK:
        return []  # planned long ago, or not yet
    return left_out_sentences(db, subject, first, zone=zone, at=at, t=request_translator(request))


def _grid(
    request: Request, db: Session, principal: Principal, place: GridPlace, panel: Panel | None
) -> Response:
    zone, t = get_settings(request).zone, request_translator(request)
    today = local_date(now(), zone)
    groups = choices(db, principal, today)
    keys = [key for group in groups for key, _name in group.options]
    first = _monday(request, place)
    subject = None
    if place.of or keys:
        subject = subject_of(db, place.of or keys[0], principal, today)
        place = GridPlace(subject.key, first)
    exc = panel.exc if panel else None
    context = {
        "groups": groups,
        "subject": subject,
        "is_listed": subject is not None and subject.key in keys,
        "place": place,
        "week": week_of_subject(db, subject, first, zone=zone, today=today) if subject else None,
        "last": first + WEEK - timedelta(days=1),
        "left_out": _left_out(request, db, subject, first) if principal.role in _PLANNERS else [],
        "previous": first - WEEK,
        "following": first + WEEK,
        "this_week": monday(today),
        "at": now(),
        "may_plan": principal.role in _PLANNERS,
        "panel": panel,
        "problem": "" if isinstance(exc, ClashError) else problem_text(t, exc),
        "clashes": clash_sentences(db, exc.clashes, t, zone) if isinstance(exc, ClashError) else [],
        "may_be_meant": isinstance(exc, DoubleBookingError)
        or (isinstance(exc, ClashError) and exc.may_be_meant),
        "weeks": [*Weeks, ONCE] if panel and panel.kind == "add" else [*Weeks],
        "courses": [(str(one.id), f"{one.code} · {one.title}") for one in service.courses(db)]
        if panel
        else [],
        "rooms": [(str(one.id), one.name) for one in service.rooms(db)] if panel else [],
    }
    return render(request, "timetable/grid.html", context, status_code=400 if exc else 200)
