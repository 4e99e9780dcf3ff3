"""The Coral USB accelerator: port, library, access."""

import os
from pathlib import Path

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.machine import HostMachine, account_name, may

_IDS = (("1a6e", "089a"), ("18d1", "9302"))
"""Before and after its first run. Source: google-coral/edgetpu #536."""
_SLOWEST_MBITS = 5000


def accelerator(exam: Examination) -> Diagnosis:
    """Check a Coral USB accelerator, where one is plugged in."""
    if not exam.subject.uses_accelerator:
        return skipped("accelerator", "accelerator.off")
    device = _device(exam.machine)
    if device is None:
        return skipped("accelerator", "accelerator.none")
    speed = exam.machine.text(f"{_inside(exam.machine, device)}/speed") or ""
    if speed.isdigit() and int(speed) < _SLOWEST_MBITS:
        return warn("accelerator", "accelerator.slow_port", speed=speed)
    return _library(exam) or _access(exam, device) or ok("accelerator", "accelerator.good")


def _device(machine: HostMachine) -> Path | None:
    for path in machine.glob("/sys/bus/usb/devices/*"):
        inside = _inside(machine, path)
        found = machine.text(f"{inside}/idVendor"), machine.text(f"{inside}/idProduct")
        if found in _IDS:
            return path
    return None


def _inside(machine: HostMachine, path: Path) -> str:
    return f"/{path.relative_to(machine.root)}"


def _library(exam: Examination) -> Diagnosis | None:
    name = exam.subject.accelerator_library
    if "/" in name:
        is_there = exam.machine.path(name).exists()
    else:
        is_there = name in _libraries(exam.machine, otherwise=name)
    if is_there:
        return None
    return fail("accelerator", "accelerator.no_library", library=name)


def _libraries(machine: HostMachine, *, otherwise: str) -> str:
    """List the system's libraries; /sbin is not on the path of every account."""
    listed = machine.run("ldconfig", "-p") or machine.run(str(machine.path("/sbin/ldconfig")), "-p")
    return listed.text if listed is not None and listed.is_good else otherwise


def _access(exam: Examination, device: Path) -> Diagnosis | None:
    inside = _inside(exam.machine, device)
    bus, number = (exam.machine.text(f"{inside}/{name}") or "" for name in ("busnum", "devnum"))
    if not (bus.isdigit() and number.isdigit()):
        return None
    node = exam.machine.path(f"/dev/bus/usb/{int(bus):03d}/{int(number):03d}")
    try:
        uid = exam.subject.data_dir.stat().st_uid
        if may(uid, node, os.R_OK | os.W_OK):
            return None
    except OSError:
        return None
    return fail("accelerator", "accelerator.closed", account=account_name(uid))
