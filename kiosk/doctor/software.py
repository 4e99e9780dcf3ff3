"""The software: versions, and the model files."""

import platform
from importlib.metadata import version

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.report import KioskReport
from kiosk.doctor.server import HealthAnswer

_FOUND = "ok"


def versions(exam: Examination) -> Diagnosis:
    """Compare the version here with the server's."""
    own = version("rollcall")
    answer = exam.answer()
    theirs = str(answer.body.get("version", "")) if isinstance(answer, HealthAnswer) else ""
    if theirs and theirs != own:
        return warn(
            "versions",
            f"This machine has Rollcall {own}, the server {theirs}.",
            "Install the server's version here, or update the server first if it is older.",
        )
    return ok("versions", f"Rollcall {own}, Python {platform.python_version()}, {_system(exam)}.")


def models(exam: Examination) -> Diagnosis:
    """Check that each model file is there and is the one of its card."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("models", f"The model files were not checked: {report}.")
    wrong = [f"{name} is {state}" for name, state in report.models.items() if state != _FOUND]
    if wrong:
        return fail(
            "models",
            f"Model files are not usable: {', '.join(wrong)}.",
            "Run rollcall-models install; without internet, rollcall-models install --from FOLDER.",
        )
    return ok(
        "models", f"{len(report.models)} model files are there, each with the digest of its card."
    )


def _system(exam: Examination) -> str:
    lines = (exam.machine.text("/etc/os-release") or "").splitlines()
    values = dict(line.partition("=")[::2] for line in lines)
    name = values.get("PRETTY_NAME", "").strip('"') or "an unknown system"
    return f"{name} on {exam.machine.model}" if exam.machine.model else name
