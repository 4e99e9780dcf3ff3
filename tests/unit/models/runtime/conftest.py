"""A delegate that really takes over a part of the model, and does what a file tells it to."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.runtime.isolated import Delegate

SOURCE = Path(__file__).with_name("stand_in_delegate.c")


@dataclass(frozen=True)
class StandIn:
    """Hardware of the tests: a compiled delegate, its control file and its place on the USB bus."""

    library: Path
    control: Path
    usb_devices: Path

    def plug_in(self, ids: tuple[str, str] = ("1a6e", "089a")) -> None:
        """Put it on the bus, with the ids of a Coral that has just got power."""
        device = self.usb_devices / "2-1"
        device.mkdir(exist_ok=True)
        (device / "idProduct").write_text(f"{ids[1]}\n")
        (device / "idVendor").write_text(f"{ids[0]}\n")
        self.does("works")

    def unplug(self) -> None:
        """Take it off the bus; what uses it then fails."""
        shutil.rmtree(self.usb_devices / "2-1")
        self.control.unlink()

    def does(self, what: str) -> None:
        """From the next run on: works, hangs, crashes, `errs`, or answers nonsense (`x`)."""
        written = self.control.with_suffix(".new")
        written.write_text(what)
        written.replace(self.control)

    @property
    def delegate(self) -> Delegate:
        """As it is loaded."""
        return Delegate(str(self.library), "tflite", {"control": str(self.control)})


@pytest.fixture(scope="session")
def stand_in_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("delegate") / "libstandin.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture
def stand_in(stand_in_library: Path, tmp_path: Path) -> StandIn:
    """Plugged in, and working."""
    (tmp_path / "usb").mkdir()
    hardware = StandIn(stand_in_library, tmp_path / "control", tmp_path / "usb")
    hardware.plug_in()
    return hardware
