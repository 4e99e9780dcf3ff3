"""The audit page: entries in words, filters, and the check of the whole trail."""

import uuid
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Query, Request
from pydantic import BeforeValidator
from sqlmodel import Session, col, select
from starlette.responses import Response

from server.accounts.tables import Account
from server.audit.service import SYSTEM
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.kiosks.tables import Kiosk
from server.people.search import find_people
from server.people.service import people_by_id
from server.timetable.forms import SearchForm
from server.timetable.local_time import local_date, midnight
from server.trail import service
from server.trail.listing import TrailFilter, page_of
from server.trail.names import names_for
from server.trail.words import TrailWords, actions
from server.web.access import require_role
from server.web.dates import day_words, moment_words
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.translations import Translator

router = GuardedRouter(prefix="/audit", include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.DPO)]
_CANDIDATES = 20
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
_Empty = BeforeValidator(lambda text: text or None)
_Day = Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY), _Empty]


class Asked:
    """What the address asks for; empty fields of the form ask for nothing."""

    def __init__(
        self,
        person: Annotated[uuid.UUID | None, _Empty] = None,
        actor: Annotated[str | None, Query(max_length=80), _Empty] = None,
        action: Annotated[str | None, Query(max_length=60), _Empty] = None,
        first: _Day = None,
        last: _Day = None,
        before: Annotated[int | None, Query(ge=1, le=2**53), _Empty] = None,
    ) -> None:
        self.person, self.actor, self.action = person, actor, action
        self.first, self.last, self.before = first, last, before

    @property
    def is_filtered(self) -> bool:
        """Whether anything but a place in the list is asked for."""
        return any((self.person, self.actor, self.action, self.first, self.last))

    def filter(self, zone: ZoneInfo) -> TrailFilter:
        """Return which entries are wanted; both days count, in the school's time."""
        after = midnight(self.first, zone) if self.first else None
        until = midnight(self.last + timedelta(days=1), zone) if self.last else None
        return TrailFilter(self.person, self.actor, self.action, after, until)

    def query(self, **other: object) -> str:
        """Return the address of the same list with something else in it."""
        values = {
            "person": self.person,
            "actor": self.actor,
            "action": self.action,
            "first": self.first,
            "last": self.last,
        }
        return urlencode({k: v for k, v in (values | other).items() if v is not None})


AskedDep = Annotated[Asked, Depends()]


@router.get("")
def audit_page(request: Request, _: ReaderDep, db: ReadDBDep, asked: AskedDep) -> Response:
    """List entries, newest first."""
    return _page(request, db, asked)


@router.post("")
def search_person(
    request: Request,
    _: ReaderDep,
    db: ReadDBDep,
    asked: AskedDep,
    form: Annotated[SearchForm, Form()],
) -> Response:
    """Find the person to filter by; the name stays out of the address and its logs."""
    found, total = find_people(db, words=form.q, limit=_CANDIDATES) if form.q.strip() else ([], 0)
    has_more = total > len(found)
    return _page(request, db, asked, q=form.q, candidates=found, has_more=has_more)


@router.post("/check")
def start_check(principal: ReaderDep, db: DBDep) -> Response:
    """Check the whole trail as a job."""
    service.request_check(db, actor=principal.actor)
    return see_other("/audit")


@router.get("/check")
def check_fragment(request: Request, _: ReaderDep, db: ReadDBDep) -> Response:
    """How far the check is; the fragment asks for itself until it is done."""
    return render(request, "trail/check.html", {"check": service.state(db)})


def _page(request: Request, db: Session, asked: Asked, **found: Any) -> Response:
    t = request_translator(request)
    zone = get_settings(request).zone
    year = local_date(now(), zone).year
    page = page_of(db, asked.filter(zone), before_seq=asked.before)
    words = TrailWords(
        t,
        names_for(db, page.entries, partial(day_words, t=t, this_year=year)),
        partial(moment_words, t=t, zone=zone, this_year=year),
    )
    person = people_by_id(db, [asked.person]).get(asked.person) if asked.person else None
    context = {
        "lines": [words.line(entry) for entry in page.entries],
        "older": page.older,
        "asked": asked,
        "person": person,
        "actors": _actors(db, t),
        "actions": actions(t),
        "check": service.state(db),
        "q": "",
        "candidates": None,
    }
    return render(request, "trail/list.html", context | found)


def _actors(db: Session, t: Translator) -> dict[str, list[tuple[str, str]]]:
    """Return the actors to filter by, each with a name, by group."""
    accounts = db.exec(select(Account).order_by(col(Account.display_name))).all()
    kiosks = db.exec(select(Kiosk).order_by(col(Kiosk.name))).all()
    return {
        "accounts": [(f"account:{one.id}", one.display_name) for one in accounts],
        "kiosks": [
            *((f"kiosk:{one.id}", one.name) for one in kiosks),
            (SYSTEM, t("audit.system")),
        ],
    }
