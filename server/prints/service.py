"""Keep printed registers sealed, open them, and forget them."""

import uuid
from collections.abc import Iterator, Mapping

from sqlmodel import Session, col, delete, func, select

from server.db.engine import Database
from server.db.vault import Sealed, Vault
from server.errors import NotFoundError
from server.people.tables import Person
from server.prints.tables import PreparedPrint

PURPOSE = "print"


def store_print(
    db: Session,
    vault: Vault,
    content: bytes,
    *,
    report_id: uuid.UUID,
    course_id: uuid.UUID,
    name: str,
) -> int:
    """Keep the registers of one course, after those that are there; returns how many there are."""
    # Not how many there are: an erasure may have deleted some and left later ones.
    newest = select(func.max(PreparedPrint.number)).where(PreparedPrint.report_id == report_id)
    number = (db.exec(newest).one() or 0) + 1
    sealed = vault.seal(content, purpose=PURPOSE, context=context_of(report_id, number))
    db.add(
        PreparedPrint(
            report_id=report_id,
            number=number,
            course_id=course_id,
            name=f"{number:02} {name}",
            key_id=sealed.key_id,
            data=sealed.data,
        )
    )
    db.flush()
    return len(printed_courses(db, report_id))


def printed_courses(db: Session, report_id: uuid.UUID) -> list[uuid.UUID]:
    """Return which courses of a report are printed, in the order in which they were."""
    query = select(PreparedPrint.course_id).where(PreparedPrint.report_id == report_id)
    return list(db.exec(query.order_by(col(PreparedPrint.number))))


def opened_prints(
    database: Database, vault: Vault, report_id: uuid.UUID
) -> Iterator[tuple[str, bytes]]:
    """Return names and contents of a report's files; each is read when it is asked for.

    Raises:
        NotFoundError: one was deleted meanwhile. A download that has begun breaks off then, as a
            file that ends there would look complete.
    """
    numbers = select(PreparedPrint.number).where(PreparedPrint.report_id == report_id)
    with database.reading() as db:
        printed = db.exec(numbers.order_by(col(PreparedPrint.number))).all()
    for number in printed:
        with database.reading() as db:
            row = db.get(PreparedPrint, (report_id, number))
        if row is None:
            raise NotFoundError(
                "The registers of this report are not there. Prepare it again.",
                problem="no_prints",
            )
        sealed = Sealed(row.key_id, row.data)
        yield row.name, vault.open(sealed, purpose=PURPOSE, context=context_of(report_id, number))


def are_named_so(db: Session, names: Mapping[uuid.UUID, str]) -> bool:
    """Whether these people still have these names; none of them changes until the transaction ends.

    An erasure locks its person too, and deletes every print afterwards. So a print that was made
    while a person was being erased is not kept, or is deleted.
    """
    people = select(Person.id, Person.display_name).where(col(Person.id).in_(names))
    rows = db.exec(people.order_by(col(Person.id)).with_for_update(read=True))
    return dict(rows.all()) == dict(names)


def forget_prints(db: Session, report_id: uuid.UUID) -> None:
    """Delete those of a report."""
    db.exec(delete(PreparedPrint).where(col(PreparedPrint.report_id) == report_id))


def forget_every_print(db: Session) -> None:
    """Delete all, because one of them may name a person who is erased; they are made again soon."""
    db.exec(delete(PreparedPrint))


def context_of(report_id: uuid.UUID, number: int) -> str:
    """Return what the content of a print is bound to."""
    return f"{report_id}:{number}"
