"""A new broker knows the claimed kiosks of the database from its start, without a server."""

import shutil
from pathlib import Path

import pytest

from server.config import Settings
from server.db.engine import Database
from server.db.vault import open_vault
from server.kiosks.claiming import BROKER_PURPOSE
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk, KioskState
from server.mqtt import filling
from server.mqtt.security import SecurityDocument
from server.timetable.service import create_room
from tests.contract.broker.conftest import PASSWORD, running_broker


@pytest.fixture
def school(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    """A server's data folder; the folder of a broker that never ran."""
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, settings.data_dir / "rollcall.sqlite3")
    return settings


def kiosk(settings: Settings, name: str, state: KioskState = KioskState.CLAIMED) -> str:
    """Add a kiosk with a sealed password; returns its id."""
    database, vault = Database(settings.sqlalchemy_url), open_vault(settings)
    with database.transaction() as db:
        room = create_room(db, name, actor="system")
        made = create_kiosk(db, name=name, room_id=room.id, actor="system")
        row = db.get_one(Kiosk, made.id)
        sealed = vault.seal(PASSWORD.encode(), purpose=BROKER_PURPOSE, context=made.wire_id)
        row.broker_password_key_id, row.broker_password = sealed.key_id, sealed.data
        row.state, row.generation = state, 3
        db.add(row)
    database.close()
    return made.wire_id


def test_claimed_kiosk_signs_in_to_a_broker_that_no_server_has_met(
    broker_kind: str, school: Settings, tmp_path: Path
) -> None:
    claimed, revoked = kiosk(school, "A"), kiosk(school, "B", KioskState.REVOKED)
    with running_broker(broker_kind, tmp_path) as broker:
        assert broker.client(claimed).connect()
        assert not broker.client(revoked).connect()
        assert not broker.client(claimed, client_id=revoked).connect()
        with broker.accounts() as accounts:
            assert accounts.generations() == {claimed: "3"}


def test_only_what_the_broker_lacks_is_put_in(school: Settings) -> None:
    kept, lacking = kiosk(school, "A"), kiosk(school, "B")
    document = SecurityDocument()
    document.put_kiosk(kept, "its present password", "3")
    before = dict(document.clients[kept])

    assert filling.fill(document, school) == 1
    assert document.clients[kept] == before
    assert document.admits(lacking, PASSWORD, lacking)


@pytest.mark.parametrize("missing", ["database", "keys", "schema"])
def test_broker_starts_where_nothing_can_be_read(school: Settings, missing: str) -> None:
    kiosk(school, "A")
    database = school.data_dir / "rollcall.sqlite3"
    if missing == "keys":
        shutil.rmtree(school.data_dir / "keys")
    else:
        database.unlink()
    if missing == "schema":
        database.touch()
    before = sorted(school.data_dir.rglob("*"))

    assert filling.fill(SecurityDocument(), school) == 0
    assert {one.name for one in school.data_dir.rglob("*")} <= {
        *(one.name for one in before),
        *(f"rollcall.sqlite3-{end}" for end in ("wal", "shm")),
    }
