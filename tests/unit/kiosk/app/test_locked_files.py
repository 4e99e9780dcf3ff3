"""A key that cannot be opened at one start costs nothing, whatever the server says meanwhile."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.app.onboarding import Identity, Onboarding
from kiosk.domain.identity import IdentityFault
from kiosk.domain.keeping import KeyPlace
from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, SyncError, UnreachableError
from kiosk.storage.identity import IdentityStore
from kiosk.storage.keepers import FileKeeper, KeyKeeper
from kiosk.storage.storage_key import StorageKey
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.sealing import sealing_public_text
from protocol.v1.signing import public_text
from tests.fakes.school import claim_response
from tests.unit.kiosk.storage.test_storage_key import Vault

CODE = "ABCD2345"


class Office:
    """Takes a claim code, or fails in one way."""

    def __init__(self, error: SyncError | None, before: Callable[[], None] = lambda: None) -> None:
        self._error = error
        self._before = before
        self.asked = 0

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        self.asked += 1
        self._before()
        if self._error is not None:
            raise self._error
        return claim_response(request.sealing_key, claim=2)


def store(folder: Path, vault: Vault) -> IdentityStore:
    keepers: dict[KeyPlace, KeyKeeper] = {KeyPlace.TPM2: vault, KeyPlace.FILE: FileKeeper()}
    return IdentityStore(folder, StorageKey(folder, (KeyPlace.TPM2, KeyPlace.FILE), keepers))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The identity folder of a kiosk that works."""
    kept = store(tmp_path, Vault())
    keys = kept.keys()
    kept.save_claim(claim_response(sealing_public_text(keys.sealing)), keys)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def waits(folder: Path, vault: Vault, office: Office, code: str | None) -> Identity | None:
    """Wait for an identity as a kiosk does at its start, until the code has failed or worked."""
    stop = threading.Event()

    def watch(stage: SetupStage) -> None:
        if stage not in (SetupStage.NEEDS_CLAIM_CODE, SetupStage.CLAIMING):
            stop.set()
        elif stage is SetupStage.NEEDS_CLAIM_CODE:
            onboarding.enter_code(CODE)

    onboarding = Onboarding(store(folder, vault), office, retry_max_s=1, stop=stop, on_stage=watch)
    return onboarding.wait_for_identity(code)


@pytest.mark.parametrize("code", [CODE, None], ids=["settings", "typed"])
@pytest.mark.parametrize(
    "error", [ClaimRefusedError(403, "claim_refused"), UnreachableError("no answer")]
)
def test_a_code_that_does_not_work_replaces_no_file(
    folder: Path, error: SyncError, code: str | None
) -> None:
    before, office = files(folder), Office(error)

    assert waits(folder, Vault(is_there=False), office, code) is None
    assert office.asked == 1
    assert files(folder) == before
    assert store(folder, Vault()).kept().fault is IdentityFault.NONE


def test_a_typed_code_that_works_gives_the_kiosk_new_keys(folder: Path) -> None:
    vault = Vault(is_there=False)
    found = waits(folder, vault, Office(None), None)
    kept = store(folder, vault).kept()

    assert found is not None
    assert (kept.claim, kept.fault) == (found.claim, IdentityFault.NONE)
    assert len(list(folder.glob("*.damaged-*"))) == 3


def test_a_key_that_comes_back_during_the_claim_does_not_mix_with_it(folder: Path) -> None:
    vault = Vault(is_there=False)
    office = Office(None, lambda: setattr(vault, "is_there", True))
    found = waits(folder, vault, office, None)
    kept = store(folder, vault).kept()

    assert found is not None
    assert kept.keys is not None
    assert kept.fault is IdentityFault.NONE
    assert public_text(kept.keys.signing) == public_text(found.keys.signing)


@pytest.mark.parametrize("name", ["signing.key", "sealing.key"])
def test_a_damaged_key_stays_until_the_server_accepts_another(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"damaged")
    before = files(folder)
    waits(folder, Vault(), Office(ClaimRefusedError(403, "claim_refused")), CODE)
    refused = files(folder)
    found = waits(folder, Vault(), Office(None), CODE)

    assert refused == before
    assert found is not None
    assert store(folder, Vault()).kept().fault is IdentityFault.NONE
    assert [path.read_bytes() for path in folder.glob("*.damaged-*")] == [b"damaged"]
