"""What the first page says about backups."""

from collections.abc import Callable

from fastapi import Request
from sqlmodel import Session

from server.backup_history.words import BackupView, backup_sentence
from server.db.types import now
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.state import get_services
from server.web.today_content import TodayContent, TodaySource, Trouble

_TECHNICAL = {Role.ADMIN, Role.TECHNICIAN}


def with_backups(source: TodaySource, view: Callable[[], BackupView | None]) -> TodaySource:
    """Put what is wrong with the backups on the first page of those who run the server."""

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        known = view()
        if known is None or principal.role not in _TECHNICAL:
            return found
        zone = get_services(request).settings.zone
        sentence = backup_sentence(known, request_translator(request), zone, now())
        if sentence is None:
            return found
        tone = "bad" if known.is_set_up else "warn"
        return TodayContent(found.lessons, [Trouble("/health", sentence, tone), *found.troubles])

    return content
