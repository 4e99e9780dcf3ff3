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
_COOL = "Give the case air or a fan, and keep it out of the sun."
_SUPPLY = "Use the power supply that came with the board, and a short, thick cable."


def temperature(exam: Examination) -> Diagnosis:
    """Check how hot the processor is."""
    degrees = _degrees(exam)
    if degrees is None:
        return skipped("temperature", "This machine does not report its temperature.")
    words = f"The processor is at {degrees:.0f} °C"
    if degrees >= _HOT_C:
        return fail("temperature", f"{words} and slows down.", _COOL)
    if degrees >= _WARM_C:
        return warn("temperature", f"{words}, near the limit of {_HOT_C:.0f} °C.", _COOL)
    return ok("temperature", f"{words}.")


def undervoltage(exam: Examination) -> Diagnosis:
    """Check whether the power supply is too weak."""
    output = exam.machine.run("vcgencmd", "get_throttled")
    found = _THROTTLED.search(output.text) if output else None
    if found is None:
        why = "vcgencmd does not answer" if exam.machine.is_raspberry_pi else "not a Raspberry Pi"
        return skipped("undervoltage", f"The power supply was not checked: {why}.")
    bits = int(found[1], 16)
    if bits & _LOW_NOW:
        return fail("undervoltage", "The power supply is too weak.", _SUPPLY)
    if bits & _LOW_BEFORE:
        return warn(
            "undervoltage", "The power supply was too weak at times since the start.", _SUPPLY
        )
    if bits & _SLOWED:
        return warn("undervoltage", "The processor is slowed down because it is hot.", _COOL)
    return ok("undervoltage", "The power supply is strong enough.")


def _degrees(exam: Examination) -> float | None:
    output = exam.machine.run("vcgencmd", "measure_temp")
    found = _DEGREES.search(output.text) if output else None
    if found is not None:
        return float(found[1])
    zone = exam.machine.text("/sys/class/thermal/thermal_zone0/temp") or ""
    return int(zone) / 1000 if zone.isdigit() else None
