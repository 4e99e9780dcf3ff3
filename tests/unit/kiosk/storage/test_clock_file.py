"""The clock's offset on disk is a cache: any damage is noticed, and it is made anew."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.offset import KeptOffset, Offset
from kiosk.storage.clock_file import ClockFile

KEPT = KeptOffset(Offset(1795420800.125, -300.5, 0.02, is_carried=True), "boot-1", 512.25, None)
_SECONDS = st.floats(0, 1e10)


@given(
    boot_at_s=_SECONDS,
    measured_s=st.floats(-1e10, 1e10),
    error_s=_SECONDS,
    uptime_s=_SECONDS,
    battery_s=st.one_of(st.none(), _SECONDS),
)
def test_what_was_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    boot_at_s: float,
    measured_s: float,
    error_s: float,
    uptime_s: float,
    battery_s: float | None,
) -> None:
    kept = KeptOffset(Offset(boot_at_s, measured_s, error_s), "boot-1", uptime_s, battery_s)
    path = tmp_path_factory.getbasetemp() / "clock.json"
    ClockFile(path).save(kept)

    assert ClockFile(path).load() == kept
    assert path.stat().st_mode & 0o777 == 0o600


def _edited(raw: bytes, **changes: object) -> bytes:
    document = json.loads(raw)
    document["clock"] |= changes
    return json.dumps(document).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _raw: b"",
    "cut": lambda raw: raw[:-20],
    "zeros": lambda raw: bytes(len(raw)),
    "a digit": lambda raw: raw.replace(b"1795420800", b"1795430800"),
    "a list": lambda _raw: b"[]",
    "a number": lambda _raw: b"7",
    "null": lambda _raw: b'{"clock": null, "digest": null}',
    "not a number": lambda raw: _edited(raw, boot_at_s=float("nan")),
    "endless": lambda raw: _edited(raw, error_s=float("inf")),
    "negative": lambda raw: _edited(raw, uptime_s=-1),
    "no boot": lambda raw: _edited(raw, boot_id=""),
    "another version": lambda raw: raw.replace(b"boot_at_s", b"boot_at"),
    "deep": lambda _raw: b"[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_not_used_and_made_anew(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "clock.json"
    ClockFile(path).save(KEPT)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    store = ClockFile(path)
    with caplog.at_level(logging.WARNING):
        loaded = store.load()
    store.save(KEPT)

    assert loaded is None
    assert "clock file unreadable" in caplog.text
    assert store.load() == KEPT


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert ClockFile(tmp_path / "clock.json").load() is None


def test_a_disk_that_refuses_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ClockFile(tmp_path / "missing" / "clock.json")
    with caplog.at_level(logging.WARNING):
        store.save(KEPT)
        store.save(KEPT)
    (tmp_path / "missing").mkdir()
    store.save(KEPT)

    assert len(caplog.records) == 1
    assert store.load() == KEPT
