"""No name lies in the clear on a kiosk, and nothing of the school is left after a revocation."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kiosk.app.device import Device
from kiosk.app.private_files import PrivateFiles
from kiosk.config import CONFIG_VARIABLE
from kiosk.domain.identity import IdentityFault
from kiosk.domain.keeping import KeyKeeping, KeyPlace
from kiosk.errors import DiskFullError, StorageError
from kiosk.storage import identity as identity_module
from kiosk.storage import storage_key
from kiosk.storage.identity import IdentityStore
from kiosk.storage.storage_key import StorageKey, is_sealed
from protocol.v1 import sealing
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import DATA_KEY, DEVICE_TOKEN, upsert
from tests.support.traces import traces
from tests.unit.kiosk.app import data_folder
from tests.unit.kiosk.app.data_folder import Start, settings_for

PEOPLE = 60
NAMES = ("Zażółć Gęślą", "نورة الهاشمي", "Given2 Family2")
ENCRYPTED = ("identity/signing.key", "identity/sealing.key", "identity/claim.json", "config.json")


@pytest.fixture(scope="module")
def school() -> SchoolServer:
    """A school with names of several scripts, and a gallery of several pages of SQLite."""
    school = data_folder.school_with_a_running_lesson()
    school.upserts = [upsert(number) for number in range(1, PEOPLE + 1)]
    renamed = dict(zip(("p1", "p3"), NAMES, strict=False))
    school.config = school.config.model_copy(
        update={
            "people": tuple(
                person.model_copy(
                    update={"display_name": renamed.get(person.id, person.display_name)}
                )
                for person in school.config.people
            )
        }
    )
    return school


@pytest.fixture(scope="module")
def url(school: SchoolServer) -> Iterator[str]:
    with serving(school) as url:
        yield url


@pytest.fixture(scope="module")
def template(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(CONFIG_VARIABLE, raising=False)
        return data_folder.claimed_folder(tmp_path_factory.mktemp("kiosk") / "data", url)


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return data_folder.copied(template, tmp_path / "data")


def secrets_of(school: SchoolServer, folder: Path) -> list[str | bytes]:
    """What must not be left: names, templates sealed and open, token, and the keys to them."""
    kept = IdentityStore(folder / "identity").kept()
    assert kept.keys is not None
    private = sealing.sealing_private_bytes(kept.keys.sealing)
    open_template = sealing.pack_values([0.5] * 128)
    sealed: list[str | bytes] = [entry.sealed for entry in school.upserts]
    return [*NAMES, *sealed, open_template, DEVICE_TOKEN, DATA_KEY, private]


def revoke(device: Device, files: PrivateFiles) -> None:
    """Do what the kiosk does when its server signs that the claim ended."""
    device.wipe()
    files.identity.forget_claim()
    files.erase_if_revoked()


def in_the_clear(folder: Path) -> Path:
    """Turn the folder into what an earlier version wrote."""
    key = StorageKey(folder / "identity")
    for name in ENCRYPTED:
        path = folder / name
        path.write_bytes(key.decrypt(path.name, path.read_bytes()))
    (folder / "identity" / "storage.key").unlink()
    return folder


def test_running_kiosk_has_no_name_and_no_token_in_the_clear(folder: Path, url: str) -> None:
    found: list[tuple[str, str]] = []

    def act(device: Device) -> None:
        assert device.downloader.download()
        found.extend(traces(folder, [*NAMES, DEVICE_TOKEN, DATA_KEY]))

    Start(folder, url).run(act)
    assert found == []
    assert traces(folder, [*NAMES, DEVICE_TOKEN, DATA_KEY]) == []


def test_names_of_an_earlier_version_are_found_by_this_search(folder: Path) -> None:
    found = {secret for _, secret in traces(in_the_clear(folder), [*NAMES, DEVICE_TOKEN])}

    assert found == {repr(secret) for secret in (*NAMES, DEVICE_TOKEN)}


def test_revocation_leaves_nothing_of_the_school(
    folder: Path, url: str, school: SchoolServer
) -> None:
    secrets = secrets_of(school, folder)
    held = len(traces(folder, [entry.sealed for entry in school.upserts]))
    (folder / "identity" / "claim.json.damaged-20261101T080000Z").write_text(DEVICE_TOKEN)
    (folder / "identity" / "sealing.key.damaged-20261101T080000Z").write_text(NAMES[0])
    (folder / "config.json.new").write_text(NAMES[1])
    key_before = (folder / "identity" / "storage.key").read_bytes()
    start = Start(folder, url)
    start.run(lambda device: revoke(device, start.startup.files))

    assert held >= PEOPLE
    assert traces(folder, secrets) == []
    assert not (folder / "config.json").exists()
    assert (folder / "identity" / "storage.key").read_bytes() != key_before
    visit = Start(folder, url).run()
    assert visit.fault is IdentityFault.REVOKED


def test_records_survive_a_revocation_and_are_delivered_after_the_next_claim(
    folder: Path, url: str, school: SchoolServer
) -> None:
    school.events.clear()
    school.signing_key = data_folder.key_text(folder)
    start = Start(folder, url)
    start.run(lambda device: revoke(device, start.startup.files))

    visit = Start(folder, url, code=CLAIM_CODE).run()

    assert visit.is_welcome
    assert data_folder.event_ids(school) == {"p1", "p2"}


@pytest.mark.parametrize("name", ["gallery.db", "scans.db", "config.json", "identity/sealing.key"])
def test_revocation_that_was_cut_short_goes_on_at_the_next_start(
    folder: Path, url: str, school: SchoolServer, name: str
) -> None:
    """The claim is gone, everything else is still there, and one file is damaged."""
    secrets = secrets_of(school, folder)
    IdentityStore(folder / "identity").forget_claim()
    (folder / name).write_bytes(b"damaged")
    Start(folder, url).run()

    assert traces(folder, secrets) == []


@pytest.mark.parametrize("crash_at", range(1, 4))
def test_credentials_are_deleted_only_after_the_note_that_more_is_due(
    folder: Path, url: str, school: SchoolServer, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    """The power goes before one step; the server repeats a revocation that left the claim."""
    secrets, count = secrets_of(school, folder), 0

    def crashing(step: Callable[..., None]) -> Callable[..., None]:
        def taken(*given: object) -> None:
            nonlocal count
            count += 1
            if count == crash_at:
                raise StorageError("power cut")
            step(*given)

        return taken

    for name in ("write_private", "clear_place"):
        step = getattr(identity_module, name)
        monkeypatch.setattr(identity_module, name, crashing(step))
    with pytest.raises(StorageError):
        IdentityStore(folder / "identity").forget_claim()
    monkeypatch.undo()
    if (folder / "identity" / "claim.json").exists():
        IdentityStore(folder / "identity").forget_claim()
    PrivateFiles(settings_for(folder, url)).prepare()

    assert traces(folder, secrets) == []


def test_kiosk_that_an_earlier_version_revoked_is_emptied(folder: Path, url: str) -> None:
    in_the_clear(folder)
    (folder / "identity" / "claim.json").unlink()
    (folder / "identity" / "revoked.json").write_text('{"revoked_at": "2026-11-01T08:00:00"}')
    Start(folder, url).run()

    assert traces(folder, NAMES) == []
    assert not (folder / "config.json").exists()


def test_new_claim_in_progress_keeps_its_keys_at_a_start(folder: Path, url: str) -> None:
    start = Start(folder, url)
    start.run(lambda device: revoke(device, start.startup.files))
    store = IdentityStore(folder / "identity")
    made = sealing.sealing_private_bytes(store.keys().sealing)

    Start(folder, url).run()

    assert sealing.sealing_private_bytes(store.keys().sealing) == made


@pytest.mark.parametrize("crash_at", range(1, 6))
def test_files_of_an_earlier_version_are_encrypted_at_start_whatever_happens(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    key_text = data_folder.key_text(folder)
    in_the_clear(folder)
    replace, count = Path.replace, 0

    def crashing(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == crash_at:
            raise KeyboardInterrupt  # a power cut before this file is in its place
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", crashing)
    with suppress(KeyboardInterrupt):
        PrivateFiles(settings_for(folder, url)).prepare()
    monkeypatch.undo()

    assert data_folder.key_text(folder) == key_text
    visit = Start(folder, url).run()
    assert visit.is_welcome
    assert data_folder.key_text(folder) == key_text
    assert all(is_sealed((folder / name).read_bytes()) for name in ENCRYPTED)
    assert traces(folder, [*NAMES, DEVICE_TOKEN]) == []
    assert not list(folder.rglob("*.new"))


def test_disk_that_refuses_the_encrypted_files_keeps_the_kiosk_working(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_clear(folder)

    def refusing(path: Path, _content: bytes) -> None:
        raise DiskFullError(f"{path.name}: the disk is full")

    monkeypatch.setattr(storage_key, "write_private", refusing)
    visit = Start(folder, url).run()

    assert visit.health.key == KeyKeeping()
    assert visit.is_welcome


def test_server_and_status_say_where_the_key_is(folder: Path, url: str) -> None:
    said = data_folder.said_by_status(folder, url)
    visit = Start(folder, url).run()

    assert "a stolen disk can be read" in said
    assert visit.report is not None
    assert visit.report.parts["key"].detail == KeyPlace.FILE
