"""`doctor`: name what is wrong with this machine, and what fixes it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kiosk.config import Settings, UnusableSettingsError, load_settings
from kiosk.doctor import (
    CHECK_NAMES,
    MACHINE_CHECKS,
    CheckResult,
    Diagnosis,
    Examination,
    HostMachine,
    KioskReport,
    KioskSetup,
    examine,
    worst,
)
from kiosk.doctor.findings import fail, ok
from provisioning.options import DEFAULT_FILE, add_command
from provisioning.outcome import CommandOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.v1.findings import CodedText
    from provisioning.options import Commands

STATUSES = {CheckResult.OK: 0, CheckResult.WARN: 3, CheckResult.FAIL: 4}
_EXIT_WORDS = """exit status:
  0  no problem was found; skipped checks count as well
  2  the command line is wrong
  3  there are warnings
  4  something does not work
"""
_NOTES = """Run it with sudo, so that it may see everything. It changes nothing, takes less than
15 seconds, and leaves the camera alone while the kiosk runs.
"""
_WORDS = {
    CheckResult.FAIL: ("failed", "failed"),
    CheckResult.WARN: ("warning", "warnings"),
    CheckResult.OK: ("ok", "ok"),
    CheckResult.SKIPPED: ("skipped", "skipped"),
}


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "doctor",
        run,
        words="check this kiosk's machine and name the fix for each problem",
        example="rollcall-provision doctor --file /etc/rollcall/kiosk.toml",
        statuses=f"{_EXIT_WORDS}\n{_NOTES}",
    )
    command.add_argument(
        "--file", type=Path, default=DEFAULT_FILE, help=f"the kiosk's settings [{DEFAULT_FILE}]"
    )


def run(options: argparse.Namespace) -> CommandOutcome:
    """Run the checks on this machine."""
    findings = examined(HostMachine(), options.file)
    return CommandOutcome(_text(findings), {"checks": facts(findings)}, STATUSES[worst(findings)])


def examined(
    machine: HostMachine, file: Path, report: "Callable[[], KioskReport | CodedText] | None" = None
) -> list[Diagnosis]:
    """Run all checks; without usable settings only those of the machine itself.

    Args:
        machine: this one.
        file: the kiosk's settings.
        report: returns the kiosk's status, or why there is none; None: the kiosk is asked.
    """
    try:
        settings, fault = load_settings(file), None
    except UnusableSettingsError as exc:
        settings, fault = Settings.model_construct(), _settings_fault(file, str(exc))
    except PermissionError:
        settings = Settings.model_construct()
        fault = fail("settings", "settings.closed", file=str(file))
    is_usable = fault is None
    subject = KioskSetup.of(dict(settings), file if is_usable else None)
    names = CHECK_NAMES if is_usable else MACHINE_CHECKS
    first = fault or ok("settings", "settings.usable", file=str(file))
    return [first, *examine(Examination(machine, subject, report=report), names=names)]


def facts(findings: list[Diagnosis]) -> list[dict[str, Any]]:
    """Return findings for JSON; programs go by the code, which other languages need too."""
    return [
        {
            "check": one.check,
            "result": one.result.value,
            "words": one.words,
            "fix": one.fix,
            "code": one.code,
            "values": dict(one.values),
        }
        for one in findings
    ]


def _settings_fault(file: Path, reason: str) -> Diagnosis:
    if not file.exists():
        return fail("settings", "settings.missing", file=str(file))
    return fail("settings", "settings.unusable", reason=reason, file=str(file))


def _text(findings: list[Diagnosis]) -> str:
    width = max(len(one.check) for one in findings)
    lines = []
    for one in findings:
        lines.append(f"{one.result.value:<7}  {one.check:<{width}}  {one.words}")
        if one.fix:
            lines.append(f"{'':<7}  {'':<{width}}  fix: {one.fix}")
    return "\n".join([*lines, _summary(findings)])


def _summary(findings: list[Diagnosis]) -> str:
    counts = {result: sum(one.result is result for one in findings) for result in _WORDS}
    return ", ".join(
        f"{count} {_WORDS[result][0 if count == 1 else 1]}"
        for result, count in counts.items()
        if count
    )
