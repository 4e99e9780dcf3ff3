"""The states of the acceptance test that scripts/screens.py draws."""

from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtGui import QGuiApplication

from kiosk.domain.commissioning import CommissionProgress, CommissionView, ReportDelivery
from kiosk.ui.shell import KioskWindow
from protocol.v1.messages import CommissionStep, CommissionStepName, SkipReason, StepOutcome

_AT = datetime(2026, 9, 14, 9, 6, tzinfo=UTC)
_SEEN = {
    CommissionStepName.LIGHT: "The light is good (brightness 52 %).",
    CommissionStepName.FOCUS: "The picture is sharp (figure 212).",
    CommissionStepName.DISTANCE: "The face was good enough to be recognised.",
    CommissionStepName.PRINT_ATTACK: "Not accepted in 4 tries.",
    CommissionStepName.CLOCK: "A time server sets the clock.",
    CommissionStepName.HTTP: "The server answers (18 ms).",
    CommissionStepName.MQTT: "The broker answers at 10.20.0.4 port 8883.",
    CommissionStepName.OFFLINE_DRILL: "Delivered 6 s after 60 s without links.",
}
_BAD = CommissionStep(
    name=CommissionStepName.SCREEN_ATTACK,
    outcome=StepOutcome.FAILED,
    at=_AT,
    problem="The picture was accepted as a living person (try 3).",
    fix="Choose a stricter check of faces on the policy page, keep bright lamps off the screen,"
    " and test again (docs/liveness.md).",
)
_LEFT_OUT = CommissionStep(
    name=CommissionStepName.ACCELERATOR,
    outcome=StepOutcome.SKIPPED,
    at=_AT,
    reason=SkipReason.NOT_FITTED,
    problem="No Coral USB accelerator is plugged in; the CPU is used.",
)


def _progress(until: CommissionStepName | None) -> CommissionProgress:
    """Return a test in which every step before this one has its result."""
    names = list(CommissionStepName)
    done = names if until is None else names[: names.index(until)]
    progress = CommissionProgress("", "", "Room 12", _AT)
    for name in done:
        good = CommissionStep(
            name=name, outcome=StepOutcome.PASSED, at=_AT, problem=_SEEN.get(name, "")
        )
        known = {_BAD.name: _BAD, _LEFT_OUT.name: _LEFT_OUT}
        progress = progress.with_step(known.get(name, good))
    return progress


_PRINT, _SCREEN = CommissionStepName.PRINT_ATTACK, CommissionStepName.SCREEN_ATTACK
_READY = CommissionView(_progress(_PRINT), _PRINT)
COMMISSIONING_STATES = {
    "commission": _READY,
    "commission-testing": replace(_READY, is_running=True, left_s=8.0),
    "commission-failed": CommissionView(_progress(_SCREEN).with_step(_BAD), _SCREEN),
    "commission-skip": _READY,
    "commission-end": CommissionView(_progress(None), None),
    "commission-sent": CommissionView(_progress(None), None, delivery=ReportDelivery.DELIVERED),
    "commission-unclaimed": CommissionView(problem="Claim this kiosk first."),
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
