"""Files with lines of an invented school's running lesson: a photo of a note, and a PDF."""

import uuid

from scripts.invented_school import School
from server.attendance.service import register_of
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.documents.checks import CheckedFile, DocumentKind
from server.line_files import service as line_files
from server.line_files.service import LineAddress

#: Who left the roster of the lesson, by number in the school.
WITHOUT_LINE = 139
#: What the pages say about them; nobody opens them.
_PHOTO = CheckedFile(DocumentKind.JPEG, bytes(1_840_000))
_LETTER = CheckedFile(DocumentKind.PDF, bytes(96_000))


def add_line_files(database: Database, vault: Vault, school: School, *, account: str) -> None:
    """Add two files to the first line of the running lesson, and one to the third.

    One more is of a student who left the roster, so that their page has the file alone.
    """
    lesson = school.lessons[len(school.lessons) // 2]
    with database.transaction() as db:
        people = [line.person.id for line in register_of(db, lesson, at=now()).lines]
        left = school.people[WITHOUT_LINE]
        assert left not in people
        files = (people[0], _PHOTO), (people[0], _LETTER), (people[2], _PHOTO), (left, _LETTER)
        for person, file in files:
            address = LineAddress(lesson, person)
            line_files.keep(db, vault, address, file, by=uuid.UUID(account), at=now())
