"""The page that says how well this school's people are told apart."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.accuracy import outlook, service
from server.accuracy.outlook import MeasuredNetwork, Outlook
from server.accuracy.service import ModelAccuracy
from server.accuracy.words import in_hundred, up_to
from server.attendance.false_matches import DAYS, count_false_matches
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.resemblance import MOST_PAIRS, nearest_pairs
from server.limits import service as limits
from server.limits.tables import StoredLimit
from server.networks.service import is_weak as is_weak_network
from server.people.tables import Person
from server.policies.service import current_policy
from server.timetable.service import courses
from server.timetable.tables import Course
from server.web.access import AdminDep, require_role
from server.web.figures import one_in, percent, percents, upper_end
from server.web.pages import is_htmx, render, see_other
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(prefix="/accuracy", include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.DPO)]


@dataclass(frozen=True)
class NetworkView:
    """One network on the page.

    Attributes:
        model: its newest figures.
        limit: the school's own limit in force.
        question: a limit that an admin has to decide about.
        declined: a limit that an admin declined.
        groups: what each group may expect.
        counts: people by group, and `unknown`.
        pairs: people that no limit tells apart.
        is_weak: whether a better network should be used.
    """

    model: ModelAccuracy
    limit: StoredLimit | None
    question: StoredLimit | None
    declined: StoredLimit | None
    groups: list[Outlook]
    counts: dict[str, int]
    pairs: list[tuple[Person, Person]]
    is_weak: bool


@router.get("")
def accuracy_page(request: Request, _: ReaderDep, db: ReadDBDep) -> Response:
    """The newest figures of every network in use."""
    # While a measurement runs, the page asks for its other part every 2 s; that needs no count.
    false_matches = None if is_htmx(request) else count_false_matches(db, at=now())
    views = _views(request, db)
    context = {
        "false_matches": false_matches,
        "days": DAYS,
        "percents": percents,
        "views": views,
        "people_behind": limits.people_behind,
        "policy": current_policy(db),
        "courses": _courses_of(db, views),
        "by_size": service.by_size,
        "least_people": limits.LEAST_PEOPLE,
        "in_hundred": in_hundred,
        "up_to": up_to,
        "one_in": one_in,
        "upper_end": upper_end,
        "percent": percent,
        "most_pairs": MOST_PAIRS,
    }
    return render(request, "accuracy/accuracy.html", context)


@router.post("")
def measure(principal: AdminDep, db: DBDep) -> Response:
    """Ask for new figures; they appear on the page when they are there."""
    service.request(db, actor=principal.actor)
    return see_other("/accuracy")


@router.post("/limits/{limit_id}/accept")
def accept_limit(limit_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Put the limit in force that the page asks about.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it was answered or replaced meanwhile.
    """
    limits.answer(db, limit_id, is_accepted=True, actor=principal.actor)
    return see_other("/accuracy")


@router.post("/limits/{limit_id}/decline")
def decline_limit(limit_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Keep the limit in force.

    Raises:
        NotFoundError: there is no such question.
        ConflictError: it was answered or replaced meanwhile.
    """
    limits.answer(db, limit_id, is_accepted=False, actor=principal.actor)
    return see_other("/accuracy")


def _views(request: Request, db: Session) -> list[NetworkView]:
    in_force, questions, declined = (
        look(db) for look in (limits.in_force, limits.questions, limits.declined)
    )
    today = now().astimezone(get_settings(request).zone).date()
    rate = current_policy(db).recognition.roster_fpir
    found = []
    for model in service.state(db):
        counts = service.group_counts(db, model.model_id, today)
        limit = in_force.get(model.model_id)
        is_weak = is_weak_network(model.model_id)
        network = MeasuredNetwork(model.point, limit, rate, is_weak)
        view = NetworkView(
            model=model,
            limit=limit,
            question=questions.get(model.model_id),
            declined=declined.get(model.model_id),
            groups=outlook.outlooks(network, counts),
            counts=counts,
            pairs=_pairs(db, model),
            is_weak=is_weak,
        )
        found.append(view)
    return found


def _courses_of(db: Session, views: Sequence[NetworkView]) -> dict[str, Course]:
    """Return the courses that the figures name, by id as text; some may be gone."""
    points = (view.model.point for view in views)
    named: set[uuid.UUID] = set()
    for cohort in (cohort for point in points if point for cohort in point.cohorts):
        with suppress(ValueError):  # the recognition service gave back another name
            named.add(uuid.UUID(cohort.name))
    return {str(course.id): course for course in courses(db, only=named)}


def _pairs(db: Session, model: ModelAccuracy) -> list[tuple[Person, Person]]:
    """The people who are nearer to each other than any limit that was asked about."""
    if model.point is None or not model.point.at_card_limits:
        return []
    strictest = min(one.limit for one in model.point.at_card_limits)
    return nearest_pairs(db, model.model_id, strictest)
