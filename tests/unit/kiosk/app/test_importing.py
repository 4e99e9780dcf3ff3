"""`rollcall-kiosk import-events`: the outbox of a rescued card is set aside for delivery."""

from io import StringIO
from pathlib import Path

import pytest

from kiosk.__main__ import main
from kiosk.app.importing import import_events
from kiosk.config import load_settings
from kiosk.storage.earlier import earlier_files, waiting_in
from kiosk.storage.outbox import ChainSigner
from protocol.v1.signing import make_key
from tests.unit.kiosk.storage.drafts import draft, opened


def card(folder: Path, count: int) -> Path:
    """An outbox of a kiosk that this one knows nothing of."""
    folder.mkdir()
    outbox = opened(folder, signer=ChainSigner("rescued", make_key())).outbox
    for _ in range(count):
        outbox.append(draft())
    outbox.close()
    return folder / "outbox.db"


def test_events_of_a_card_are_set_aside_and_named(tmp_path: Path) -> None:
    file = card(tmp_path / "card", 3)
    before = file.read_bytes()
    settings = load_settings(data_dir=tmp_path / "data")
    said = StringIO()

    status = import_events(settings, file, said)

    assert status == 0
    assert said.getvalue() == (
        "3 events of kiosk rescued, from 2026-11-23 08:00 to 2026-11-23 08:00 UTC.\n"
        "This kiosk delivers them once it is claimed.\n"
    )
    assert [waiting_in(one) for one in earlier_files(tmp_path / "data" / "outbox.db")] == [3]
    assert file.read_bytes() == before


def test_damaged_card_gives_what_can_be_read(tmp_path: Path) -> None:
    file = card(tmp_path / "card", 30)
    content = bytearray(file.read_bytes())
    content[0:100] = bytes(100)
    file.write_bytes(content)
    settings = load_settings(data_dir=tmp_path / "data")

    assert import_events(settings, file, StringIO()) == 0
    assert [waiting_in(one) for one in earlier_files(tmp_path / "data" / "outbox.db")] == [30]


def test_file_without_events_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(bytes(range(256)) * 100)
    settings = load_settings(data_dir=tmp_path / "data")
    said = StringIO()

    assert import_events(settings, picture, said) == 1
    assert said.getvalue() == f"No events were found in {picture}.\n"
    assert earlier_files(tmp_path / "data" / "outbox.db") == []


def test_missing_file_is_a_plain_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_KIOSK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("kiosk.__main__.configure_logging", lambda *_: None)  # of all the tests

    assert main(["import-events", str(tmp_path / "none.db")]) == 2
    assert capsys.readouterr().err == (
        f"rollcall-kiosk: {tmp_path / 'none.db'}: there is no such file\n"
    )
