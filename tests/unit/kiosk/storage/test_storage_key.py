"""The key to the kiosk's private files: what it protects, and what happens where it is lost."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from ctypes.util import find_library
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.keeping import KeyKeeping, KeyPlace
from kiosk.errors import CorruptStoreError, KeeperError, LockedStoreError, StorageError
from kiosk.storage.files import write_private
from kiosk.storage.keepers import KEEPERS, FileKeeper, KeyKeeper, SystemdKeeper, places_for
from kiosk.storage.storage_key import StorageKey, is_sealed

SECRET = bytes(range(32))


class Vault:
    """A keeper that can be away; it opens only what it sealed."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there

    def seal(self, secret: bytes) -> bytes:
        self._check()
        return b"vault" + secret[::-1]

    def open(self, sealed: bytes) -> bytes:
        self._check()
        return sealed.removeprefix(b"vault")[::-1]

    def _check(self) -> None:
        if not self.is_there:
            raise KeeperError("away")


def keepers(tpm: KeyKeeper) -> Mapping[KeyPlace, KeyKeeper]:
    return {KeyPlace.TPM2: tpm, KeyPlace.FILE: FileKeeper()}


def key_in(folder: Path, tpm: KeyKeeper) -> StorageKey:
    return StorageKey(folder, (KeyPlace.TPM2, KeyPlace.FILE), keepers(tpm))


@given(content=st.binary(max_size=200), name=st.text(min_size=1, max_size=20))
def test_content_comes_back_and_never_lies_in_the_clear(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    key = StorageKey(tmp_path_factory.mktemp("key"))

    sealed = key.encrypt(name, content)

    assert is_sealed(sealed)
    assert len(content) < 16 or content not in sealed[16:]
    assert key.decrypt(name, sealed) == content
    with pytest.raises(CorruptStoreError):
        key.decrypt(name + "x", sealed)


@given(data=st.data())
def test_damaged_bytes_are_never_taken_for_content(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    key = StorageKey(tmp_path_factory.mktemp("key"))
    sealed = bytearray(key.encrypt("a", b"content"))
    head = len(b"RollcallSealed1\n")
    at = data.draw(st.integers(head, len(sealed) - 1))
    end = data.draw(st.integers(head, len(sealed) - 1))
    flipped = bytes(sealed[:at]) + bytes([sealed[at] ^ 1]) + bytes(sealed[at + 1 :])

    for damaged in (flipped, bytes(sealed[:end])):
        with pytest.raises(CorruptStoreError):
            key.decrypt("a", damaged)


def test_file_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    assert StorageKey(tmp_path).decrypt("claim.json", b'{"v": 1}') == b'{"v": 1}'


def test_keeper_that_refuses_leaves_the_key_in_a_file(tmp_path: Path) -> None:
    key = key_in(tmp_path, Vault(is_there=False))
    sealed = key.encrypt("a", b"content")

    assert key.keeping == KeyKeeping(KeyPlace.FILE)
    assert key_in(tmp_path, Vault(is_there=False)).decrypt("a", sealed) == b"content"


def test_keeper_that_the_settings_ask_for_and_that_refuses_is_named(tmp_path: Path) -> None:
    places = (KeyPlace.TPM2, KeyPlace.FILE)
    key = StorageKey(tmp_path, places, keepers(Vault(is_there=False)), is_asked=True)
    key.keep_best()

    assert key.keeping == KeyKeeping(KeyPlace.FILE, refused=KeyPlace.TPM2)


def test_key_moves_to_a_keeper_that_comes_later_and_leaves_no_copy(tmp_path: Path) -> None:
    sealed = StorageKey(tmp_path).encrypt("a", b"content")
    in_the_clear = (tmp_path / "storage.key").read_bytes()
    key = key_in(tmp_path, Vault())
    key.keep_best()

    assert key.keeping.place is KeyPlace.TPM2
    assert (tmp_path / "storage.key").read_bytes() != in_the_clear
    assert key_in(tmp_path, Vault()).decrypt("a", sealed) == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["storage.key"]


def test_key_never_moves_to_a_lesser_keeper(tmp_path: Path) -> None:
    key_in(tmp_path, Vault()).keep_best()
    before = (tmp_path / "storage.key").read_bytes()

    StorageKey(tmp_path, (KeyPlace.FILE,), keepers(Vault())).keep_best()  # root's command
    assert (tmp_path / "storage.key").read_bytes() == before
    with pytest.raises(LockedStoreError):
        key_in(tmp_path, Vault(is_there=False)).keep_best()

    assert (tmp_path / "storage.key").read_bytes() == before


def test_files_wait_for_a_keeper_that_is_away(tmp_path: Path) -> None:
    sealed = key_in(tmp_path, Vault()).encrypt("a", b"content")
    vault = Vault(is_there=False)
    key = key_in(tmp_path, vault)

    with pytest.raises(LockedStoreError):
        key.decrypt("a", sealed)
    vault.is_there = True
    assert key.decrypt("a", sealed) == b"content"


def test_new_claim_gets_a_new_key_and_the_old_one_is_kept_aside(tmp_path: Path) -> None:
    key_in(tmp_path, Vault()).keep_best()
    key = key_in(tmp_path, Vault(is_there=False))
    key.replace_unusable()

    assert key.decrypt("a", key.encrypt("a", b"new")) == b"new"
    assert len(list(tmp_path.glob("storage.key.damaged-*"))) == 1


@pytest.mark.parametrize("crash_at", [1, 2, 3, 4])
def test_crash_while_the_key_is_renewed_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    key = StorageKey(tmp_path)
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(key.encrypt(path.name, b"content of " + path.name.encode()))
    count = 0

    def crashing(path: Path, content: bytes) -> None:
        nonlocal count
        count += 1
        if count == crash_at:
            raise StorageError("power cut")
        write_private(path, content)

    monkeypatch.setattr("kiosk.storage.storage_key.write_private", crashing)
    with pytest.raises(StorageError):
        key.renew(paths)
    monkeypatch.undo()

    again = StorageKey(tmp_path)
    for _ in range(2):
        found = [again.decrypt(path.name, path.read_bytes()) for path in paths]
        assert found == [b"content of a", b"content of b"]
        again.renew(paths)


def test_renewed_key_opens_no_old_copy(tmp_path: Path) -> None:
    key = StorageKey(tmp_path)
    copy = key.encrypt("a", b"content")
    key.renew([])

    with pytest.raises(LockedStoreError):
        StorageKey(tmp_path).decrypt("a", copy)


@pytest.mark.parametrize(
    ("choice", "last"), [("auto", "file"), ("tpm2", "file"), ("host", "file"), ("file", "file")]
)
def test_every_choice_ends_with_a_place_that_always_works(
    tmp_path: Path, choice: str, last: str
) -> None:
    places = places_for(choice, tmp_path)

    assert places[-1] == last
    assert choice in ("auto", places[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
@pytest.mark.parametrize("name", ["", "to/be/made"])
def test_root_does_not_lock_another_account_out(tmp_path: Path, name: str) -> None:
    assert places_for("auto", tmp_path / name) == tuple(KeyPlace)
    os.chown(tmp_path, 65534, 65534)
    assert places_for("auto", tmp_path / name) == (KeyPlace.FILE,)


# -- the real tool -----------------------------------------------------------------------------


@pytest.fixture
def software_tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A TPM in software, where swtpm and its TSS library are installed."""
    if shutil.which("swtpm") is None or find_library("tss2-tcti-swtpm") is None:
        pytest.skip("swtpm or its TSS library is not installed")
    socket, state = tmp_path / "sock", tmp_path / "tpm"
    state.mkdir()
    command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"]
    command += ["--ctrl", f"type=unixio,path={socket}.ctrl", "--server"]
    command += [f"type=unixio,path={socket}", "--flags", "startup-clear,not-need-init"]
    subprocess.run([*command, "--daemon", "--pid", f"file={tmp_path / 'pid'}"], check=True)
    monkeypatch.setenv("SYSTEMD_TPM2_DEVICE", f"swtpm:path={socket}")
    yield socket
    os.kill(int((tmp_path / "pid").read_text()), 15)


def test_systemd_seals_with_the_host_and_opens_again(tmp_path: Path) -> None:
    keeper = KEEPERS[KeyPlace.HOST]
    try:
        sealed = keeper.seal(SECRET)
    except KeeperError as exc:
        pytest.skip(f"the host's secret cannot be used on this machine: {exc}")

    assert SECRET not in sealed
    assert keeper.open(sealed) == SECRET
    with pytest.raises(KeeperError):
        keeper.open(sealed[:-8])
    key = StorageKey(tmp_path, (KeyPlace.HOST, KeyPlace.FILE))
    assert key.decrypt("a", key.encrypt("a", b"content")) == b"content"
    assert key.keeping.place is KeyPlace.HOST


def test_systemd_seals_with_a_tpm_and_no_other_one_opens_it(
    tmp_path: Path, software_tpm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "identity"
    key = StorageKey(folder, (KeyPlace.TPM2, KeyPlace.FILE))
    sealed = key.encrypt("a", b"content")

    assert key.keeping.place is KeyPlace.TPM2
    assert StorageKey(folder).decrypt("a", sealed) == b"content"
    monkeypatch.setenv("SYSTEMD_TPM2_DEVICE", f"swtpm:path={software_tpm}.none")
    with pytest.raises(LockedStoreError):
        StorageKey(folder).decrypt("a", sealed)


def test_missing_tool_is_a_keeper_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(KeeperError):
        SystemdKeeper(KeyPlace.HOST).seal(SECRET)
