"""The settings file: what is in it survives, and nothing else than a file is ever replaced."""

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning import kiosk_file
from provisioning.errors import ProvisioningError, SettingsRefusedError

GOOD = {"server_url": "https://rollcall.example.org/", "camera": "/dev/video0"}
COMMENTED = """\
# Kiosk of the library, hung by Tina
theme = "dark"  # the door faces a window

camera = "1"   # the left one
# end
"""


def write(path: Path, values: kiosk_file.Settings) -> bool:
    change = kiosk_file.changed(kiosk_file.read(path), values)
    if change.is_needed:
        kiosk_file.write(change)
    return change.is_needed


def test_the_file_holds_what_was_asked_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "kiosk.toml"
    assert write(path, GOOD)
    assert tomllib.loads(path.read_text()) == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    write(path, GOOD)
    before = path.stat()
    assert not write(path, GOOD)
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "bad",
    [{"server_url": "nonsense"}, {"camera_fps": -1}, {"claim_coed": "7KQ2M9TX"}],
    ids=["no address", "out of range", "misspelt"],
)
def test_what_the_kiosk_would_refuse_never_reaches_its_file(
    bad: kiosk_file.Settings, tmp_path: Path
) -> None:
    path = tmp_path / "kiosk.toml"
    write(path, GOOD)
    with pytest.raises(SettingsRefusedError, match=next(iter(bad))):
        write(path, {**GOOD, **bad})
    with pytest.raises(SettingsRefusedError, match=next(iter(bad))):
        kiosk_file.check(kiosk_file.changed(kiosk_file.read(path), bad))
    assert tomllib.loads(path.read_text()) == GOOD
    assert [file.name for file in tmp_path.iterdir()] == ["kiosk.toml"]


@pytest.mark.parametrize("ending", ["", "\r\n"], ids=["no last newline", "carriage returns"])
def test_comments_order_and_other_settings_survive(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    text = COMMENTED.replace("\n", ending) if ending else COMMENTED.rstrip("\n")
    path.write_bytes(text.encode())
    write(path, GOOD)
    written = path.read_bytes().decode()

    assert tomllib.loads(written) == {"theme": "dark", **GOOD}
    for comment in (
        "# Kiosk of the library, hung by Tina",
        "# the door",
        "# the left one",
        "# end",
    ):
        assert comment in written
    assert written.index("theme") < written.index("camera") < written.index("server_url")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660])
def test_mode_and_owner_of_a_file_survive(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(COMMENTED)
    path.chmod(mode)
    group = next((one for one in os.getgroups() if one != os.getgid()), os.getgid())
    os.chown(path, -1, group)
    write(path, GOOD)

    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert (path.stat().st_uid, path.stat().st_gid) == (os.getuid(), group)


def test_an_owner_that_cannot_be_kept_stops_the_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(COMMENTED)
    file = kiosk_file.read(path)
    assert file.state is not None
    values = list(file.state)
    values[stat.ST_UID] = os.getuid() + 1

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    foreign = kiosk_file.KioskFile(path, path, file.text, os.stat_result(values))
    with pytest.raises(ProvisioningError, match="run this with sudo"):
        kiosk_file.write(kiosk_file.changed(foreign, GOOD))
    assert path.read_text() == COMMENTED
    assert [one.name for one in tmp_path.iterdir()] == ["kiosk.toml"]


@pytest.mark.parametrize("is_there", [True, False], ids=["leads to a file", "leads nowhere yet"])
def test_a_symlink_stays_and_its_target_is_written(is_there: bool, tmp_path: Path) -> None:
    target, path = tmp_path / "data" / "kiosk.toml", tmp_path / "etc.toml"
    target.parent.mkdir()
    if is_there:
        target.write_text(COMMENTED)
    path.symlink_to("data/kiosk.toml")
    write(path, GOOD)

    assert str(path.readlink()) == "data/kiosk.toml"
    assert tomllib.loads(target.read_text())["camera"] == "/dev/video0"


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "link to a device", "circle"])
def test_anything_but_a_regular_file_is_refused_and_stays(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to a device":
        path.symlink_to("/dev/null")
    elif kind == "circle":
        path.symlink_to(path)
    named = Path("/dev/null") if kind == "device" else path
    before = named.lstat()

    with pytest.raises(ProvisioningError, match=r"not a regular file|cannot read"):
        kiosk_file.read(named)
    assert named.lstat() == before
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_file_that_is_no_settings_file_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_bytes(b"\xff\x00 not toml")
    with pytest.raises(SettingsRefusedError, match=r"kiosk\.toml is not a settings file"):
        kiosk_file.read(path)
    assert path.read_bytes() == b"\xff\x00 not toml"


def test_a_folder_that_cannot_be_made_is_one_plain_sentence(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file where a folder should be")
    with pytest.raises(ProvisioningError, match=r"cannot (write|read)"):
        write(tmp_path / "etc" / "kiosk.toml", GOOD)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    camera=st.text(st.characters(codec="utf-8"), min_size=1),
    comment=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
)
def test_any_text_comes_back_as_it_went_in(camera: str, comment: str, tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_bytes(f'theme = "dark" # {comment}\n'.encode())
    write(path, {**GOOD, "camera": camera})
    assert kiosk_file.read(path).settings == {"theme": "dark", **GOOD, "camera": camera}
    assert f"# {comment}" in path.read_bytes().decode()
