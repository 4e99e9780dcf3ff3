"""The command line answers with tables, plots and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.evaluate.cli import REFUSED, UNUSABLE, main
from models.evaluate.commands import COMMANDS
from models.evaluate.gate import Comparison, GateVerdict
from models.store import default_store, read_card

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 150
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def data(shared_faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few people of lfw-dev, two pictures each; only links, nothing is copied."""
    folder = tmp_path_factory.mktemp("people")
    source = shared_faces / "lfw-dev"
    people = [
        own for own in sorted(source.iterdir()) if own.is_dir() and len(list(own.iterdir())) > 1
    ]
    for person in people[:PEOPLE]:
        (folder / person.name).mkdir()
        for picture in sorted(person.iterdir())[:2]:
            (folder / person.name / picture.name).symlink_to(picture)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def test_verification_prints_a_table_and_draws_a_curve(
    assets: Path, data: Path, cache: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    plot = tmp_path / "det.png"

    code = main(["verification", str(data), "--cache", cache, "--plot", str(plot)])

    printed = capsys.readouterr()
    assert code == 0
    assert "| dlib-resnet-v1 float16 |" in printed.out
    assert "dlib-resnet-v1: 100%" in printed.err
    assert plot.read_bytes().startswith(PNG)


def test_identification_says_what_it_cannot_say(
    assets: Path, data: Path, cache: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    plot = tmp_path / "det.png"
    options = ["--gallery", "10", "500", "--enrolled", "1", "--probes", "1", "--draws", "30"]

    code = main(["identification", str(data), "--cache", cache, *options, "--plot", str(plot)])

    printed = capsys.readouterr().out
    assert code == 0
    assert "not stated" in printed
    assert "too few for a gallery of 500" in printed
    assert plot.read_bytes().startswith(PNG)


def test_calibration_goes_into_the_card(
    assets: Path, data: Path, cache: str, tmp_path: Path
) -> None:
    assert assets.is_dir()
    card = tmp_path / "dlib-resnet-v1.toml"
    card.write_bytes((default_store().cards_folder / card.name).read_bytes())

    code = main(["calibrate", str(data), "--cache", cache, "--card", str(card)])

    calibration = read_card(card).calibration
    assert code == 0
    assert calibration is not None
    assert calibration.data.endswith(f"{PEOPLE} people, {2 * PEOPLE} pictures")


def test_rates_for_classes_go_into_the_card_and_replace_those_of_the_same_data(
    assets: Path, data: Path, cache: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    card = tmp_path / "dlib-resnet-v1.toml"
    card.write_bytes((default_store().cards_folder / card.name).read_bytes())
    before = read_card(card).calibration
    assert before is not None
    options = ["--cache", cache, "--enrolled", "1", "--card", str(card)]

    codes = [main(["classes", str(data), *options]) for _ in range(2)]

    after = read_card(card).calibration
    assert codes == [0, 0]
    assert after is not None
    added = [rate for rate in after.classes if rate.data == data.name]
    assert after.classes == (*before.classes, *added)
    assert [(rate.kind, rate.target_fpir) for rate in added] == [
        (kind, target) for kind in ("random", "similar") for target in (1e-2, 1e-4)
    ]
    assert f"| 1 | similar | {PEOPLE} |" in capsys.readouterr().out


def test_errors_are_shown_by_sex_and_decade_of_birth(
    assets: Path, data: Path, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    names = sorted(own.name for own in data.iterdir() if own.is_dir())
    lines = [f"{name}\t19{60 + 10 * (n % 2)}\t{'FM'[n % 2]}" for n, name in enumerate(names)]
    (data / "people.tsv").write_text("\n".join(("id\tborn\tsex", *lines)))

    code = main(["parts", str(data), "--cache", cache, "--fmr", "0.01"])

    printed = capsys.readouterr().out
    assert code == 0
    for part in ("women | 75", "men | 75", "born 1960-1969 | 75", f"everybody | {PEOPLE}"):
        assert f"| 1 % | {part} |" in printed


def test_what_fusing_frames_costs_goes_into_the_card(
    assets: Path,
    data: Path,
    cache: str,
    shared_faces: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert assets.is_dir()
    card = tmp_path / "dlib-resnet-v1.toml"
    card.write_bytes((default_store().cards_folder / card.name).read_bytes())
    people = tmp_path / "people.tsv"
    people.write_text("again\tone\nbird\ttwo\n")
    clips = ["--clips", str(shared_faces / "clips"), "--people", str(people)]
    options = ["--fused", "3", "--fmr", "0.1", "0.01", "--card", str(card)]

    code = main(["fused", str(data), "--cache", cache, *clips, *options])

    calibration = read_card(card).calibration
    assert code == 0
    assert calibration is not None
    assert 0 < calibration.fused_shift < 0.1
    assert "| 3 | 10 % |" in capsys.readouterr().out


def test_the_gate_lets_the_present_model_through(
    assets: Path, data: Path, cache: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assets.is_dir()
    same = ["--present", "dlib-resnet-v1", "--candidate", "dlib-resnet-v1"]

    code = main(["gate", str(data), "--cache", cache, "--gallery", "10", *same])

    assert code == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_a_refusal_is_an_exit_code_and_one_sentence(
    assets: Path,
    data: Path,
    cache: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert assets.is_dir()
    verdict = GateVerdict((Comparison("FNIR", 0.01, 0.2, 0.3, 0.01),))
    monkeypatch.setattr("models.evaluate.commands.compare", lambda *_: verdict)

    code = main(["gate", str(data), "--cache", cache, "--candidate", "dlib-resnet-v1-int8"])

    assert code == REFUSED
    assert capsys.readouterr().out == (
        "dlib-resnet-v1-int8 is refused: its FNIR is 20.00% where dlib-resnet-v1 has 1.00%, and may"
        " be up to 30.00 percentage points worse, more than the 1.00 allowed\n"
    )


@pytest.mark.parametrize("command", ["verification", "identification"])
def test_missing_data_is_a_sentence_and_not_a_traceback(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "nowhere")]) == UNUSABLE
    assert capsys.readouterr().err.startswith("there is no folder")


@pytest.mark.parametrize("command", [*COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])

    assert left.value.code == 0
    assert "--cache" in capsys.readouterr().out
