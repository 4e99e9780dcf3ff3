"""The server makes backups at night, tries again after failures, and says so on Today."""

import fcntl
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from server.backup.recovery_key import make_key
from server.backup.schedule import RETRY_AFTER, BackupSchedule
from server.backup_history.service import standing
from server.backup_history.words import BackupView
from server.config import Settings
from server.db.types import now
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import METRICS_TOKEN, SignIn

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[BackupView | None]:
    """What the running application knows about its backups: the last entry."""
    views: list[BackupView | None] = [None]
    monkeypatch.setattr("server.backup.schedule.BackupSchedule.view", lambda _self: views[-1])
    return views


@pytest.fixture
def schedule(app: FastAPI, settings: Settings, tmp_path: Path) -> BackupSchedule:
    make_key(tmp_path / "key")
    changed = {"backup_folder": tmp_path / "nas", "backup_key_file": tmp_path / "key"}
    services = services_of(app)
    return BackupSchedule(services.database, services.vault, settings.model_copy(update=changed))


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.glob("*") if one.suffix in (".backup", ".keys"))


def test_one_backup_a_night_and_another_attempt_after_a_failure(
    schedule: BackupSchedule,
    tmp_path: Path,
    client: TestClient,
    sign_in: SignIn,
    shown: list[BackupView | None],
) -> None:
    at, folder = now(), tmp_path / "nas"
    folder.write_text("a file where the drive should be")
    assert schedule.look(at)
    assert not schedule.look(at + RETRY_AFTER / 2)
    shown.append(schedule._view)
    admin, teacher = sign_in(Role.ADMIN), sign_in(Role.TEACHER)
    sentence = "the server cannot write to the backup folder"
    assert sentence in admin.get("/").text
    assert sentence not in teacher.get("/").text
    metrics = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert "rollcall_backup_failed 1.0" in client.get("/metrics", headers=metrics).text

    folder.unlink()
    assert schedule.look(at + RETRY_AFTER)
    assert not schedule.look(at + RETRY_AFTER + timedelta(minutes=1))
    assert len(names(folder)) == len(names(folder / "keys")) == 1
    assert schedule.look(at + timedelta(days=1, hours=1))
    assert len(names(folder)) == 2
    shown.append(schedule._view)
    assert sentence not in admin.get("/").text
    assert "rollcall_backup_failed 0.0" in client.get("/metrics", headers=metrics).text
    said = client.get("/health").json()["backups"]
    assert said["state"] == "ok"
    assert datetime.fromisoformat(said["last_good_at"]) > at


def test_another_server_that_makes_the_backup_is_left_alone(
    schedule: BackupSchedule, tmp_path: Path
) -> None:
    (tmp_path / "nas").mkdir()
    with (tmp_path / "nas" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not schedule.look(now())
    assert names(tmp_path / "nas") == []
    assert schedule.look(now())


def test_backup_that_needs_missing_keys_is_a_problem_and_deletes_no_older_one(
    schedule: BackupSchedule, tmp_path: Path
) -> None:
    at, folder = now(), tmp_path / "nas"
    schedule._settings = schedule._settings.model_copy(
        update={"backup_keep_daily": 1, "backup_keep_weekly": 0}
    )
    assert schedule.look(at)
    with schedule._database.transaction() as db:
        lost = "INSERT INTO credential_keys (name, key_id, data) VALUES ('x', 'gone', x'00')"
        db.execute(text(lost))
    assert schedule.look(at + timedelta(days=1, hours=1))
    assert len(names(folder)) == len(names(folder / "keys")) == 2
    with schedule._database.reading() as db:
        assert standing(db).problem == "incomplete"


def test_unexpected_failure_is_noted(
    schedule: BackupSchedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("server.backup.schedule.back_up", fail)
    assert schedule.look(now())
    with schedule._database.reading() as db:
        assert standing(db).problem == "failed"
