"""Whatever an import writes, its entries in the audit trail say which import it was."""

import pytest
from sqlmodel import col, select

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.imports.samples import bundle_files
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_import_timetable import HEAD, imports, term
from tests.support.importing import ImportDesk
from tests.support.office_desk import OfficeDesk
from tests.support.zips import zip_of

__all__ = ["imports", "term"]
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
FILES: dict[str, str | bytes] = {
    "people": "Student number;First name;Last name\nS7;Grace;Hopper\n",
    "rooms": "Room\nR77\n",
    "courses": "code;title\nCHE-1;Chemistry\n",
    "rosters": "course;number;from;until\nBIO-9;S1;;\n",
    "groups": "group;number;from;until\n9a;S2;;\n",
    "timetable": HEAD + "BIO-9;Monday;8:00;8:45;R12;;\n",
    "oneroster": zip_of(bundle_files()),
}


@ON_SQLITE
@pytest.mark.parametrize("kind", FILES)
def test_entries_of_an_import_name_it(
    desk: OfficeDesk, imports: ImportDesk, database: Database, term: str, kind: str
) -> None:
    done = imports.bring_in(kind, FILES[kind])
    written = _between(database, done["id"])
    assert written
    assert {one.details.get("import") for one in written} == {done["id"]}
    desk.post("/rooms", name="R99")
    with database.reading() as db:
        newest = db.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    assert newest is not None
    assert "import" not in newest.details


@ON_SQLITE
def test_the_trail_shows_the_name_of_the_file(imports: ImportDesk, sign_in: SignIn) -> None:
    imports.bring_in("rooms", FILES["rooms"])
    page = sign_in(Role.ADMIN).get("/audit?action=room.create").text
    assert "Written by the import" in page
    assert page.count("<bdi>file.csv</bdi>") == 1


def _between(database: Database, import_id: str) -> list[AuditEntry]:
    """Return the entries between the start and the end of an import."""
    with database.reading() as db:
        about = AuditEntry.subject == f"import:{import_id}"
        ends = db.exec(
            select(AuditEntry.seq).where(
                about, col(AuditEntry.action).in_(["import.start", "import.finish"])
            )
        ).all()
        between = col(AuditEntry.seq) > min(ends), col(AuditEntry.seq) < max(ends)
        return list(db.exec(select(AuditEntry).where(*between)))
