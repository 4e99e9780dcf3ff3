from pathlib import Path

import pytest

from scripts.landed_migrations import digests, problems


@pytest.fixture
def landed(tmp_path: Path) -> dict[str, str]:
    """The digests of one migration that has landed."""
    (tmp_path / "0001_first.py").write_text("revision = '0001'\n")
    return digests(tmp_path)


def test_an_untouched_migration_passes(tmp_path: Path, landed: dict[str, str]) -> None:
    assert problems(digests(tmp_path), landed) == []


def test_an_edit_is_named(tmp_path: Path, landed: dict[str, str]) -> None:
    (tmp_path / "0001_first.py").write_text("revision = '0001'  # and a column\n")
    (sentence,) = problems(digests(tmp_path), landed)
    assert sentence.startswith("migration 0001_first was edited after it landed")


def test_a_migration_that_is_gone_is_named(landed: dict[str, str]) -> None:
    assert problems({}, landed) == ["migration 0001_first landed and is gone"]


def test_a_new_migration_must_be_listed(tmp_path: Path, landed: dict[str, str]) -> None:
    (tmp_path / "0002_rooms.py").write_text("revision = '0002'\n")
    (sentence,) = problems(digests(tmp_path), landed)
    assert sentence.startswith("migration 0002_rooms is not listed")
