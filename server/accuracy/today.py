"""Ask on the first page for decisions about limits."""

from fastapi import Request
from sqlmodel import Session

from server.limits import service as limits
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.today_content import TodayContent, TodaySource, Trouble


def with_questions(source: TodaySource) -> TodaySource:
    """Add what an admin has to decide to the content of the first page."""

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        if principal.role is not Role.ADMIN or not limits.has_questions(db):
            return found
        text = request_translator(request)("accuracy.question.today")
        asked = Trouble(path="/accuracy#question", text=text, tone="warn")
        return TodayContent(found.lessons, [*found.troubles, asked])

    return content
