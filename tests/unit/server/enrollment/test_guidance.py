"""What becomes of the service's measures before a camera: bars, pose, one reason, its words."""

import pytest

from models.stages.quality import QualityReason
from server.enrollment.guidance import BARS, Guidance, GuidanceGate, Pose, guide
from server.enrollment.words import capture_words, guidance_words, is_posed, live_words
from server.ml.quality import FrameMeasure, FrameQuality
from server.web.translations import LANGUAGES, translator


def measured(**measures: FrameMeasure) -> FrameQuality:
    return FrameQuality(measures=measures)


@pytest.mark.parametrize(
    ("measure", "height"),
    [
        (FrameMeasure(value=60, least=60), 50),
        (FrameMeasure(value=59.9, least=60), 49),
        (FrameMeasure(value=400, least=60), 100),
        (FrameMeasure(value=25, most=25), 50),
        (FrameMeasure(value=25.1, most=25), 49),
        (FrameMeasure(value=0, most=25), 100),
        (FrameMeasure(value=90, most=25), 0),
        (FrameMeasure(value=132.5, least=45, most=220), 100),
        (FrameMeasure(value=45, least=45, most=220), 50),
        (FrameMeasure(value=220, least=45, most=220), 50),
        (FrameMeasure(value=255, least=45, most=220), 30),
        (FrameMeasure(value=-30, least=-30, most=30), 50),
        (FrameMeasure(value=0.02, least=0), 100),
        (FrameMeasure(value=7), 100),
    ],
)
def test_bar_stands_at_half_exactly_where_the_limit_is(measure: FrameMeasure, height: int) -> None:
    assert guide(measured(sharpness=measure)).bars["sharpness"] == height


def test_bar_of_several_measures_is_the_worst_of_them() -> None:
    near = FrameMeasure(value=120, least=60)
    far = FrameMeasure(value=0.01, least=0.02)
    assert guide(measured(side=near, area=far)).bars["size"] == 25


def test_what_was_not_measured_has_no_bar() -> None:
    bars = guide(measured(brightness=FrameMeasure(value=132.5, least=45, most=220))).bars
    assert bars == dict.fromkeys(BARS) | {"light": 100}


@pytest.mark.parametrize(
    ("yaw_deg", "pose"),
    [(0, "straight"), (10, "straight"), (-10, "straight"), (10.5, "left"), (-11, "right")],
)
def test_pose_is_told_as_the_person_sees_it(yaw_deg: float, pose: Pose) -> None:
    assert guide(measured(yaw=FrameMeasure(value=yaw_deg))).pose == pose


def test_pose_of_a_face_without_a_mesh_is_unknown() -> None:
    assert guide(measured()).pose is None


def test_what_would_refuse_the_photo_is_said_before_advice() -> None:
    quality = FrameQuality(("OFF_CENTRE", "TOO_DARK"), ("TOO_DARK",))
    assert guide(quality).reason == "TOO_DARK"
    assert guide(FrameQuality(("OFF_CENTRE",))).reason == "OFF_CENTRE"
    assert guide(FrameQuality()).reason is None


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("code", list(QualityReason))
def test_every_reason_has_short_words_for_the_viewfinder(language: str, code: str) -> None:
    words = live_words(translator(language), str(code))
    assert str(code) not in words
    assert len(words) <= 70


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("wanted", ["straight", "left", "right"])
def test_every_pose_can_be_asked_for(language: str, wanted: Pose) -> None:
    other: Pose = "left" if wanted == "straight" else "straight"
    t = translator(language)
    asked = guidance_words(t, Guidance(None, other, {}), wanted)
    assert asked == t(f"enrollment.pose_hint.{wanted}")
    assert guidance_words(t, Guidance(None, wanted, {}), wanted) == t("enrollment.enrol.good")


@pytest.mark.parametrize("wanted", [None, "left"])
def test_unknown_pose_is_not_held_against_anybody(wanted: Pose | None) -> None:
    assert is_posed(Guidance(None, None, {}), wanted)


def test_what_is_wrong_is_said_before_the_pose() -> None:
    t = translator("en")
    words = guidance_words(t, Guidance("TOO_DARK", "straight", {}), "left")
    assert words == live_words(t, "TOO_DARK")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_script_has_words_for_all_that_it_says_by_itself(language: str) -> None:
    assert all(capture_words(translator(language)).values())


class ClockStamp:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_gate_lets_a_persons_next_picture_through_after_a_moment() -> None:
    clock = ClockStamp()
    gate = GuidanceGate(clock, at_once=2)

    def may_pass(person: str) -> bool:
        with gate.passing(person) as passed:
            return passed

    assert (may_pass("a"), may_pass("a"), may_pass("b")) == (True, False, True)
    clock.now_s += 0.3
    assert may_pass("a")


def test_gate_lets_few_through_at_a_time() -> None:
    gate = GuidanceGate(ClockStamp(), at_once=1)
    with gate.passing("a") as first, gate.passing("b") as second:
        assert (first, second) == (True, False)
    with gate.passing("c") as third:
        assert third


def test_gate_opens_again_after_trouble() -> None:
    gate = GuidanceGate(ClockStamp(), at_once=1)
    with pytest.raises(RuntimeError), gate.passing("a"):
        raise RuntimeError
    with gate.passing("b") as passed:
        assert passed
