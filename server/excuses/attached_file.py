"""Check files for absences before the transaction that stores them begins."""

import uuid
from functools import partial
from typing import Annotated, BinaryIO

from fastapi import Depends, File, UploadFile

from server.absences.service import report_of
from server.db.dependencies import DatabaseDep
from server.db.engine import Database
from server.documents.checks import CheckedFile, read_file
from server.web.access import OfficeDep
from server.web.threads import ThreadLane, run_in_lane


def read_attached(database: Database, absence_id: uuid.UUID, file: BinaryIO) -> CheckedFile:
    """Read and check a file for an absence.

    A large PDF takes a while, and with SQLite nobody else can write during a transaction.

    Raises:
        NotFoundError: there is no such absence.
        TooLargeError, UnsupportedMediaError: see `check_file`.
    """
    with database.reading() as db:
        report_of(db, absence_id)
    return read_file(file)


async def _checked_file(
    absence_id: uuid.UUID,
    file: Annotated[UploadFile, File(description="PDF, JPEG or PNG")],
    _: OfficeDep,
    database: DatabaseDep,
) -> CheckedFile:
    work = partial(read_attached, database, absence_id, file.file)
    return await run_in_lane(ThreadLane.READERS, work)


#: The file of a request, for endpoints whose transaction begins after it was checked.
CheckedAbsenceFileDep = Annotated[CheckedFile, Depends(_checked_file)]
