"""PINs, cards and a link for people of the invented school."""

import uuid

from protocol.v1.checkin import HolderKind
from scripts.invented_school import School
from server.credentials import service
from server.credentials.service import HolderRef
from server.db.engine import Database
from server.db.vault import Vault

_ACTOR = "system"


def add_credentials(database: Database, vault: Vault, school: School) -> None:
    """Give a few people PINs, one of them two cards and a link; some PINs are handed out."""
    with database.transaction() as db:
        for at, person in enumerate(school.people[:6]):
            holder = HolderRef(HolderKind.PERSON, uuid.UUID(str(person)))
            service.issue_pin(db, vault, holder, actor=_ACTOR)
            if at in (1, 2):
                service.show_pin(db, vault, holder, actor=_ACTOR)
        first = HolderRef(HolderKind.PERSON, uuid.UUID(str(school.people[0])))
        service.add_reader_card(db, vault, first, "04A2247B5C6480", actor=_ACTOR)
        service.add_printed_card(db, vault, first, actor=_ACTOR)
        service.make_link(db, first, actor=_ACTOR)
