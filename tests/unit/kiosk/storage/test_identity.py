import logging
import stat
from pathlib import Path

import pytest

from kiosk.errors import CorruptStoreError
from kiosk.storage.identity import IdentityStore, gallery_key
from protocol.v1.sealing import sealing_public_text
from protocol.v1.signing import public_text
from tests.fakes.school import DATA_KEY, claim_response


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first = IdentityStore(tmp_path / "identity").keys()
    second = IdentityStore(tmp_path / "identity").keys()

    assert public_text(first.signing) == public_text(second.signing)
    assert sealing_public_text(first.sealing) == sealing_public_text(second.sealing)


def test_everything_is_closed_to_others(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    keys = store.keys()
    store.save_claim(claim_response(sealing_public_text(keys.sealing)), keys)

    files = list((tmp_path / "identity").iterdir())

    assert len(files) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o700


def test_key_file_left_open_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    IdentityStore(tmp_path).keys()
    (tmp_path / "signing.key").chmod(0o644)

    with caplog.at_level(logging.WARNING):
        IdentityStore(tmp_path).keys()

    assert stat.S_IMODE((tmp_path / "signing.key").stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text


def test_claim_is_none_before_it_and_comes_back_after(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    keys = store.keys()
    claim = claim_response(sealing_public_text(keys.sealing))

    assert store.claim() is None
    store.save_claim(claim, keys)
    assert IdentityStore(tmp_path).claim() == claim


def test_gallery_key_opens_with_the_own_private_key_alone(tmp_path: Path) -> None:
    keys = IdentityStore(tmp_path / "own").keys()
    claim = claim_response(sealing_public_text(keys.sealing))

    assert gallery_key(claim, keys) == DATA_KEY
    with pytest.raises(CorruptStoreError):
        gallery_key(claim, IdentityStore(tmp_path / "other").keys())


def test_damaged_credentials_are_named(tmp_path: Path) -> None:
    (tmp_path / "claim.json").write_bytes(b"{")
    (tmp_path / "claim.json").chmod(0o600)

    with pytest.raises(CorruptStoreError):
        IdentityStore(tmp_path).claim()
