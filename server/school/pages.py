"""The page of the school's name, time zone and language, and that of a new school's first steps."""

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.config import SchoolIdentity
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.school import service
from server.school.forms import SchoolForm
from server.school.steps import first_steps
from server.web.access import AdminDep, OfficeDep
from server.web.pages import render, see_other
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings
from server.web.translations import LANGUAGES

router = GuardedRouter(include_in_schema=False)


@router.get("/school")
def school_page(
    request: Request, _: AdminDep, db: ReadDBDep, settings: SettingsDep, *, saved: bool = False
) -> Response:
    """What the school is called now. Until it was entered, the name is empty."""
    is_new = service.entered(db).name is None and settings.school_name is None
    known = settings.school
    shown = SchoolIdentity("", known.timezone, known.language) if is_new else known
    return _page(request, SchoolForm.of(shown), is_new=is_new, is_saved=saved)


@router.post("/school")
def save_school(
    request: Request,
    principal: AdminDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[SchoolForm, Form()],
) -> Response:
    """Save it, and go on with the first steps while there are any."""
    wanted, wrong = form.read(settings)
    if wanted is None:
        return _page(request, form, wrong=wrong)
    service.enter(db, settings, wanted.identity, actor=principal.actor)
    return see_other("/school?saved=true" if first_steps(db, settings).is_over else "/")


@router.get("/first-steps")
def first_steps_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """What a new school does first, also when Today shows it no more."""
    return _steps(request, db)


@router.post("/first-steps/hide")
def hide_first_steps(principal: OfficeDep, db: DBDep) -> Response:
    """Show the steps on Today no more."""
    service.hide_steps(db, at=now(), actor=principal.actor)
    return see_other("/")


def _page(
    request: Request,
    form: SchoolForm,
    *,
    wrong: frozenset[str] | set[str] = frozenset(),
    is_new: bool = False,
    is_saved: bool = False,
) -> Response:
    context = {
        "form": form,
        "wrong": wrong,
        "is_new": is_new,
        "is_saved": is_saved,
        "fixed": service.fixed_by(get_settings(request)),
        "zones": _zones(),
        "languages": list(LANGUAGES.items()),
    }
    return render(request, "school/school.html", context, status_code=400 if wrong else 200)


def _steps(request: Request, db: Session) -> Response:
    steps = first_steps(db, get_settings(request))
    return render(request, "school/first_steps.html", {"steps": steps})


@cache
def _zones() -> tuple[str, ...]:
    """The zones that are named after a place, by name, and UTC."""
    places = (one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))
    return ("UTC", *sorted(places))
