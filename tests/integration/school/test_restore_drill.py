"""The restore drill: back up, lose everything, restore on a new machine, and no mark is missing."""

import argparse
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from protocol.v1.messages import GalleryPage
from server.attendance.register import AttendanceStatus
from server.audit.service import verify
from server.backup.commands import (
    add_backup_arguments,
    add_restore_arguments,
    add_verify_arguments,
    backup_command,
    restore_command,
    verify_command,
)
from server.backup.restore import is_unused
from server.backup_history.service import standing
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import open_vault
from server.enrollment.gallery import open_template
from server.enrollment.tables import Template
from server.kiosks import gallery
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def run(command: str, settings: Settings, *words: object) -> int:
    add, work = {
        "backup": (add_backup_arguments, backup_command),
        "verify": (add_verify_arguments, verify_command),
        "restore": (add_restore_arguments, restore_command),
    }[command]
    parser = argparse.ArgumentParser()
    add(parser)
    return work(settings, parser.parse_args([str(word) for word in words]))


@pytest.fixture
def old_machine(school: School, tmp_path: Path) -> Settings:
    """Settings with a recovery key and a folder for backups."""
    url = school.database.engine.url.render_as_string(hide_password=False)
    settings = school.settings.model_copy(
        update={
            "data_dir": tmp_path / "old",
            "database_url": SecretStr(url),
            "backup_folder": tmp_path / "nas",
            "backup_key_file": tmp_path / "safe.key",
        }
    )
    (tmp_path / "old").mkdir()
    (tmp_path / "keys").rename(tmp_path / "old" / "keys")
    assert run("backup", settings, "--new-key", tmp_path / "safe.key") == 0
    return settings


@pytest.fixture
def new_machine(
    request: pytest.FixtureRequest, school: School, old_machine: Settings, tmp_path: Path
) -> Settings:
    """The same on a machine that has nothing but the backups and the recovery key."""
    url = f"sqlite:///{tmp_path / 'new' / 'rollcall.sqlite3'}"
    if not school.database.is_sqlite:
        url = request.getfixturevalue("postgres_url")
    changed = {"data_dir": tmp_path / "new", "database_url": SecretStr(url)}
    return old_machine.model_copy(update=changed)


def gallery_page(school: School, kiosk_id: str, since: int) -> GalleryPage:
    with school.database.transaction() as db:
        kiosk = next(one for one in db.exec(select(Kiosk)) if one.wire_id == kiosk_id)
        state = school_state(db, school.vault, school.settings.zone, now())
        gallery.refresh(db, kiosk, state, at=now())
        return gallery.page(db, school.vault, kiosk, since=since, limit=100)


def test_marks_that_the_backup_lacks_come_back_once(
    school: School, old_machine: Settings, new_machine: Settings, tmp_path: Path
) -> None:
    people = [school.person() for _ in range(4)]
    for person in people[:2]:
        school.enrol(person)
    device, at = school.kiosk(), school.starts_at
    events = [device.event(at, person_id=person) for person in people[:3]]
    school.send(device, events[0])
    assert run("backup", old_machine) == 0
    late = school.enrol(people[2])
    known = gallery_page(school, device.kiosk_id, 0).next
    afterwards = school.ends_at + timedelta(hours=1)
    school.send(device, *events[1:], synced_through=afterwards, at=afterwards)
    with school.database.reading() as db:
        assert standing(db).problem is None

    school.database.close()
    backup = next((tmp_path / "nas").glob("*.backup"))
    keys = next((tmp_path / "nas" / "keys").glob("*.keys"))
    assert run("verify", new_machine, backup) == 1, "the data keys are not there yet"
    assert run("verify", new_machine, backup, "--keys", keys) == 0
    assert is_unused(new_machine.sqlalchemy_url)
    assert run("restore", new_machine, backup, "--keys", keys) == 0
    assert not is_unused(new_machine.sqlalchemy_url)

    database = Database(new_machine.sqlalchemy_url)
    restored = replace(
        school, database=database, settings=new_machine, vault=open_vault(new_machine)
    )
    ack = restored.send(device, synced_through=afterwards, at=afterwards)
    assert (ack.stored_through, ack.stored_beyond) == (1, ())
    assert restored.mark(people[2], afterwards).status == AttendanceStatus.PENDING
    for _ in range(2):
        ack = restored.send(device, *events, synced_through=afterwards, at=afterwards)
    assert (ack.stored_through, ack.refused) == (3, ())
    assert len(restored.stored(device)) == 3
    statuses = [restored.mark(person, afterwards).status for person in people]
    assert statuses == [AttendanceStatus.PRESENT] * 3 + [AttendanceStatus.NOT_SEEN]
    with database.reading() as db:
        assert verify(db).broken_at is None
        templates = db.exec(select(Template)).all()
        assert all(open_template(restored.vault, one) for one in templates)
    for _ in range(2):  # numbers of after the restore pass those that the kiosk knows
        restored.enrol(people[3])
    page = gallery_page(restored, device.kiosk_id, known)
    assert page.reset
    assert str(late) not in {one.template_id for one in page.upserts}
    database.close()
