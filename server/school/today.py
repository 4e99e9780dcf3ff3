"""Show a new school's first steps on Today, until they are done or hidden."""

from dataclasses import replace

from fastapi import Request
from sqlmodel import Session

from server.school.steps import first_steps
from server.web.principal import Principal, Role
from server.web.state import get_settings
from server.web.today_content import TodayContent, TodaySource

_SHOWN_TO = {Role.ADMIN, Role.OFFICE}


def with_first_steps(source: TodaySource) -> TodaySource:
    """Add the steps to the content of the first page.

    Once they are over nobody asks again: what is done is undone by deleting alone.
    """
    over: list[object] = []

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        if over or principal.role not in _SHOWN_TO:
            return found
        steps = first_steps(db, get_settings(request))
        if steps.is_over:
            over.append(steps)
            return found
        return replace(found, steps=steps)

    return content
