import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning import kiosk_file
from provisioning.errors import ProvisioningError, SettingsRefusedError

GOOD = {"server_url": "https://rollcall.example.org/", "camera": "/dev/video0"}


def test_the_file_holds_what_was_asked_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "kiosk.toml"
    assert kiosk_file.write(path, GOOD, is_dry_run=False)
    assert tomllib.loads(path.read_text()) == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    kiosk_file.write(path, GOOD, is_dry_run=False)
    assert not kiosk_file.write(path, GOOD, is_dry_run=False)


@pytest.mark.parametrize(
    "bad",
    [{"server_url": "nonsense"}, {"camera_fps": -1}, {"claim_coed": "7KQ2M9TX"}],
    ids=["no address", "out of range", "misspelt"],
)
def test_what_the_kiosk_would_refuse_never_reaches_its_file(
    bad: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "kiosk.toml"
    kiosk_file.write(path, GOOD, is_dry_run=False)
    with pytest.raises(SettingsRefusedError, match=next(iter(bad))):
        kiosk_file.write(path, {**GOOD, **bad}, is_dry_run=False)
    assert tomllib.loads(path.read_text()) == GOOD
    assert [file.name for file in tmp_path.iterdir()] == ["kiosk.toml"]


def test_a_dry_run_checks_and_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "kiosk.toml"
    assert kiosk_file.write(path, GOOD, is_dry_run=True)
    with pytest.raises(SettingsRefusedError):
        kiosk_file.write(path, {"server_url": "nonsense"}, is_dry_run=True)
    assert list(tmp_path.iterdir()) == []


def test_what_the_file_held_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text('theme = "dark"\n')
    assert kiosk_file.merged(path, GOOD) == {"theme": "dark", **GOOD}


def test_a_file_that_is_no_settings_file_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_bytes(b"\xff\x00 not toml")
    with pytest.raises(SettingsRefusedError, match=r"kiosk\.toml is not a settings file"):
        kiosk_file.merged(path, GOOD)
    assert path.read_bytes() == b"\xff\x00 not toml"


def test_a_folder_that_cannot_be_made_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file where a folder should be")
    with pytest.raises(ProvisioningError, match="cannot write"):
        kiosk_file.write(tmp_path / "etc" / "kiosk.toml", GOOD, is_dry_run=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(camera=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_comes_back_as_it_went_in(camera: str, tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    kiosk_file.write(path, {**GOOD, "camera": camera}, is_dry_run=False)
    assert kiosk_file.merged(path, {})["camera"] == camera
