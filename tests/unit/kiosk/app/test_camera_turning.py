"""A turn chosen on the screen: seen at once, written behind it, kept until the settings change."""

import queue
import threading
from pathlib import Path

import pytest

from kiosk.app.camera_turning import CameraTurning, turn_of
from kiosk.config import load_settings
from kiosk.domain.camera_turn import CameraChoice, CameraTurn, KeptTurn, TurnKeeping
from kiosk.storage.camera_turn import CameraTurnFile

WAIT_S = 30.0
PLAIN = CameraTurn()


class Bench:
    """A kiosk's camera, screen and disk; the disk waits where a test holds it."""

    def __init__(self, folder: Path, settings: CameraTurn = PLAIN) -> None:
        self.file = CameraTurnFile(folder / "camera.json")
        self.turns: list[CameraTurn] = []
        self.told: queue.Queue[CameraChoice] = queue.Queue()
        self.turning = CameraTurning(settings, self.file)
        self.turning.use(self)
        self.turning.show_on(self.told.put)

    def turn(self, wanted: CameraTurn) -> None:
        self.turns.append(wanted)

    def said(self) -> TurnKeeping:
        return self.told.get(timeout=WAIT_S).keeping

    def settled(self) -> TurnKeeping:
        """What is said when nothing is being saved any more."""
        while (keeping := self.said()) is TurnKeeping.SAVING:
            continue
        return keeping


def test_the_settings_count_until_something_is_chosen(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CameraTurn(90))
    bench.turning.tell()
    told = bench.told.get_nowait()
    assert told == CameraChoice(CameraTurn(90), CameraTurn(90), TurnKeeping.SETTINGS)


def test_a_choice_is_seen_at_once_and_kept_over_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.turning.turn(CameraTurn(180))
    assert bench.turns == [CameraTurn(180)]
    assert [bench.said(), bench.said()] == [TurnKeeping.SAVING, TurnKeeping.KEPT]
    again = Bench(tmp_path)
    again.turning.tell()
    assert again.turning.now == CameraTurn(180)
    assert again.settled() is TurnKeeping.KEPT


def test_the_picture_turns_while_the_disk_hangs_and_the_last_tap_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, save = threading.Event(), CameraTurnFile.save

    def slow(file: CameraTurnFile, kept: KeptTurn) -> None:
        gate.wait(WAIT_S)
        save(file, kept)

    monkeypatch.setattr(CameraTurnFile, "save", slow)
    bench = Bench(tmp_path)
    for rotation_deg in (90, 180, 270):
        bench.turning.turn(CameraTurn(rotation_deg))
    assert [turn.rotation_deg for turn in bench.turns] == [90, 180, 270]
    assert [bench.said() for _ in range(3)] == [TurnKeeping.SAVING] * 3
    gate.set()
    assert bench.settled() is TurnKeeping.KEPT
    assert bench.file.load() == KeptTurn(CameraTurn(270), PLAIN)


def test_a_disk_that_refuses_is_said_and_the_picture_stays_turned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "missing")
    bench.turning.turn(CameraTurn(180))
    assert bench.settled() is TurnKeeping.FAILED
    assert bench.turning.now == CameraTurn(180)
    assert "camera turn not stored" in caplog.text


def test_a_reset_goes_back_to_the_settings_for_good(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CameraTurn(90))
    bench.turning.turn(CameraTurn(180))
    assert bench.settled() is TurnKeeping.KEPT
    bench.turning.reset()
    assert bench.settled() is TurnKeeping.SETTINGS
    assert bench.turns == [CameraTurn(180), CameraTurn(90)]
    assert Bench(tmp_path, CameraTurn(90)).turning.now == CameraTurn(90)


def test_settings_that_change_later_count_and_the_choice_never_comes_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.turning.turn(CameraTurn(180))
    assert bench.settled() is TurnKeeping.KEPT
    assert Bench(tmp_path, CameraTurn(90)).turning.now == CameraTurn(90)
    assert Bench(tmp_path, PLAIN).turning.now == PLAIN


def test_a_damaged_file_leaves_the_settings_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "camera.json").write_bytes(b"no turn")
    bench = Bench(tmp_path, CameraTurn(270))
    assert bench.turning.now == CameraTurn(270)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_settings_are_read() -> None:
    settings = load_settings(camera_rotation=270, camera_mirror=True)
    assert turn_of(settings) == CameraTurn(270, is_mirrored=True)
