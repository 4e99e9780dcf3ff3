"""The choice on disk: any damage is noticed, said once, and the settings count."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.camera_turn import TURNS_DEG, CameraTurn, KeptTurn
from kiosk.errors import StorageError
from kiosk.storage.camera_turn import CameraTurnFile

KEPT = KeptTurn(CameraTurn(180, is_mirrored=True), CameraTurn(90))
_TURNS = st.builds(CameraTurn, st.sampled_from(TURNS_DEG), st.booleans())


@given(_TURNS, _TURNS)
def test_what_was_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, chosen: CameraTurn, settings: CameraTurn
) -> None:
    path = tmp_path_factory.getbasetemp() / "camera.json"
    CameraTurnFile(path).save(KeptTurn(chosen, settings))

    assert CameraTurnFile(path).load() == KeptTurn(chosen, settings)
    assert path.stat().st_mode & 0o777 == 0o600


def _edited(raw: bytes, **changes: object) -> bytes:
    document = json.loads(raw)
    document["turn"]["chosen"] |= changes
    return json.dumps(document).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _raw: b"",
    "cut": lambda raw: raw[:-20],
    "zeros": lambda raw: bytes(len(raw)),
    "another angle": lambda raw: raw.replace(b"180", b"270"),
    "no angle": lambda raw: _edited(raw, rotation_deg=45),
    "a text": lambda raw: _edited(raw, rotation_deg="180"),
    "a truth": lambda raw: _edited(raw, rotation_deg=False),
    "a list": lambda _raw: b"[]",
    "a number": lambda _raw: b"7",
    "null": lambda _raw: b'{"turn": null, "digest": null}',
    "another version": lambda raw: raw.replace(b"chosen", b"wanted"),
    "deep": lambda _raw: b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_not_used_and_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "camera.json"
    CameraTurnFile(path).save(KEPT)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    store = CameraTurnFile(path)
    with caplog.at_level(logging.WARNING):
        loaded = store.load()
    store.save(KEPT)

    assert loaded is None
    assert "camera turn file unreadable" in caplog.text
    assert store.load() == KEPT


def test_a_folder_in_its_place_is_moved_away(tmp_path: Path) -> None:
    (tmp_path / "camera.json").mkdir()
    store = CameraTurnFile(tmp_path / "camera.json")
    assert store.load() is None
    store.save(KEPT)
    assert store.load() == KEPT


def test_no_file_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert CameraTurnFile(tmp_path / "camera.json").load() is None
    assert caplog.records == []


def test_a_disk_that_refuses_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        CameraTurnFile(tmp_path / "missing" / "camera.json").save(KEPT)
