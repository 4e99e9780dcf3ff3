"""Checks of the machine that a kiosk runs on: each names a problem and its fix.

Nothing here imports Qt, OpenCV, models or the rest of the kiosk, so `rollcall-provision doctor`
works where the kiosk does not start.
"""

from kiosk.doctor.checks import CHECK_NAMES, MACHINE_CHECKS, examine
from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import CheckResult, Diagnosis, worst
from kiosk.doctor.machine import HostMachine
from kiosk.doctor.report import KioskReport, read_report
from kiosk.doctor.subject import KioskSetup

__all__ = [
    "CHECK_NAMES",
    "MACHINE_CHECKS",
    "CheckResult",
    "Diagnosis",
    "Examination",
    "HostMachine",
    "KioskReport",
    "KioskSetup",
    "examine",
    "read_report",
    "worst",
]
