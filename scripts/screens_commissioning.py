"""The states of the acceptance test that scripts/screens.py draws."""

from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtGui import QGuiApplication

from kiosk.domain.commissioning import CommissionProgress, CommissionView, ReportDelivery
from kiosk.ui.shell import KioskWindow
from protocol.v1.findings import coded
from protocol.v1.messages import CommissionStepName
from scripts.invented_commissioning import invented_step

_AT = datetime(2026, 9, 14, 9, 6, tzinfo=UTC)


def _progress(until: CommissionStepName | None) -> CommissionProgress:
    """Return a test in which every step before this one has its result."""
    names = list(CommissionStepName)
    done = names if until is None else names[: names.index(until)]
    progress = CommissionProgress("", "", "Room 12", _AT)
    for name in done:
        progress = progress.with_step(invented_step(name, _AT))
    return progress


_PRINT, _SCREEN = CommissionStepName.PRINT_ATTACK, CommissionStepName.SCREEN_ATTACK
_READY = CommissionView(_progress(_PRINT), _PRINT)
COMMISSIONING_STATES = {
    "commission": _READY,
    "commission-testing": replace(_READY, is_running=True, left_s=8.0),
    "commission-failed": CommissionView(
        _progress(_SCREEN).with_step(invented_step(_SCREEN, _AT)), _SCREEN
    ),
    "commission-skip": _READY,
    "commission-end": CommissionView(_progress(None), None),
    "commission-sent": CommissionView(_progress(None), None, delivery=ReportDelivery.DELIVERED),
    "commission-unclaimed": CommissionView(problem=coded("step.unclaimed")),
}


def show_commissioning(name: str, window: KioskWindow) -> None:
    """Open the test in this state, if the name belongs to it."""
    shown = COMMISSIONING_STATES.get(name)
    if shown is None:
        return
    window.open_commissioning()
    window.post_commissioning(shown)
    QGuiApplication.processEvents()
    if name == "commission-skip":
        window.shell.commissioning_presenter.press("skip")
    QGuiApplication.processEvents()
