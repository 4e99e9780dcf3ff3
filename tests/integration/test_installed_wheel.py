"""The wheel, installed without a checkout, gets its models with its own commands."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".tools" / "bin" / "uv"
PACKAGES = ("kiosk", "server", "models", "provisioning", "protocol")
MEDIAPIPE = (
    "face_detection_full_range_sparse.tflite",
    "face_detection_short_range.tflite",
    "face_landmark.tflite",
)


def spoken() -> Iterator[tuple[str, str]]:
    """Every text of the installed packages that is no docstring, with its place."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and id(node) not in silent:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", str(node.value)


def test_no_message_names_what_the_wheel_does_not_contain() -> None:
    told = [place for place, text in spoken() if "scripts/" in text or "fetch_assets" in text]

    assert told == []


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the ml extra alone, installed from a built wheel."""
    if not UV.exists():
        pytest.skip("needs the project's own uv: scripts/bootstrap installs it")
    folder = tmp_path_factory.mktemp("ml") / "venv"
    options = ["--quiet", "--frozen", "--no-default-groups", "--no-editable", "--extra", "ml"]
    subprocess.run(
        [str(UV), "sync", *options],
        check=True,
        cwd=ROOT,
        env={
            **os.environ,
            "UV_PROJECT_ENVIRONMENT": str(folder),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_PYTHON": sys.executable,
        },
    )
    return folder


def run(environment: Path, assets: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `rollcall-models` of the environment, far away from the checkout."""
    return subprocess.run(
        [environment / "bin" / "rollcall-models", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, "ROLLCALL_ASSETS": str(assets)},
    )


@pytest.mark.integration
def test_the_wheel_installs_its_models_from_a_folder(
    environment: Path, assets: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in MEDIAPIPE:
        (given / name).symlink_to(assets / "models" / name)

    done = run(environment, tmp_path, "install", "--from", str(given))

    assert done.returncode == 0, done.stderr
    assert "omz-0095 is left out" in done.stdout
    assert "the less accurate dlib-resnet-v1 is used" in done.stdout
    assert all((tmp_path / "models" / name).is_file() for name in MEDIAPIPE)


@pytest.mark.integration
def test_the_command_that_the_wheel_names_is_one_that_it_has(
    environment: Path, assets: Path, tmp_path: Path
) -> None:
    look = (
        "from models.store import default_store; from models.errors import ModelsError\n"
        "try: default_store().load('face-mesh')\n"
        "except ModelsError as error: print(error)"
    )
    said = subprocess.run(
        [environment / "bin" / "python", "-c", look],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={**os.environ, "ROLLCALL_ASSETS": str(tmp_path)},
    ).stdout
    command = said.partition("run rollcall-models ")[2].partition(" to get it")[0]

    done = run(environment, tmp_path, *command.split(), "--from", str(assets / "models"))
    assert command == "install face-mesh"
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models" / "face_landmark.tflite").is_file()
