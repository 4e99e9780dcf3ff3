"""The sample photos: which there are, who is on them, and that they come with the models."""

import shutil
from pathlib import Path

import pytest

from scripts.assets.fetch import further_archives, main, needed_archives
from scripts.assets.manifest import read_manifest
from scripts.assets.samples import people


def test_the_manifest_names_people_on_photos_it_fetches() -> None:
    manifest = read_manifest()
    targets = {member.target for archive in manifest.archives for member in archive.members}

    used = {name for person in manifest.people for name in (*person.enrol, *person.appear)}

    assert used <= targets
    assert len(targets) == sum(len(archive.members) for archive in manifest.archives)


def test_the_people_can_be_enrolled_and_one_stays_a_stranger(assets: Path) -> None:
    crowd = people(assets)

    assert [person.is_stranger for person in crowd] == [False, False, False, True]
    assert all(photo.is_file() for person in crowd for photo in (*person.enrol, *person.appear))


def test_models_and_photos_are_copied_from_another_asset_folder(
    assets: Path, tmp_path: Path
) -> None:
    assert main(["--from", str(assets), "--to", str(tmp_path)]) == 0

    targets = [
        member.target
        for archive in (*needed_archives(), *further_archives())
        for member in archive.members
    ]
    assert {"models/face_landmark.tflite", "photos/person-1-a.jpg"} <= set(targets)
    assert all((tmp_path / target).is_file() for target in targets)


@pytest.mark.parametrize(("missing", "status"), [("sources", 0), ("photos", 1)])
def test_only_what_the_bundled_network_replaces_may_be_missing(
    assets: Path,
    tmp_path: Path,
    missing: str,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without the package index the demo runs with the bundled network."""
    source, folder = tmp_path / "source", tmp_path / "assets"
    for part in {"models", "photos", "sources"} - {missing}:
        shutil.copytree(assets / part, source / part)

    assert main(["--from", str(source), "--to", str(folder)]) == status

    said = capsys.readouterr().err
    assert f"{missing}/" in said
    assert ("the bundled network serves" in said) == (status == 0)
    assert (folder / "models" / "face_landmark.tflite").is_file()
