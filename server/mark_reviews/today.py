"""Ask on the first page for a look at marks that were made of moved photos."""

from fastapi import Request
from sqlmodel import Session

from server.mark_reviews.marks import open_moves
from server.people.service import people_by_id
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.today_content import TodayContent, TodaySource, Trouble

_ASKED = {Role.ADMIN, Role.OFFICE}


def with_moved_marks(source: TodaySource) -> TodaySource:
    """Add moves with marks to review to what needs attention."""

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        waiting = open_moves(db) if principal.role in _ASKED else []
        if not waiting:
            return found
        t = request_translator(request)
        names = people_by_id(db, [one.move.from_id for one in waiting])
        troubles = [
            Trouble(
                path=f"/moves/{one.move.id}",
                text=t(
                    "marks.today_one" if one.marks == 1 else "marks.today",
                    name=names[one.move.from_id].display_name,
                    count=one.marks,
                ),
                tone="warn",
            )
            for one in waiting
        ]
        return TodayContent(found.lessons, [*found.troubles, *troubles])

    return content
