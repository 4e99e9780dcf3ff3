"""Whose credentials a page shows: people's names and numbers, and those of staff."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session, col, select

from protocol.v1.checkin import HolderKind
from server.accounts.service import get_account
from server.accounts.tables import Account
from server.credentials.eligible import may_hold
from server.credentials.service import HolderRef
from server.errors import ForbiddenError, NotFoundError
from server.people.service import get_person, people_by_id
from server.timetable.roster import roster_people
from server.web.principal import Principal, Role


@dataclass(frozen=True)
class NamedHolder:
    """Who has credentials.

    Attributes:
        ref: kind and id.
        name: as pages and cards show it.
        number: of a student; the user name of staff.
    """

    ref: HolderRef
    name: str
    number: str

    @property
    def page(self) -> str:
        """The page of the person or account, to which the credentials belong."""
        area = "people" if self.ref.kind is HolderKind.PERSON else "users"
        return f"/{area}/{self.ref.id}"

    @property
    def base(self) -> str:
        """The page of the credentials; what is done to them is below it."""
        return f"/credentials/{self.ref.kind}/{self.ref.id}"


def named_holder(db: Session, ref: HolderRef) -> NamedHolder:
    """Return whose credentials they are.

    Raises:
        NotFoundError: no such person or account, the person was erased, or the account may have
            no credentials.
    """
    if ref.kind is HolderKind.STAFF:
        account = get_account(db, ref.id)
        if not may_hold(account):
            raise NotFoundError("This account may have none.", problem="account_unfit")
        return NamedHolder(ref, account.display_name, account.username)
    person = get_person(db, ref.id)
    if person.erased_at is not None:
        raise NotFoundError
    return NamedHolder(ref, person.display_name, person.student_number)


async def _ref(kind: HolderKind, holder_id: uuid.UUID) -> HolderRef:
    return HolderRef(kind, holder_id)


#: The places `{kind}` and `{holder_id}` of an address. It does not wait, so it needs no thread.
HolderPath = Annotated[HolderRef, Depends(_ref)]


def holder_for(db: Session, principal: Principal, ref: HolderRef) -> NamedHolder:
    """Return whose credentials an account wants to see; those of staff are for admins alone.

    Raises:
        ForbiddenError: the office asked for those of staff.
        NotFoundError: as of `named_holder`.
    """
    if ref.kind is HolderKind.STAFF and principal.role is not Role.ADMIN:
        raise ForbiddenError
    return named_holder(db, ref)


def people_of(db: Session, person_ids: Sequence[uuid.UUID]) -> list[NamedHolder]:
    """Return these people in this order; erased and unknown ones are left out."""
    found = people_by_id(db, person_ids)
    return [
        NamedHolder(HolderRef(HolderKind.PERSON, key), one.display_name, one.student_number)
        for key in dict.fromkeys(person_ids)
        if (one := found.get(key)) is not None and one.erased_at is None
    ]


def staff_of(db: Session, principal: Principal, refs: Sequence[HolderRef]) -> list[NamedHolder]:
    """Return these accounts in this order for an admin; nobody else sees PINs of staff."""
    if principal.role is not Role.ADMIN:
        return []
    query = select(Account).where(col(Account.id).in_([ref.id for ref in refs]))
    found = {account.id: account for account in db.exec(query)}
    return [
        NamedHolder(ref, account.display_name, account.username)
        for ref in refs
        if (account := found.get(ref.id)) is not None and may_hold(account)
    ]


def people_in_course(db: Session, course_id: uuid.UUID, *, on: date) -> list[NamedHolder]:
    """Return who is listed in a course on a date, by name."""
    listed = roster_people(db, course_id, on=on)
    return people_of(db, [person.id for _entry, person in listed])
