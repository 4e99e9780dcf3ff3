"""The preview on the pages of the policy: what other settings would have changed last week."""

import uuid
from collections import Counter
from itertools import groupby
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance.codes.palette import STATUS_TONES
from server.attendance.past import LineChange
from server.attendance.policy_preview import MOST_LESSONS, PolicyPreview, preview_policies
from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.policies import forms, own_forms, service
from server.policies.effective import PolicySet
from server.policies.forms import PolicyRefusedError
from server.policies.scopes import PolicyPlace, Scope
from server.policies.sent import SentForm
from server.web.access import AdminDep
from server.web.pages import is_htmx, render
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(prefix="/policy", include_in_schema=False)
_MOST_LINES = 200


@router.post("/preview")
def preview_school(request: Request, _: AdminDep, db: ReadDBDep, values: SentForm) -> Response:
    """Compare last week under the school's settings of the form. Nothing is kept."""
    forms.refuse_unknown(values)
    return _preview(request, db, None, values)


@router.post("/rooms/{room_id}/preview")
def preview_room(
    request: Request, room_id: uuid.UUID, _: AdminDep, db: ReadDBDep, values: SentForm
) -> Response:
    """Compare last week under the form's settings of a room. Nothing is kept."""
    return _preview(request, db, PolicyPlace(Scope.ROOM, room_id), values)


@router.post("/courses/{course_id}/preview")
def preview_course(
    request: Request, course_id: uuid.UUID, _: AdminDep, db: ReadDBDep, values: SentForm
) -> Response:
    """Compare last week under the form's settings of a course. Nothing is kept."""
    return _preview(request, db, PolicyPlace(Scope.COURSE, course_id), values)


def _preview(
    request: Request, db: Session, place: PolicyPlace | None, values: dict[str, str]
) -> Response:
    current = service.current_policies(db)
    context: dict[str, Any] = {"back": place.path if place else "/policy", "values": values}
    try:
        wanted = _wanted(db, current, place, values)
    except PolicyRefusedError as exc:
        context |= {"refused": sorted(exc.problems), "found": None}
    else:
        zone = get_settings(request).zone
        found = preview_policies(db, wanted, zone=zone, at=now())
        context |= {"refused": [], "found": found} | _words(found)
    page = "policy_preview.html" if is_htmx(request) else "policy_preview_page.html"
    return render(request, f"attendance/{page}", context)


def _wanted(
    db: Session, current: PolicySet, place: PolicyPlace | None, values: dict[str, str]
) -> PolicySet:
    if place is None:
        return current.with_school(forms.read(values, current.school))
    service.refuse_unknown_place(db, place)
    return current.with_own(place, own_forms.read_own(values, current.school, place.scope))


def _words(found: PolicyPreview) -> dict[str, Any]:
    """Return the lines by lesson, and how many change from what to what."""

    def lesson_of(line: LineChange) -> uuid.UUID:
        return line.view.lesson.id

    shown = found.lines[:_MOST_LINES]
    groups = [list(lines) for _id, lines in groupby(shown, key=lesson_of)]
    kinds = Counter((line.before, line.after) for line in found.lines)
    return {
        "groups": [(lines[0].view, lines) for lines in groups],
        "kinds": kinds.most_common(),
        "more": len(found.lines) - len(shown),
        "most": MOST_LESSONS,
        "tones": STATUS_TONES,
    }
