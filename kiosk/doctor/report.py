"""What the kiosk says of itself: its claim, its records, its models (`status --json`)."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk.doctor.machine import HostMachine

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
        to_do: what its identity, its key and its server's answer ask for: (problem, fix).
        broker: where it is; None where none is used or known.
        events: counts by name: recorded, waiting, kept, refused, lost; None where the outbox
            cannot be read, empty where there is none yet.
        models: state of each model file by the name of its card: ok, missing or damaged.
    """

    is_claimed: bool
    to_do: tuple[tuple[str, str], ...]
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
                (str(line["words"]), str(line["to_do"]))
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


def read_report(
    machine: HostMachine, settings_file: Path | None, *, limit_s: float = _LIMIT_S
) -> KioskReport | str:
    """Ask the kiosk's software; a sentence says why it did not answer."""
    command = "rollcall-kiosk"
    if not machine.has(command):
        command = str(Path(sys.executable).with_name(command))
    options = [] if settings_file is None else ["--config", str(settings_file)]
    output = machine.run(command, "status", "--json", *options, limit_s=limit_s)
    if output is None:
        return "the kiosk's software is not installed here"
    if output.status is None:
        return "rollcall-kiosk status did not answer in time"
    report = parse_report(output.text)
    if report is None:
        reason = output.errors.strip().splitlines()[-1:] or ["it printed no status"]
        return f"rollcall-kiosk status failed: {reason[0].removeprefix('rollcall-kiosk: ')}"
    return report
