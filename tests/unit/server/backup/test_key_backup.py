"""Keys and certificates on a new machine, and on one that is in use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.backup.errors import BackupError
from server.backup.key_backup import RestoredKeys, prepared_keys, write_keys
from server.backup.recovery_key import key_of
from server.backup.service import only

KEY = key_of(bytes(32))
AT = datetime(2026, 11, 28, 2, tzinfo=UTC)
AUTHORITY = "certificates/authority-key.pem"


def fill(folder: Path, content: str, *more: str) -> None:
    for name in ("keys/20261128T020000-00000001.key", AUTHORITY, "broker/server-password", *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def put_back(tmp_path: Path, *, is_unused: bool) -> RestoredKeys:
    path = tmp_path / "one.keys"
    with prepared_keys(tmp_path / "new", path, only(KEY), is_unused=is_unused) as keys:
        return keys.finish(AT)


@pytest.fixture(autouse=True)
def old(tmp_path: Path) -> None:
    fill(tmp_path / "old", "old")
    write_keys(tmp_path / "old", tmp_path / "one.keys", KEY)


def test_new_machine_gets_the_authority_that_kiosks_know(tmp_path: Path) -> None:
    fill(tmp_path / "new", "new", "certificates/next-authority-key.pem")
    done = put_back(tmp_path, is_unused=True)
    assert (tmp_path / "new" / AUTHORITY).read_text() == "old"
    assert (tmp_path / "new/broker/server-password").read_text() == "old"
    assert not (tmp_path / "new/certificates/next-authority-key.pem").exists()
    aside = [Path(one) for one in done.put_aside]
    assert [one.name for one in aside] == [
        "certificates.before-restore-20261128T020000Z",
        "broker.before-restore-20261128T020000Z",
    ]
    assert (aside[0] / "authority-key.pem").read_text() == "new"
    assert done.kept == ("keys/20261128T020000-00000001.key",), "data keys are never replaced"
    assert put_back(tmp_path, is_unused=True).put_aside == ()


def test_machine_in_use_with_another_authority_is_left_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path / "new", "new")
    (tmp_path / "new/broker/server-password").unlink()
    with pytest.raises(BackupError, match="another authority"):
        put_back(tmp_path, is_unused=False)
    assert (tmp_path / "new" / AUTHORITY).read_text() == "new"
    assert not (tmp_path / "new/broker/server-password").exists()


def test_authority_that_was_renewed_since_the_backup_stays(tmp_path: Path) -> None:
    fill(tmp_path / "new", "new")
    (tmp_path / "new/certificates/former-authority-key.pem").write_text("old")
    assert AUTHORITY in put_back(tmp_path, is_unused=False).kept
    assert (tmp_path / "new" / AUTHORITY).read_text() == "new"


def test_a_restore_that_fails_leaves_the_certificates_of_this_machine(tmp_path: Path) -> None:
    fill(tmp_path / "new", "new")
    (tmp_path / "new/keys/20261128T020000-00000001.key").unlink()

    class FailedError(Exception):
        """The database could not be restored."""

    context = prepared_keys(tmp_path / "new", tmp_path / "one.keys", only(KEY), is_unused=True)
    with pytest.raises(FailedError), context:
        raise FailedError
    there = {str(one.relative_to(tmp_path / "new")) for one in (tmp_path / "new").rglob("*.*")}
    assert (tmp_path / "new" / AUTHORITY).read_text() == "new"
    assert (tmp_path / "new/broker/server-password").read_text() == "new"
    assert there == {AUTHORITY, "keys/20261128T020000-00000001.key"}, "a data key harms nothing"
    assert put_back(tmp_path, is_unused=True).put_aside != ()
