"""What the first page says about the server's disk."""

from fastapi import Request
from sqlmodel import Session

from server.web.disk import DiskState, disk_of
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.state import get_services
from server.web.today_content import TodayContent, TodaySource, Trouble

_TECHNICAL = {Role.ADMIN, Role.TECHNICIAN, Role.OFFICE}


def with_disk(source: TodaySource) -> TodaySource:
    """Put what is wrong with the disk on top of the first page.

    A full disk concerns everybody who wants to save something, a filling one those who run it.
    """

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        services = get_services(request)
        disk = disk_of(services.database, services.settings)
        sentence = disk.sentence(request_translator(request))
        is_full = disk.state is DiskState.FULL
        if sentence is None or not (is_full or principal.role in _TECHNICAL):
            return found
        trouble = Trouble(path="/health", text=sentence, tone="bad" if is_full else "warn")
        return TodayContent(found.lessons, [trouble, *found.troubles])

    return content
