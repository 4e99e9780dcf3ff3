"""Where the recovery key must not lie."""

from pathlib import Path

import pytest

from server.backup.service import refuse_near_data
from server.config import Settings
from server.errors import ConfigurationError


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nas", "lies in the backup folder"),
        ("usb", "lies in the folder of the keys' backups"),
        ("data", "lies in the data folder"),
    ],
)
def test_recovery_key_beside_what_it_protects_is_refused(
    tmp_path: Path, folder: str, words: str
) -> None:
    settings = Settings(
        data_dir=tmp_path / "data",
        backup_folder=tmp_path / "nas",
        backup_keys_folder=tmp_path / "usb",
    )
    with pytest.raises(ConfigurationError, match=words):
        refuse_near_data(tmp_path / folder / "below" / "key", settings)
    refuse_near_data(tmp_path / "safe" / "key", settings)
