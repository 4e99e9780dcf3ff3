"""A machine in order, with its tools alone on the path."""

from pathlib import Path

import pytest

from tests.unit.kiosk.doctor.bench import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("kiosk.doctor.report.sys.executable", str(tmp_path / "bin" / "python"))
    return made
