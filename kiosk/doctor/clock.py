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
        return fail(
            "clock",
            f"The clock says {now:%Y}.",
            "Connect the machine to its network; sudo timedatectl set-ntp true sets the clock.",
        )
    answer = exam.answer()
    ahead_s = answer.clock_ahead_s if isinstance(answer, HealthAnswer) else None
    if ahead_s is not None and abs(ahead_s) > _MOST_S:
        return fail(
            "clock",
            f"The clock is {_length(ahead_s)} {'ahead of' if ahead_s > 0 else 'behind'} the"
            " server's.",
            "Turn time synchronisation on here and on the server: sudo timedatectl set-ntp true.",
        )
    return _synchronised(exam)


def _synchronised(exam: Examination) -> Diagnosis:
    shown = exam.machine.run("timedatectl", "show")
    if shown is None or not shown.is_good:
        return skipped("clock", "timedatectl does not say whether a time server sets the clock.")
    values = dict(line.partition("=")[::2] for line in shown.text.splitlines())
    if values.get("NTPSynchronized") == "yes":
        return ok("clock", "A time server sets the clock.")
    if values.get("NTP") == "no":
        return warn(
            "clock",
            "Time synchronisation is off.",
            "Turn it on: sudo timedatectl set-ntp true.",
        )
    return warn(
        "clock",
        "No time server has set the clock since the start.",
        "Allow UDP port 123, or name the school's time server in /etc/systemd/timesyncd.conf.",
    )


def _length(seconds: float) -> str:
    size = abs(seconds)
    if size >= 2 * _DAY_S:
        return f"{size / _DAY_S:.0f} days"
    return f"{size / _MINUTE_S:.0f} minutes"
