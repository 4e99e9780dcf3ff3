"""What pages show of files with lines: those of a line, and those of students without one."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from server.accounts.names import actor_names
from server.attendance.service import Register
from server.db.types import now
from server.line_files import service as line_files
from server.line_files.service import LineFileRow
from server.people.tables import Person
from server.web.principal import Principal


def files_context(db: Session, register: Register, files: Sequence[LineFileRow]) -> dict[str, Any]:
    """Return the files of a line as the page lists them: who may open them is said there."""
    adders = actor_names(db, (f"account:{one.added_by}" for one in files))
    ends_at = register.view.lesson.ends_at

    def added_by(file: LineFileRow) -> str:
        return adders[f"account:{file.added_by}"]

    return {
        "files": files,
        "added_by": added_by,
        "may_open": line_files.may_open,
        "may_attach": len(files) < line_files.MOST_FILES,
        "is_too_late": line_files.is_too_late(ends_at, now()),
        "is_without_line": False,
        "files_until": ends_at + line_files.KEPT,
        "file_problem": "",
    }


def people_without_line(db: Session, register: Register, principal: Principal) -> Sequence[Person]:
    """Return who left the roster of a lesson and has files that the account may open.

    The files stay: a roster is often put right again. They are deleted like those of any line.
    """
    listed = {line.person.id for line in register.lines}
    owners = line_files.owners_of(db, register.view.lesson.id, principal) - listed
    if not owners:
        return []
    which = select(Person).where(col(Person.id).in_(owners))
    return db.exec(which.order_by(col(Person.sort_key), col(Person.id))).all()


def alone_context(
    db: Session, register: Register, person_id: uuid.UUID, principal: Principal
) -> dict[str, Any] | None:
    """Return what a page shows of such a student: the files alone. None where there are none."""
    people = people_without_line(db, register, principal)
    person = next((one for one in people if one.id == person_id), None)
    if person is None:
        return None
    line = line_files.LineAddress(register.view.lesson.id, person_id)
    files = [one for one in line_files.files_of(db, line) if line_files.may_open(one, principal)]
    shown = {"register": register, "line": {"person": person}, "is_without_line": True}
    return files_context(db, register, files) | shown
