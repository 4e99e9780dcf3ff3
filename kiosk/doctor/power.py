"""Heat and power supply, as the firmware of a Raspberry Pi reports them."""

import re

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn

_HOT_C, _WARM_C = 80.0, 70.0
_THROTTLED = re.compile(r"throttled=0x([0-9a-fA-F]+)")
_DEGREES = re.compile(r"temp=(\d+(?:\.\d+)?)")
_LOW_NOW, _LOW_BEFORE = 1 << 0, 1 << 16
"""Bits of `vcgencmd get_throttled`. Source: raspberrypi.com, documentation of vcgencmd."""
_SLOWED = 1 << 1 | 1 << 2 | 1 << 3


def temperature(exam: Examination) -> Diagnosis:
    """Check how hot the processor is."""
    degrees = _degrees(exam)
    if degrees is None:
        return skipped("temperature", "temperature.unknown")
    shown = f"{degrees:.0f}"
    if degrees >= _HOT_C:
        return fail("temperature", "temperature.hot", degrees=shown)
    if degrees >= _WARM_C:
        return warn("temperature", "temperature.warm", degrees=shown, limit=f"{_HOT_C:.0f}")
    return ok("temperature", "temperature.good", degrees=shown)


def undervoltage(exam: Examination) -> Diagnosis:
    """Check whether the power supply is too weak."""
    output = exam.machine.run("vcgencmd", "get_throttled")
    found = _THROTTLED.search(output.text) if output else None
    if found is None:
        if exam.machine.is_raspberry_pi:
            return skipped("undervoltage", "undervoltage.unknown")
        return skipped("undervoltage", "undervoltage.other_board")
    bits = int(found[1], 16)
    if bits & _LOW_NOW:
        return fail("undervoltage", "undervoltage.now")
    if bits & _LOW_BEFORE:
        return warn("undervoltage", "undervoltage.before")
    if bits & _SLOWED:
        return warn("undervoltage", "undervoltage.slowed")
    return ok("undervoltage", "undervoltage.good")


def _degrees(exam: Examination) -> float | None:
    output = exam.machine.run("vcgencmd", "measure_temp")
    found = _DEGREES.search(output.text) if output else None
    if found is not None:
        return float(found[1])
    zone = exam.machine.text("/sys/class/thermal/thermal_zone0/temp") or ""
    return int(zone) / 1000 if zone.isdigit() else None
