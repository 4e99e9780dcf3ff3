"""`rollcall-models` puts models onto a machine and off it, and says what it does."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models.cli import main as command
from models.cli.install import check_parity, translate
from models.errors import ConversionError, InstallError, ParityError
from models.pipeline import FacePipeline, PipelineSettings
from models.store import ModelStore, VerifiedModel, asset_folder, default_store
from tests.unit.models.cli.publisher import publishing

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "omz-0095-float16.tflite"
NO_DEFAULT = (
    "the less accurate dlib-resnet-v1 is used because sface-2021dec is not installed:"
    " run rollcall-models install sface-2021dec"
)
SOURCES = ("face-reidentification-retail-0095.xml", "face-reidentification-retail-0095.bin")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An asset folder of the test's own."""
    monkeypatch.setenv("ROLLCALL_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


@pytest.fixture
def installed(folder: Path, shared_models: Path) -> Path:
    assert command.main(["install", "omz-0095", "--from", str(shared_models)]) == 0
    return folder / "models" / NAME


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["list"]) == 0

    dlib, *others, note = lines(capsys)
    assert dlib.split()[:4] == ["*", "dlib-resnet-v1", "shipped", "CC0-1.0"]
    assert note == NO_DEFAULT
    assert [line.split()[:3] for line in others] == [
        ["omz-0095", "not", "installed"],
        ["sface-2021dec", "not", "installed"],
    ]


def test_installs_from_a_folder(
    folder: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["install", "omz-0095", "--from", str(shared_models)]) == 0

    said = lines(capsys)
    placed = folder / "models" / NAME
    assert placed.stat().st_size == default_store().find("omz-0095")[1].size_bytes
    assert any(line.startswith("parity") and "cosine 1.000000" in line for line in said)
    assert "rollcall-models use omz-0095" in said[-1]
    assert [path.name for path in placed.parent.iterdir()] == [NAME]
    assert default_store().selected_embedder() == ("dlib-resnet-v1", NO_DEFAULT)


def test_installs_once(
    installed: Path, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = installed.stat().st_mtime_ns
    assert command.main(["install", "omz-0095", "--from", str(shared_models)]) == 0

    assert "omz-0095 is installed already" in lines(capsys)
    assert installed.stat().st_mtime_ns == written


def test_installs_anew_what_is_damaged(installed: Path, shared_models: Path) -> None:
    whole = installed.read_bytes()
    installed.write_bytes(whole[:-1])

    assert command.main(["install", "omz-0095", "--from", str(shared_models)]) == 0
    assert installed.read_bytes() == whole


def test_installs_from_its_publisher(
    folder: Path, shared_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [(shared_models / name).read_bytes() for name in SOURCES]
    with publishing(contents[0]) as xml, publishing(contents[1]) as weights:
        monkeypatch.setattr(command, "default_store", partial(store_of, xml.file, weights.file))
        assert command.main(["install", "omz-0095"]) == 0

    assert (folder / "models" / NAME).is_file()
    assert list((folder / "downloads").iterdir()) == []


def store_of(*files: object) -> ModelStore:
    """The default store, its publisher being on this machine."""
    store = default_store()
    card = store.cards["omz-0095"]
    assert card.origin is not None
    origin = card.origin.model_copy(update={"files": files})
    store.cards["omz-0095"] = card.model_copy(update={"origin": origin})
    return store


def test_a_publisher_out_of_reach_installs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with publishing(b"0123456789") as gone:
        pass
    monkeypatch.setattr(command, "default_store", partial(store_of, gone.file, gone.file))

    assert command.main(["install", "omz-0095", "--attempts", "1", "--timeout", "1"]) == 1
    assert "cannot be had from 127.0.0.1" in capsys.readouterr().err
    assert not (folder / "models").exists()


def test_use_makes_it_the_embedder_of_the_machine(
    installed: Path, assets_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["use", "omz-0095"]) == 0

    assert lines(capsys)[-3:] == [
        "omz-0095 is the embedder of this machine from the next start of its services on,"
        " instead of dlib-resnet-v1",
        "people enrolled with dlib-resnet-v1 stay enrolled; a school with people changes its"
        " network on the Models page of its server",
        "omz-0095 is selected",
    ]
    store = default_store()
    assert store.find("auto")[0].id == "omz-0095"
    seen = ModelStore(store.cards_folder, (*store.folders, assets_models), store.selection)
    assert FacePipeline.open(seen, PipelineSettings()).embedder_card.id == "omz-0095"


@pytest.fixture
def assets_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with the machine's own fetched detectors, and without embedders."""
    with monkeypatch.context() as own:
        own.delenv("ROLLCALL_ASSETS")
        folder = default_store().folders[-1]
    if not (folder / "face_landmark.tflite").is_file():
        pytest.skip("needs the fetched detectors: run scripts/fetch_assets once")
    (tmp_path / "detectors").mkdir()
    for path in folder.glob("face_*.tflite"):
        (tmp_path / "detectors" / path.name).symlink_to(path)
    return tmp_path / "detectors"


def test_install_may_use_it_too(shared_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["install", "omz-0095", "--use", "--from", str(shared_models)]

    assert command.main(arguments) == 0
    assert command.main(["list"]) == 0
    assert [line.split()[1] for line in lines(capsys) if line.startswith("*")] == ["omz-0095"]


@pytest.mark.usefixtures("installed")
def test_a_damaged_selection_is_repaired_by_selecting_again() -> None:
    (asset_folder() / "selection.toml").write_text("embedder = [", "utf-8")

    assert command.main(["use", "omz-0095"]) == 0

    assert default_store().selected_embedder() == ("omz-0095", None)


def test_what_is_not_installed_cannot_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["use", "omz-0095"]) == 1
    assert "run rollcall-models install omz-0095 to get it" in capsys.readouterr().err


def test_a_selected_model_that_is_gone_is_said_and_replaced(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["use", "omz-0095"]) == 0
    installed.unlink()
    assert command.main(["list"]) == 0

    assert lines(capsys)[-1] == (
        "the selected embedder omz-0095 is not installed here, dlib-resnet-v1 takes its place:"
        " run rollcall-models install omz-0095"
    )


def test_removes_what_is_not_in_use(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["use", "omz-0095"])
    assert command.main(["remove", "omz-0095"]) == 1
    assert "is in use" in capsys.readouterr().err
    command.main(["use", "dlib-resnet-v1"])

    assert command.main(["remove", "omz-0095"]) == 0
    assert not installed.exists()
    assert command.main(["remove", "omz-0095"]) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["install", "omz-0096"], "there is no model 'omz-0096'"),
        (["install", "face-mesh", "--use"], "is no embedder"),
        (["install", "--use"], "need the name of a model"),
        (["install", "--evaluate", "faces"], "need the name of a model"),
        (["remove", "dlib-resnet-v1"], "is in use"),
        (["verify", "omz-0095"], "run rollcall-models install"),
    ],
)
def test_a_refusal_is_one_sentence(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 1

    said = capsys.readouterr().err
    assert said.startswith("rollcall-models: ")
    assert reason in said
    assert said.count("\n") == 1


def test_verifies_files_and_numbers(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["verify"]) == 0
    assert any("omz-0095-float16: the file of its card; cosine 1.0" in li for li in lines(capsys))

    installed.write_bytes(installed.read_bytes()[:-1] + b"x")
    assert command.main(["verify", "omz-0095"]) == 1
    assert "is not the one of the card" in capsys.readouterr().err


def test_a_damaged_source_is_refused(
    shared_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copyfile(shared_models / SOURCES[0], tmp_path / SOURCES[0])
    (tmp_path / SOURCES[1]).write_bytes((shared_models / SOURCES[1]).read_bytes()[:-2] + b"00")

    assert command.main(["install", "omz-0095", "--from", str(tmp_path)]) == 1
    assert "is not the file that the card names" in capsys.readouterr().err


def test_another_translation_is_refused(shared_models: Path) -> None:
    card = default_store().cards["omz-0095"]
    sources = [(shared_models / name).read_bytes() for name in SOURCES]
    file = card.files[0].model_copy(update={"sha256": "0" * 64})
    spec = card.input.model_copy(update={"mean": (0.0, 0.0, 0.0)})

    with pytest.raises(ConversionError, match="came out otherwise than recorded"):
        translate(card.model_copy(update={"files": (file,)}), sources)
    with pytest.raises(ConversionError, match="scales the input otherwise"):
        translate(card.model_copy(update={"input": spec}), sources)


def test_other_numbers_are_refused(installed: Path) -> None:
    store = default_store()
    model = store.load("omz-0095")
    turned = model.card.input.model_copy(update={"channels": "RGB"})
    card = model.card.model_copy(update={"input": turned})

    with pytest.raises(ParityError, match="other numbers here"):
        check_parity(store, VerifiedModel(card, model.file, model.content))


def test_what_is_shipped_needs_no_installation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["install", "dlib-resnet-v1"]) == 0
    assert "installed already" in lines(capsys)[0]


def test_without_a_runtime_nothing_is_trusted(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.cli.install.installed_runtimes", tuple)

    with pytest.raises(InstallError, match="no inference runtime"):
        check_parity(default_store(), default_store().load("omz-0095"))


def test_without_the_extra_it_says_which(
    monkeypatch: pytest.MonkeyPatch, shared_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("flatbuffers", "models.build.tflite_file", "models.build.translate"):
        monkeypatch.setitem(__import__("sys").modules, module, None)

    assert command.main(["install", "omz-0095", "--from", str(shared_models)]) == 1
    assert "rollcall[convert]" in capsys.readouterr().err


def test_too_little_data_for_the_gate_installs_nothing(
    folder: Path,
    shared_models: Path,
    shared_faces: Path,
    assets_models: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "models").mkdir(parents=True)
    for path in assets_models.glob("*.tflite"):
        (folder / "models" / path.name).symlink_to(path)
    people = shared_faces / "photos" / "people"

    arguments = ["install", "omz-0095", "--from", str(shared_models), "--evaluate", str(people)]

    assert command.main(arguments) == 1
    assert "the accuracy gate cannot be run" in capsys.readouterr().err
    assert not (folder / "models" / NAME).exists()


@pytest.mark.parametrize(("status", "is_installed"), [(0, True), (1, False)])
def test_the_gate_has_the_last_word(
    folder: Path,
    shared_models: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    is_installed: bool,
) -> None:
    asked: list[Sequence[str]] = []

    def answer(arguments: Sequence[str]) -> int:
        staged = Path(arguments[-1]) / NAME
        asked.append([*arguments[:-1], "there" if staged.is_file() else "missing"])
        return status

    # The gate itself has its own tests; a run over enough people takes minutes.
    monkeypatch.setattr("models.evaluate.cli.main", answer)
    arguments = ["install", "omz-0095", "--from", str(shared_models), "--evaluate", "faces"]

    assert command.main(arguments) == (0 if is_installed else 1)
    assert [" ".join(words) for words in asked] == [
        "gate faces --candidate omz-0095-float16 --present dlib-resnet-v1 --weights there"
    ]
    assert (folder / "models" / NAME).is_file() is is_installed
    assert not list(folder.glob(".partial-*"))


def test_a_pipeline_without_the_selected_model_says_so(
    installed: Path, assets_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert command.main(["use", "omz-0095"]) == 0
    installed.unlink()
    store = default_store()
    seen = ModelStore(store.cards_folder, (*store.folders, assets_models), store.selection)

    pipeline = FacePipeline.open(seen, PipelineSettings())

    assert pipeline.embedder_card.id == "dlib-resnet-v1"
    assert "omz-0095 is not installed here" in caplog.text
