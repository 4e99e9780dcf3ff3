"""The list of people, with its search and filters."""

import uuid
from typing import Annotated

from fastapi import Depends, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.enrollment import service
from server.enrollment.people_filters import (
    ConsentChoice,
    PeopleFilter,
    PhotoChoice,
    PlaceChoice,
)
from server.enrollment.photo import school_date
from server.people import service as people
from server.people.schemas import PeopleForm
from server.people.search import find_people
from server.timetable.list_filters import course_filter
from server.web.access import require_role
from server.web.filters import Chosen, Filter, FilterBar, choices
from server.web.pages import is_htmx, render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.translations import Translator

router = GuardedRouter(include_in_schema=False)
_PAGE = 50
_PATH = "/people"
Reader = Annotated[Principal, require_role(Role.OFFICE, Role.DPO)]


class PeopleListForm(PeopleForm):
    """The search, the filters, and the page of the list of people."""

    consent: Chosen[ConsentChoice] = None
    photos: Chosen[PhotoChoice] = None
    place: Chosen[PlaceChoice] = None
    course: Chosen[uuid.UUID] = None

    @property
    def filter(self) -> PeopleFilter:
        """What is chosen."""
        return PeopleFilter(self.consent, self.photos, self.place, self.course)


async def _asked(
    consent: Chosen[ConsentChoice] = None,
    photos: Chosen[PhotoChoice] = None,
    place: Chosen[PlaceChoice] = None,
    course: Chosen[uuid.UUID] = None,
    page: PageNumber = 1,
) -> PeopleListForm:
    return PeopleListForm(consent=consent, photos=photos, place=place, course=course, page=page)


@router.get(_PATH)
def people_page(
    request: Request, _: Reader, db: ReadDBDep, form: Annotated[PeopleListForm, Depends(_asked)]
) -> Response:
    """List people."""
    return _people(request, db, form)


@router.post(_PATH)
def search_people(
    request: Request, _: Reader, db: ReadDBDep, form: Annotated[PeopleListForm, Form()]
) -> Response:
    """List the people found; htmx requests only the table while the user types.

    The search text is a name. It is sent in the body, because addresses are kept in the logs of
    proxies and in the browser's history. Filters alone are an address.
    """
    if not form.q.strip() and not is_htmx(request):
        return see_other(_bar(request_translator(request), db, form).address)
    return _people(request, db, form)


def _people(request: Request, db: Session, form: PeopleListForm) -> Response:
    today = school_date(get_settings(request))
    which = form.filter.conditions(db, today)
    pager = read_page(
        lambda limit, offset: find_people(
            db, words=form.q, which=which, limit=limit, offset=offset
        ),
        form.page,
        _PAGE,
    )
    ids = [person.id for person in pager.rows]
    context = {
        "people": pager.rows,
        "pager": pager,
        "q": form.q,
        "bar": _bar(request_translator(request), db, form),
        "consents": people.states_of(db, ids, today),
        "coverage": service.coverage_of(db, ids),
    }
    template = "people_table.html" if is_htmx(request) else "people.html"
    return render(request, f"enrollment/{template}", context)


def _bar(t: Translator, db: Session, form: PeopleListForm) -> FilterBar:
    filters = (
        ("place", choices(PlaceChoice, t, "people.filter_place"), form.place),
        ("consent", choices(ConsentChoice, t, "people.filter_consent"), form.consent),
        ("photos", choices(PhotoChoice, t, "people.filter_photos"), form.photos),
    )
    others = (
        Filter(name, t(f"people.filter.{name}"), options, str(value or ""))
        for name, options, value in filters
    )
    return FilterBar(_PATH, (course_filter(db, t, form.course), *others))
