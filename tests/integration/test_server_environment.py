"""The server installed alone carries no ML, and starts."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.ports import free_port, is_listening
from tests.support.processes import running

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".tools" / "bin" / "uv"
ML_PACKAGES = {
    "numpy",
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "pillow",
    "pi-heif",
    "tflite-runtime",
    "ai-edge-litert",
    "mediapipe",
    "onnxruntime",
    "pyside6-essentials",
    "tensorflow-cpu",
}


def locked_closure(extra: str) -> set[str]:
    """Names of every package that `uv.lock` installs for one extra, whatever the platform."""
    packages = {
        entry["name"]: entry
        for entry in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    }
    rollcall = packages["rollcall"]
    waiting = [*rollcall["dependencies"], *rollcall["optional-dependencies"][extra]]
    names: set[str] = set()
    while waiting:
        dependency: dict[str, Any] = waiting.pop()
        entry = packages[dependency["name"]]
        extras = entry.get("optional-dependencies", {})
        wanted = [need for name in dependency.get("extra", []) for need in extras.get(name, [])]
        if dependency["name"] not in names:
            wanted += entry.get("dependencies", [])
        names.add(dependency["name"])
        waiting += wanted
    return names


def test_the_lock_gives_the_server_no_ml_package() -> None:
    assert not locked_closure("server") & ML_PACKAGES


def test_the_same_reading_of_the_lock_finds_ml_packages_where_they_are() -> None:
    assert {"numpy", "opencv-python"} <= locked_closure("ml")


@pytest.fixture(scope="module")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the server extra alone, installed from a built wheel."""
    if not UV.exists():
        pytest.skip("needs the project's own uv: scripts/bootstrap installs it")
    folder = tmp_path_factory.mktemp("server") / "venv"
    options = ["--quiet", "--frozen", "--no-default-groups", "--no-editable", "--extra", "server"]
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


@pytest.mark.integration
@pytest.mark.parametrize(
    "module", ["numpy", "cv2", "PIL", "tflite_runtime", "ai_edge_litert", "PySide6"]
)
def test_the_server_environment_cannot_import(server_environment: Path, module: str) -> None:
    answer = subprocess.run(
        [server_environment / "bin" / "python", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert "ModuleNotFoundError" in answer.stderr


_PRINT = """
from server.credentials.printing import PinLetter, pin_letters
from server.web.translations import translator
pdf = pin_letters([PinLetter("Ana", "S-1", "123456")], "School", translator("en"))
assert pdf.startswith(b"%PDF")
"""


@pytest.mark.integration
def test_the_server_prints_without_a_library_of_pictures(server_environment: Path) -> None:
    python = server_environment / "bin" / "python"
    answer = subprocess.run(
        [python, "-c", _PRINT], capture_output=True, text=True, cwd="/", check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.integration
def test_the_server_starts_from_its_extra_alone(server_environment: Path, tmp_path: Path) -> None:
    port = free_port()
    with running(
        [str(server_environment / "bin" / "rollcall-server"), "serve"],
        log_path=tmp_path / "server.log",
        ready=lambda: is_listening(port),
        env={
            "ROLLCALL_SERVER_DATA_DIR": str(tmp_path / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        },
    ):
        health = requests.get(f"http://127.0.0.1:{port}/health", timeout=10).json()
        page = requests.get(f"http://127.0.0.1:{port}/", timeout=10)
    assert health["database"] == "up"
    assert page.status_code == 200
    assert "<form" in page.text
