"""The clock: whether it is set, and how far it is from the server's."""

from datetime import UTC, datetime

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.server import HealthAnswer

_BUILT_YEAR = 2026
_MOST_S = 60.0
_MINUTE_S, _DAY_S = 60, 86_400


def clock(exam: Examination) -> Diagnosis:
    """Check the clock against the server's, and that a time server sets it."""
    now = datetime.now(UTC)
    if now.year < _BUILT_YEAR:
        return fail("clock", "clock.year", year=f"{now:%Y}")
    answer = exam.answer()
    ahead_s = answer.clock_ahead_s if isinstance(answer, HealthAnswer) else None
    if ahead_s is not None and abs(ahead_s) > _MOST_S:
        return _wrong(ahead_s)
    return _synchronised(exam)


def _synchronised(exam: Examination) -> Diagnosis:
    shown = exam.machine.run("timedatectl", "show")
    if shown is None or not shown.is_good:
        return skipped("clock", "clock.unknown")
    values = dict(line.partition("=")[::2] for line in shown.text.splitlines())
    if values.get("NTPSynchronized") == "yes":
        return ok("clock", "clock.good")
    if values.get("NTP") == "no":
        return warn("clock", "clock.sync_off")
    return warn("clock", "clock.never_set")


def _wrong(ahead_s: float) -> Diagnosis:
    size_s = abs(ahead_s)
    if size_s >= 2 * _DAY_S:
        code = "clock.ahead_days" if ahead_s > 0 else "clock.behind_days"
        return fail("clock", code, count=round(size_s / _DAY_S))
    code = "clock.ahead_minutes" if ahead_s > 0 else "clock.behind_minutes"
    return fail("clock", code, count=round(size_s / _MINUTE_S))
