"""The software: versions, and the model files."""

import platform
from importlib.metadata import version

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.report import KioskReport
from kiosk.doctor.server import HealthAnswer

_FOUND = "ok"
_UNUSABLE = "models.unusable"
_WRONG = {"missing": "models.missing", "damaged": "models.damaged"}


def versions(exam: Examination) -> Diagnosis:
    """Compare the version here with the server's."""
    own = version("rollcall")
    answer = exam.answer()
    theirs = str(answer.body.get("version", "")) if isinstance(answer, HealthAnswer) else ""
    if theirs and theirs != own:
        return warn("versions", "versions.differ", own=own, server=theirs)
    python, system, board = platform.python_version(), _system(exam), exam.machine.model
    if board:
        return ok(
            "versions", "versions.good_board", own=own, python=python, system=system, board=board
        )
    return ok("versions", "versions.good", own=own, python=python, system=system)


def models(exam: Examination) -> Diagnosis:
    """Check that each model file is there and is the one of its card."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("models", "models.no_report", why=report)
    wrong = {name: state for name, state in report.models.items() if state != _FOUND}
    if wrong:
        states = set(wrong.values())
        code = _WRONG.get(states.pop(), _UNUSABLE) if len(states) == 1 else _UNUSABLE
        return fail("models", code, names=", ".join(wrong))
    return ok("models", "models.good", count=len(report.models))


def _system(exam: Examination) -> str:
    lines = (exam.machine.text("/etc/os-release") or "").splitlines()
    values = dict(line.partition("=")[::2] for line in lines)
    return values.get("PRETTY_NAME", "").strip('"') or "Linux"
