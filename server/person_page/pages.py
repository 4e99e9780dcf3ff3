"""The page of one person's attendance: a term as calendar, chart and sums."""

import uuid
from itertools import groupby
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance.access import RegisterDep
from server.attendance.codes.service import codes_of
from server.db.dependencies import DBDep
from server.db.types import now
from server.enrollment.service import coverage_of
from server.excuses.words import reason_words, when_words
from server.people.service import get_person, state_of, view_person
from server.people.tables import Person
from server.person_page.asked import DayAsked, DaysWantedDep
from server.person_page.cells import CalendarCells
from server.person_page.days import months_of
from server.person_page.service import (
    PersonAttendance,
    Reader,
    absences_between,
    attendance_of,
    holidays_between,
)
from server.person_page.words import LineWords, lesson_words
from server.reports.chart import week_chart
from server.web.dates import day_words
from server.web.pages import render, request_translator
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)
_OFFICE = (Role.ADMIN, Role.OFFICE)
#: Of the lists of late lessons and absences.
_MOST = 10


@router.get("/people/{person_id}/attendance")
def attendance_page(
    request: Request,
    person_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    wanted: DaysWantedDep,
    day: DayAsked = None,
) -> Response:
    """Show a person's attendance, and record in the audit trail who viewed it."""
    reader = Reader(principal, now(), get_settings(request).zone)
    person = get_person(db, person_id)
    found = attendance_of(db, person_id, wanted, reader)
    words = LineWords(codes_of(db), request_translator(request))
    chosen = found.chosen
    holidays = holidays_between(db, chosen.first, chosen.last)
    picked = found.days.get(day) if day else None
    context = {
        "person": person,
        "found": found,
        "chosen": chosen,
        "months": months_of(found.days, chosen.first, chosen.last, holidays),
        "holidays": dict.fromkeys(holidays.values()),
        "query": chosen.query,
        "cells": CalendarCells(
            words, chosen.query, today=reader.today, picked=picked.date if picked else None
        ),
        "legend": words.legend(found.lines),
        "picked": picked,
        "picked_lines": lesson_words(picked.lines, words) if picked else (),
        "week": [
            (date, lesson_words(lines, words))
            for date, lines in groupby(found.week, key=lambda line: line.day)
        ],
        "late": found.late[:_MOST],
        "chart": week_chart(
            found.tally, is_mirrored=request_translator(request).direction == "rtl"
        ),
    }
    context |= _absences(request, db, person, found, principal) | _state(db, person, reader)
    view_person(db, person_id, actor=principal.actor)  # it locks the audit trail: last
    return render(request, "person_page/attendance.html", context)


def _absences(
    request: Request,
    db: Session,
    person: Person,
    found: PersonAttendance,
    principal: Principal,
) -> dict[str, Any]:
    """Return the absences that were reported; why is for the office alone."""
    t, chosen = request_translator(request), found.chosen
    sees_reasons = principal.role in _OFFICE
    rows = [] if person.erased_at else absences_between(db, person.id, chosen, limit=_MOST + 1)
    return {
        "is_office": sees_reasons,
        "absences": [
            (
                one,
                when_words(t, one, lambda day: day_words(day, t, this_year=found.as_of.year)),
                reason_words(t, one) if sees_reasons else "",
            )
            for one in rows[:_MOST]
        ],
        "has_more_absences": len(rows) > _MOST,
    }


def _state(db: Session, person: Person, reader: Reader) -> dict[str, Any]:
    """Return consent and enrolment, for the office."""
    if person.erased_at or reader.principal.role not in _OFFICE:
        return {"consent": None, "cover": None}
    return {
        "consent": state_of(db, person.id, reader.today),
        "cover": coverage_of(db, [person.id])[person.id],
    }
