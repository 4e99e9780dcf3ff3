"""Check files for lines of registers before the transaction that stores them begins."""

import uuid
from functools import partial
from typing import Annotated, BinaryIO

from fastapi import Depends, File, UploadFile

from server.attendance.access import RegisterDep, refuse_foreign_course
from server.config import Settings
from server.db.dependencies import DatabaseDep
from server.db.engine import Database
from server.documents.checks import CheckedFile, read_file
from server.web.principal import Principal
from server.web.state import SettingsDep
from server.web.threads import ThreadLane, run_in_lane

AttachedFile = Annotated[UploadFile, File(description="PDF, JPEG or PNG")]


def read_attached(
    database: Database,
    lesson_id: uuid.UUID,
    file: BinaryIO,
    principal: Principal,
    settings: Settings,
) -> CheckedFile:
    """Read and check a file of a lesson that the account may see.

    A large PDF takes a while, and with SQLite nobody else can write during a transaction.

    Raises:
        NotFoundError: there is no such lesson.
        ForeignCourseError: the account may not see it.
        TooLargeError, UnsupportedMediaError: see `check_file`.
    """
    with database.reading() as db:
        refuse_foreign_course(db, lesson_id, principal, settings)
    return read_file(file)


async def _checked_file(
    lesson_id: uuid.UUID,
    file: AttachedFile,
    principal: RegisterDep,
    database: DatabaseDep,
    settings: SettingsDep,
) -> CheckedFile:
    work = partial(read_attached, database, lesson_id, file.file, principal, settings)
    return await run_in_lane(ThreadLane.READERS, work)


#: The file of a request, for endpoints whose transaction begins after it was checked.
CheckedFileDep = Annotated[CheckedFile, Depends(_checked_file)]
