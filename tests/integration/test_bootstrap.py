"""A fresh clone gets its tools and its environment without the package index, if it can.

The script is the real one. Python, pip and uv are stand-ins, which note how they are called.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.integration

#: `python -m venv FOLDER` makes FOLDER/bin/python, another copy of this.
PYTHON = """#!/bin/sh
case "$*" in
    "-c "*) exit 0 ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && exit 0 ;;
esac
echo "pip $*" >> "$CALLS"
case "$*" in *" download "*) [ -n "$INDEX" ] && touch "$WHEEL"; exit ;; esac
[ -f "$WHEEL" ] && cp "$UV" "$(dirname "$0")/uv"
"""
UV = """#!/bin/sh
[ "$1" = --version ] && echo "uv 0.13.9" && exit 0
echo "uv $*" >> "$CALLS"
case " $* " in *" --offline "*) [ -n "$DOWNLOADED" ] ;; *) [ -n "$INDEX" ] ;; esac
"""


@dataclass
class Machine:
    """A clone on a machine that reaches the index or not, and has downloaded things before or not.

    Attributes:
        folder: everything is in it.
        said: what the last run printed.
        called: how pip and uv were called in the last run.
    """

    folder: Path
    said: str = ""
    called: list[str] = field(default_factory=list)

    @property
    def wheel(self) -> Path:
        """Where uv's wheel is kept between clones."""
        return self.folder / "cache" / "rollcall" / "tools" / "uv.whl"

    def clone(self) -> None:
        """Make a new clone in place of the last one."""
        shutil.rmtree(self.folder / "clone", ignore_errors=True)
        (self.folder / "clone" / "scripts").mkdir(parents=True)
        for name in ("bootstrap", "machine.sh", "debian-packages.txt"):
            shutil.copy(ROOT / "scripts" / name, self.folder / "clone" / "scripts" / name)

    def bootstrap(self, *, has_index: bool, has_downloaded: bool) -> int:
        """Run the script; returns its exit status."""
        calls = self.folder / "calls"
        calls.write_text("")
        env = {
            "HOME": str(self.folder),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "CALLS": str(calls),
            "UV": str(self.folder / "bin" / "uv"),
            "WHEEL": str(self.wheel),
            "INDEX": "yes" if has_index else "",
            "DOWNLOADED": "yes" if has_downloaded else "",
        }
        command = [str(self.folder / "clone" / "scripts" / "bootstrap"), "lint"]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        self.said, self.called = ended.stderr, calls.read_text().splitlines()
        return ended.returncode

    def calls_of(self, name: str) -> list[str]:
        """Return how a program was called in the last run."""
        return [call for call in self.called if call.startswith(name)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.wheel.parent.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for name, text in (("python3.11", PYTHON), ("uv", UV)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    made.clone()
    return made


def test_second_clone_needs_no_index(machine: Machine) -> None:
    assert machine.bootstrap(has_index=True, has_downloaded=False) == 0, machine.said
    assert ["download" in call for call in machine.calls_of("pip")] == [False, True, False]
    assert ["--offline" in call for call in machine.calls_of("uv")] == [True, False]

    machine.clone()
    assert machine.bootstrap(has_index=False, has_downloaded=True) == 0, machine.said
    assert [str(machine.wheel.parent) in call for call in machine.calls_of("pip")] == [True]
    assert ["--offline" in call for call in machine.calls_of("uv")] == [True]


def test_index_is_not_asked_for_what_is_here(machine: Machine) -> None:
    machine.wheel.touch()
    assert machine.bootstrap(has_index=True, has_downloaded=True) == 0, machine.said
    assert "--no-index" in machine.calls_of("pip")[0]
    assert ["--offline" in call for call in machine.calls_of("uv")] == [True]


def test_machine_with_neither_index_nor_wheel_is_told_what_to_do(machine: Machine) -> None:
    assert machine.bootstrap(has_index=False, has_downloaded=True) == 1
    assert f"put uv's wheel into {machine.wheel.parent}" in machine.said
    assert machine.calls_of("uv") == []


def test_environment_that_cannot_be_had_ends_with_a_reason(machine: Machine) -> None:
    machine.wheel.touch()
    assert machine.bootstrap(has_index=False, has_downloaded=False) == 1
    assert "could not install the locked environment" in machine.said


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((), "name what this machine is for: sudo scripts/install server ml"),
        (("server", "printer"), "unknown part printer: name server, ml or kiosk"),
    ],
    ids=["nothing", "unknown"],
)
def test_install_says_what_it_needs_before_it_does_anything(
    parts: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    told = subprocess.run(
        [ROOT / "scripts" / "install", *parts],
        env={"PATH": os.environ["PATH"], "ROLLCALL_PLACE": str(tmp_path / "place")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 1
    assert words in told.stderr
    assert list(tmp_path.iterdir()) == []
