import json
import logging
import stat
from pathlib import Path

import pytest

from kiosk.domain.download import CachedConfig
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.storage_key import StorageKey
from tests.fakes.school import config


def test_configuration_comes_back_with_its_etag(tmp_path: Path) -> None:
    kept = CachedConfig(config(), '"abc"')

    ConfigFile(tmp_path / "config.json", StorageKey(tmp_path)).save(kept)

    assert ConfigFile(tmp_path / "config.json", StorageKey(tmp_path)).load() == kept


@pytest.mark.parametrize("version", [None, "another"])
def test_document_of_another_software_version_is_used_and_downloaded_again(
    tmp_path: Path, version: str | None
) -> None:
    path = tmp_path / "config.json"
    ConfigFile(path, StorageKey(tmp_path)).save(CachedConfig(config(), "etag-1"))
    kept = json.loads(StorageKey(tmp_path).decrypt("config.json", path.read_bytes()))
    path.write_text(json.dumps(kept | {"understood": version}))

    assert ConfigFile(path, StorageKey(tmp_path)).load() == CachedConfig(config(), "")


def test_there_is_none_before_the_first_download(tmp_path: Path) -> None:
    assert ConfigFile(tmp_path / "config.json", StorageKey(tmp_path)).load() is None


def test_file_with_names_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "config.json"

    ConfigFile(path, StorageKey(tmp_path)).save(CachedConfig(config(), ""))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"etag": "x", "document": {}}'])
def test_damaged_file_counts_as_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.json").write_bytes(content)

    with caplog.at_level(logging.WARNING):
        assert ConfigFile(tmp_path / "config.json", StorageKey(tmp_path)).load() is None

    assert "damaged" in caplog.text
