"""What the kiosk says of itself: its claim, its records, its models (`status --json`)."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk.doctor.machine import HostMachine
from protocol.v1.findings import CodedText, coded

_LIMIT_S = 11.0


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """Where the broker is."""

    host: str
    port: int
    is_tls: bool


@dataclass(frozen=True, slots=True)
class KioskReport:
    """The kiosk's own status.

    Attributes:
        is_claimed: it has keys and credentials.
        to_do: what its identity, its key and its server's answer ask for.
        broker: where it is; None where none is used or known.
        events: counts by name: recorded, waiting, kept, refused, lost; None where the outbox
            cannot be read, empty where there is none yet.
        models: state of each model file by the name of its card: ok, missing or damaged.
    """

    is_claimed: bool
    to_do: tuple[CodedText, ...]
    broker: BrokerPlace | None
    events: dict[str, int] | None
    models: dict[str, str]


def parse_report(text: str) -> KioskReport | None:
    """Read the output of `rollcall-kiosk status --json`; None where it is something else."""
    try:
        found: dict[str, Any] = json.loads(text)
        broker, events = found["broker"], found["events"]
        return KioskReport(
            is_claimed=bool(found["claimed"]),
            to_do=tuple(
                _to_do(line)
                for line in found["lines"]
                if line["to_do"] and line["name"] in ("identity", "key", "server")
            ),
            broker=broker
            and BrokerPlace(str(broker["host"]), int(broker["port"]), bool(broker["tls"])),
            events=None if events is None else {str(k): int(v) for k, v in events.items()},
            models={str(name): str(state) for name, state in found["models"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _to_do(line: dict[str, Any]) -> CodedText:
    values = {str(name): str(value) for name, value in line.get("values", {}).items()}
    return CodedText(str(line["words"]), str(line["to_do"]), str(line.get("code", "")), values)


def read_report(
    machine: HostMachine, settings_file: Path | None, *, limit_s: float = _LIMIT_S
) -> KioskReport | CodedText:
    """Ask the kiosk's software; else the words say why it did not answer."""
    command = "rollcall-kiosk"
    if not machine.has(command):
        command = str(Path(sys.executable).with_name(command))
    options = [] if settings_file is None else ["--config", str(settings_file)]
    output = machine.run(command, "status", "--json", *options, limit_s=limit_s)
    if output is None:
        return coded("report.not_installed")
    if output.status is None:
        return coded("report.late")
    report = parse_report(output.text)
    if report is None:
        reason = output.errors.strip().splitlines()[-1:]
        if not reason:
            return coded("report.empty")
        return coded("report.failed", detail=reason[0].removeprefix("rollcall-kiosk: "))
    return report
