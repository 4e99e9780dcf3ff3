"""Which bundles are offered, and that nothing but their listed files can be opened."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.errors import NotFoundError
from server.kiosk_bundles.service import MANIFEST, offered, open_file, pieces_of
from tests.support.bundles import put


def names(place: Path) -> list[str]:
    return [one.folder.name for one in offered(place)]


def test_finished_bundles_are_offered_newest_first(tmp_path: Path) -> None:
    for number, name in enumerate(("old", "new", "older")):
        put(tmp_path, name, {"a.whl": b"wheel"})
        os.utime(tmp_path / name / MANIFEST, (100 - number * (-1) ** number,) * 2)
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / MANIFEST).write_text("{}\n")
    (tmp_path / "a file").touch()

    assert names(tmp_path) == ["new", "old", "older"]
    assert offered(tmp_path / "missing") == []


def test_a_listed_file_is_opened_with_its_digest(tmp_path: Path) -> None:
    digest = put(tmp_path, "one", {"wheels/a+b.whl": b"wheel", "debs/a_1%3a2.deb": b"deb"})

    file, entry = open_file(tmp_path, digest, "debs/a_1%3a2.deb")
    with file:
        assert file.read() == b"deb"
    assert entry.sha256 == hashlib.sha256(b"deb").hexdigest()
    manifest, entry = open_file(tmp_path, digest, MANIFEST)
    with manifest:
        assert hashlib.sha256(manifest.read()).hexdigest() == entry.sha256 == digest


@pytest.mark.parametrize(
    "path",
    ["../secret", "wheels/../../secret", "/etc/passwd", "wheels", "", ".", "other", "b.whl\0"],
)
def test_what_the_manifest_does_not_list_is_not_opened(tmp_path: Path, path: str) -> None:
    (tmp_path / "bundles").mkdir()
    (tmp_path / "secret").write_text("key")
    digest = put(tmp_path / "bundles", "one", {"wheels/b.whl": b"wheel"})
    (tmp_path / "bundles" / "one" / "other").write_text("not listed")

    with pytest.raises(NotFoundError, match="lacks this file"):
        open_file(tmp_path / "bundles", digest, path)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../b", "a//b", ".", "a\n", "a/"])
def test_a_manifest_that_names_files_outside_is_no_bundle(tmp_path: Path, path: str) -> None:
    entry = {"path": path, "sha256": "0" * 64, "bytes": 1}
    put(tmp_path, "one", {}, files=[entry])

    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "changed",
    [{"format": 2}, {"files": [{}]}, {"files": 7}, {"files": [{"path": "a", "sha256": "x"}]}],
)
def test_a_damaged_manifest_is_no_bundle(tmp_path: Path, changed: dict[str, Any]) -> None:
    put(tmp_path, "one", {"a.whl": b"wheel"}, **changed)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / MANIFEST).write_bytes(b"\xff" + b"[" * 100_000)

    assert names(tmp_path) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    place, outside = tmp_path / "bundles", tmp_path / "outside"
    digest = put(place, "one", {"wheels/a.whl": b"wheel", "b.whl": b"wheel"})
    put(outside, "linked", {"c.whl": b"wheel"})
    (place / "linked").symlink_to(outside / "linked")
    assert names(place) == ["one"]

    for path, target in (("b.whl", "file"), ("wheels", "folder")):
        (place / "one" / path).rename(outside / target)
        (place / "one" / path).symlink_to(outside / target)
    for path in ("b.whl", "wheels/a.whl"):
        with pytest.raises(NotFoundError, match="lacks this file"):
            open_file(place, digest, path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda _path: None,
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "longer": lambda path: path.write_bytes(b"wheels"),
}


@pytest.mark.parametrize("kind", sorted(DAMAGES))
def test_a_damaged_file_is_not_sent(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    digest = put(tmp_path, "one", {"a.whl": b"wheel"})
    path = tmp_path / "one" / "a.whl"
    path.unlink()
    DAMAGES[kind](path)

    with pytest.raises(NotFoundError, match="lacks this file"):
        open_file(tmp_path, digest, "a.whl")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "bundle file" in caplog.text
    caplog.clear()


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    put(tmp_path, "one", {"a.whl": b"wheel"})
    with pytest.raises(NotFoundError, match="does not offer this bundle"):
        open_file(tmp_path, "0" * 64, MANIFEST)


def test_a_part_of_a_file_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        assert list(pieces_of(file, 2, 5, 2)) == [b"23", b"45", b"6"]
        assert list(pieces_of(file, 8, 5, 2)) == [b"89"]
