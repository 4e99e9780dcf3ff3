"""Gathers what goes into a support bundle, as named texts."""

import json
import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import SecretStr

from kiosk.config import Settings
from kiosk.doctor import Diagnosis, HostMachine, KioskReport
from protocol.v1.findings import CodedText
from provisioning.errors import ProvisioningError
from provisioning.kiosk_file import read
from provisioning.masking import HIDDEN, SECRETS
from provisioning.support.scrubbing import LogScrubber, scrubbed

_MOST_LINES = 5000
_JOURNAL_S = 20.0
_LEAST_SECRET = 4
_KERNEL_SIGNS = {
    "undervoltage": "undervoltage detected",
    "disk errors": "i/o error",
    "usb disconnects": "usb disconnect",
    "out of memory": "out of memory",
    "too hot": "temperature above threshold",
}


def gather(
    machine: HostMachine,
    file: Path,
    *,
    unit: str,
    findings: list[Diagnosis],
    report: KioskReport | CodedText,
) -> dict[str, str]:
    """Return the files of a bundle by name, without names of people and without secrets.

    Args:
        machine: this one.
        file: the kiosk's settings.
        unit: of systemd, that the kiosk runs as.
        findings: of the doctor.
        report: the kiosk's status, or why there is none.
    """
    settings, secrets = _settings(file)
    texts: dict[str, Any] = {
        "doctor.json": [
            {
                "check": one.check,
                "result": one.result,
                "words": one.words,
                "fix": one.fix,
                "code": one.code,
            }
            for one in findings
        ],
        "versions.json": _versions(machine),
        "settings.json": settings,
        "status.json": _counts(report),
        "kernel.json": _kernel(machine),
    }
    found = {name: json.dumps(content, indent=2) for name, content in texts.items()}
    found |= {"kiosk.log": _log(machine, unit)}
    return {name: scrubbed(text, secrets) for name, text in found.items()}


def _settings(file: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the known settings without comments, and the secret values to look out for."""
    try:
        present = tomlkit.parse(read(file).text).unwrap()
    except ProvisioningError:
        return {"problem": "the settings file cannot be read"}, []
    secrets = [str(present[name]) for name in SECRETS if name in present]
    known = {name: value for name, value in present.items() if name in Settings.model_fields}
    secrets += [str(value) for name, value in present.items() if name not in known]
    shown = {name: HIDDEN if _is_secret(name) else value for name, value in known.items()}
    return shown, [secret for secret in secrets if len(secret) >= _LEAST_SECRET]


def _is_secret(name: str) -> bool:
    return name in SECRETS or SecretStr.__name__ in str(Settings.model_fields[name].annotation)


def _versions(machine: HostMachine) -> dict[str, Any]:
    lines = (machine.text("/etc/os-release") or "").splitlines()
    values = dict(line.partition("=")[::2] for line in lines)
    return {
        "machine": machine.model or platform.machine(),
        "system": values.get("PRETTY_NAME", "").strip('"'),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": sorted({f"{one.name} {one.version}" for one in distributions()}),
    }


def _counts(report: KioskReport | CodedText) -> dict[str, Any]:
    if not isinstance(report, KioskReport):
        return {"problem": report.words}
    return {
        "claimed": report.is_claimed,
        "to_do": [one.fix for one in report.to_do],
        "broker_is_encrypted": report.broker and report.broker.is_tls,
        "events": report.events,
        "models": report.models,
    }


def _kernel(machine: HostMachine) -> dict[str, Any]:
    """Count what the kernel says of the hardware; its lines name devices and networks."""
    output = machine.run(
        "journalctl", "-k", "-q", "--no-pager", "-o", "cat", "--since=-1day", limit_s=_JOURNAL_S
    )
    if output is None or not output.is_good:
        return {"problem": "there is no journal of the kernel"}
    text = output.text.lower()
    return {name: text.count(sign) for name, sign in _KERNEL_SIGNS.items()}


def _log(machine: HostMachine, unit: str) -> str:
    output = machine.run(
        "journalctl",
        f"--unit={unit}",
        "-q",
        "--no-pager",
        "-o",
        "cat",
        "--since=-1day",
        f"--lines={_MOST_LINES}",
        limit_s=_JOURNAL_S,
    )
    if output is None or not output.is_good:
        return "there is no journal of the kiosk\n"
    scrubber = LogScrubber()
    return "".join(f"{scrubber.scrub(line)}\n" for line in output.text.splitlines())
