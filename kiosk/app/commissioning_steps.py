"""What each step of an acceptance test does: measures, watches, and says what is wrong."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Protocol

from kiosk.doctor import CheckResult, Diagnosis
from kiosk.doctor.picture import GreyPicture, NoPicture
from kiosk.domain.liveness import LivenessVerdict
from kiosk.domain.sightings import Hint
from kiosk.domain.technician import Inspection, VisionStage
from kiosk.vision.attack_trial import AttackTrial
from kiosk.vision.inspection import FaceObserver
from protocol.v1.findings import CodedText, coded
from protocol.v1.messages import (
    CommissionStep,
    CommissionStepName,
    LivenessLevel,
    SkipReason,
    StepOutcome,
)

_FULL = 255.0
_LEAST_PICTURES = 5
_GOOD_SHARE = 0.6
_LEAST_TRIES = 2
_STAGES = {VisionStage.DETECT: "detect_ms", VisionStage.EMBED: "embed_ms"}


class FaceLook(Protocol):
    """The part that sees, paused for a technician: `kiosk.app.sight.Sight`."""

    def observe_faces(self, observer: FaceObserver | None) -> None:
        """Show faces to a test; None: end it."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """What the checks of the machine found, and the picture that they measured."""

    findings: Sequence[Diagnosis]
    picture: GreyPicture | NoPicture


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long steps look, seconds."""

    look_s: float = 6.0
    attack_s: float = 12.0
    offline_s: float = 60.0
    back_s: float = 90.0


class StepWatch:
    """The time of one step: tells what is left, and ends early when the test is left.

    Args:
        on_left: hears how many seconds are left.
    """

    def __init__(self, on_left: Callable[[float], None]) -> None:
        self._on_left = on_left
        self._ended = threading.Event()

    @property
    def is_ended(self) -> bool:
        """Whether the test was left."""
        return self._ended.is_set()

    def end(self) -> None:
        """Leave the step."""
        self._ended.set()

    def wait(self, seconds: float, *, is_over: Callable[[], bool] = lambda: False) -> None:
        """Wait so long, or until it is over or left."""
        left_s = seconds
        while left_s > 0 and not is_over():
            self._on_left(left_s)
            pause_s = min(0.5, left_s)
            if self._ended.wait(pause_s):
                return
            left_s -= pause_s


@dataclass(frozen=True, slots=True)
class StepTools:
    """What steps use.

    Attributes:
        examine: runs checks of the machine by their names.
        look: None: recognition has not started.
        inspections: returns what was inspected since the last call.
        level: of the liveness check in force.
        is_connected: whether this kiosk is connected to the broker; None: it uses none.
        at: the time, UTC.
        times: how long steps look.
    """

    examine: Callable[[Sequence[str]], Examined]
    look: Callable[[], FaceLook | None]
    inspections: Callable[[], Sequence[Inspection]]
    level: Callable[[], LivenessLevel]
    is_connected: Callable[[], bool | None]
    at: Callable[[], datetime]
    times: StepTimes = StepTimes()


def passed(
    tools: StepTools,
    name: CommissionStepName,
    seen: CodedText,
    measures: Mapping[str, float] | None = None,
) -> CommissionStep:
    """Return that a step passed, and what was seen."""
    step = CommissionStep(name=name, outcome=StepOutcome.PASSED, at=tools.at())
    return _measured(step, seen, measures)


def failed(
    tools: StepTools,
    name: CommissionStepName,
    found: CodedText,
    measures: Mapping[str, float] | None = None,
) -> CommissionStep:
    """Return that a step failed: problem and fix."""
    step = CommissionStep(name=name, outcome=StepOutcome.FAILED, at=tools.at())
    return _measured(step, found, measures)


def skipped(
    at: datetime, name: CommissionStepName, reason: SkipReason, seen: CodedText | None = None
) -> CommissionStep:
    """Return that a step was skipped, and why."""
    step = CommissionStep(name=name, outcome=StepOutcome.SKIPPED, at=at, reason=reason)
    return step if seen is None else step.saying(seen)


def _measured(
    step: CommissionStep, found: CodedText, measures: Mapping[str, float] | None
) -> CommissionStep:
    return step.saying(found).model_copy(update={"measures": dict(measures or {})})


def check_machine(tools: StepTools, name: CommissionStepName) -> CommissionStep:
    """Run the check of `kiosk.doctor` with the name of the step."""
    before = {CommissionStepName.LIGHT: ("camera",), CommissionStepName.HTTP: ("tls",)}
    names = (*before.get(name, ()), name.value)
    found = tools.examine(names)
    measures = picture_measures(name, found.picture)
    bad = next((one for one in found.findings if one.result is CheckResult.FAIL), None)
    last = bad or found.findings[-1]
    if last.result in (CheckResult.FAIL, CheckResult.WARN):
        return failed(tools, name, last.text, measures)
    if last.result is CheckResult.SKIPPED:
        return _unchecked(tools, name, last.text)
    if name is CommissionStepName.MQTT and tools.is_connected() is False:
        return failed(tools, name, coded("mqtt.not_connected"))
    return passed(tools, name, last.text, measures)


def picture_measures(
    name: CommissionStepName, picture: GreyPicture | NoPicture
) -> dict[str, float]:
    """Return the figure that a step is about."""
    if not isinstance(picture, GreyPicture):
        return {}
    if name is CommissionStepName.LIGHT:
        return {"brightness_percent": round(100 * picture.brightness() / _FULL, 1)}
    if name is CommissionStepName.FOCUS:
        return {"sharpness": round(picture.sharpness(), 1)}
    return {}


def _unchecked(tools: StepTools, name: CommissionStepName, found: CodedText) -> CommissionStep:
    """Judge a check that could not look: what every kiosk must have has failed then."""
    if name in (CommissionStepName.ACCELERATOR, CommissionStepName.MQTT):
        return skipped(tools.at(), name, SkipReason.NOT_FITTED, found)
    if name is CommissionStepName.CLOCK:
        return skipped(tools.at(), name, SkipReason.NOT_CHECKED, found)
    return failed(tools, name, coded("step.unchecked", why=found))


def check_distance(tools: StepTools, watch: StepWatch) -> CommissionStep:
    """Look at a person who stands where students will stand."""
    name = CommissionStepName.DISTANCE
    tools.inspections()
    watch.wait(tools.times.look_s)
    seen = tools.inspections()
    if len(seen) < _LEAST_PICTURES:
        return failed(tools, name, coded("step.no_pictures"))
    faces = [one for one in seen if one.box_px is not None]
    good = sum(one.hint is None for one in faces)
    measures = {
        "pictures": len(seen),
        "pictures_with_face": len(faces),
        "good_pictures": good,
        **_face_measures(faces),
    }
    if not faces:
        return failed(tools, name, coded("distance.no_face"), measures)
    if good >= _GOOD_SHARE * len(seen):
        return passed(tools, name, coded("distance.good"), measures)
    hints = Counter(one.hint for one in faces if one.hint is not None)
    hint = max(hints, key=lambda one: hints[one], default=Hint.LOOK_AT_CAMERA)
    return failed(tools, name, coded(f"distance.{hint.value}"), measures)


def _face_measures(faces: Sequence[Inspection]) -> dict[str, float]:
    measures: dict[str, float] = {}
    widths = [one.box_px[2] for one in faces if one.box_px is not None]
    if widths:
        measures["face_px"] = round(median(widths))
    for stage, name in _STAGES.items():
        times = [taken for one in faces for which, taken in one.stages_ms if which is stage]
        if times:
            measures[name] = round(median(times), 1)
    return measures


def check_attack(tools: StepTools, name: CommissionStepName, watch: StepWatch) -> CommissionStep:
    """Hold a picture of a face before the camera: the check must not call it alive."""
    level = tools.level()
    if level is LivenessLevel.OFF:
        return skipped(tools.at(), name, SkipReason.DETECTION_OFF)
    look = tools.look()
    if look is None:
        return failed(tools, name, coded("step.no_pictures"))
    trial = AttackTrial(level)
    look.observe_faces(trial.observe)
    try:
        live = LivenessVerdict.LIVE
        watch.wait(tools.times.attack_s, is_over=lambda: live in trial.verdicts)
    finally:
        look.observe_faces(None)
    return judge_attack(tools, name, tuple(trial.verdicts))


def judge_attack(
    tools: StepTools, name: CommissionStepName, verdicts: Sequence[LivenessVerdict]
) -> CommissionStep:
    """Say whether what the liveness check answered is good enough."""
    alive = sum(one is LivenessVerdict.LIVE for one in verdicts)
    measures = {"tries": len(verdicts), "refused": len(verdicts) - alive}
    if alive:
        return failed(tools, name, coded("attack.accepted", number=len(verdicts)), measures)
    if len(verdicts) < _LEAST_TRIES:
        return failed(tools, name, coded("attack.no_face"), measures)
    return passed(tools, name, coded("attack.good", count=len(verdicts)), measures)
