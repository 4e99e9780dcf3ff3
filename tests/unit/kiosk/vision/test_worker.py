import queue
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kiosk.domain.health import RecognitionHealth, RecognitionState
from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.domain.technician import Inspection, VisionStage
from kiosk.errors import KioskError, ModelMissingError, NetworkMissingError, OtherNetworkError
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker, state_after
from models.errors import InferenceError
from models.stages.detect import Detection
from tests.fakes.capture import HandFed
from tests.fakes.face_models import Face, ListGallery, ScriptedModels, vector
from tests.support.waiting import wait_until

ANA = vector(1.0)
PICTURE = np.random.default_rng(3).integers(0, 255, (480, 640, 3), dtype=np.uint8)
FAST = RecognitionSettings(max_fps=1000.0, idle_fps=1000.0, retry_s=0.01)
WAIT_S = 30.0


class GatedModels(ScriptedModels):
    """Models that stop inside ``detect`` until the test lets them go on, and may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.faces = (Face(ANA),)
        self.entered: queue.Queue[int] = queue.Queue()
        self.gate = threading.Semaphore(0)
        self.is_failing = False

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        self.entered.put(int(frame_bgr[0, 0, 0]))
        self.gate.acquire()
        if self.is_failing:
            raise InferenceError("the interpreter gave up")
        return super().detect(frame_bgr)


class Bench:
    """A running worker, its frames, its models and what it said."""

    def __init__(self, *missing: ModelMissingError) -> None:
        self.missing: list[Exception] = list(missing)
        self.before_open: Callable[[], object] = lambda: None
        self.feed = HandFed()
        self.models = GatedModels()
        self.said: queue.Queue[Sighting] = queue.Queue()
        self.gallery = ListGallery({"ana": ANA})
        knowledge = Knowledge(self.gallery, self.gallery)
        self.worker = RecognitionWorker(self.feed, self.open_models, knowledge, FAST, self.said.put)
        self.worker.start()

    def open_models(self) -> GatedModels:
        self.before_open()
        if self.missing:
            raise self.missing.pop()
        return self.models

    def put(self, index: int) -> None:
        picture = PICTURE.copy()
        picture[0, 0, 0] = index
        self.feed.put(Frame(picture, index / 30, index))

    def looked_at(self) -> int:
        return self.models.entered.get(timeout=WAIT_S)

    def looked_on(self, index: int) -> None:
        """Wait until the work on every earlier frame is done."""
        self.put(index)
        self.looked_at()

    def go_on(self) -> None:
        self.models.gate.release()


def levels(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Levels of what was logged, without the line for each network that was opened."""
    return [r.levelname for r in caplog.records if "network open" not in r.getMessage()]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.models.gate.release(1000)
    made.worker.stop()


def test_only_the_newest_frame_is_looked_at(bench: Bench) -> None:
    bench.put(0)
    assert bench.looked_at() == 0
    for index in range(1, 31):
        bench.put(index)
    bench.go_on()
    assert bench.looked_at() == 30


def test_sightings_come_out_as_frames_go_in(bench: Bench) -> None:
    for index in range(2):
        bench.put(index)
        bench.looked_at()
        bench.go_on()
    said = [bench.said.get(timeout=WAIT_S) for _ in range(2)]
    assert [sighting.kind for sighting in said] == [SightingKind.LOOKING, SightingKind.RECOGNISED]


def test_failing_models_are_logged_once_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="kiosk.vision.worker")
    bench.models.is_failing = True
    for index in range(3):
        bench.put(index)
        bench.looked_at()
        bench.go_on()
    bench.put(3)
    bench.looked_at()
    bench.models.is_failing = False
    bench.go_on()
    assert bench.said.get(timeout=WAIT_S).kind is SightingKind.LOOKING
    assert levels(caplog) == ["ERROR", "INFO"]


def test_missing_models_are_named_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="kiosk.vision.worker")
    gone = ModelMissingError("no face-mesh", model="face-mesh", command="rollcall-models install")
    bench = Bench(gone, gone)
    bench.put(0)
    bench.looked_at()
    state = bench.worker.state().health
    bench.models.gate.release(10)
    bench.worker.stop()
    assert levels(caplog) == ["ERROR", "INFO"]
    assert "face-mesh" in caplog.text
    assert state is RecognitionHealth.OK


def test_the_state_says_what_brings_a_missing_model() -> None:
    gone = ModelMissingError("no face-mesh", model="face-mesh", command="rollcall-models install")
    bench = Bench(*[gone] * 1_000_000)
    bench.worker.stop()
    assert bench.worker.state() == RecognitionState(
        RecognitionHealth.MODEL_MISSING, "face-mesh", "rollcall-models install"
    )


def test_the_state_counts_the_people_who_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="kiosk.vision.worker")
    bench = Bench()
    bench.gallery.adults = frozenset()
    for index in range(2):
        bench.put(index)
        bench.looked_at()
        bench.go_on()
    bench.looked_on(2)
    state = bench.worker.state()
    bench.models.gate.release(10)
    bench.worker.stop()
    assert state == RecognitionState(RecognitionHealth.OK, "dlib-resnet-v1", left_out=1)
    assert [record.message for record in caplog.records] == [
        "people skipped, no limits for children model=dlib-resnet-v1 people=1"
    ]


def test_an_unforeseen_fault_does_not_end_recognition(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.models.faces = (None,)  # type: ignore[assignment]
    bench.put(0)
    bench.looked_at()
    bench.go_on()
    bench.put(1)
    bench.looked_at()
    bench.models.faces = (Face(ANA),)
    bench.go_on()
    assert bench.said.get(timeout=WAIT_S).kind is SightingKind.LOOKING
    assert levels(caplog) == ["ERROR"]


def test_speed_and_latency_are_measured(bench: Bench) -> None:
    for index in range(3):
        bench.put(index)
        bench.looked_at()
        bench.go_on()
    bench.put(3)
    bench.looked_at()
    stats = bench.worker.stats()
    assert stats.frame_count == 3
    assert stats.fps > 0
    assert stats.busy_ms > 0


def test_stopping_waits_for_the_frame_in_work_only(bench: Bench) -> None:
    bench.put(0)
    bench.looked_at()
    bench.go_on()
    bench.worker.stop()
    bench.put(1)
    assert bench.models.entered.empty()


def test_models_opened_again_take_over_without_a_missed_frame(bench: Bench) -> None:
    first = bench.models
    bench.put(0)
    bench.looked_at()
    bench.models = GatedModels()
    gate = threading.Event()
    bench.before_open = lambda: gate.wait(WAIT_S)
    bench.worker.reopen()
    first.gate.release()
    bench.put(1)
    assert first.entered.get(timeout=WAIT_S) == 1
    first.gate.release()
    assert [bench.said.get(timeout=WAIT_S).kind for _ in range(2)] == [
        SightingKind.LOOKING,
        SightingKind.RECOGNISED,
    ]
    gate.set()
    wait_until(lambda: bench.worker.models is bench.models, what="the other models")
    bench.put(2)
    assert bench.looked_at() == 2
    assert first.is_closed
    assert bench.worker.models is bench.models


def test_a_person_keeps_their_track_when_the_models_change(bench: Bench) -> None:
    """The second of two faces, so that counting from 1 again would give another number."""
    first = bench.models
    first.faces = (Face(vector(0.0, 0.0, 5.0), left=420, width=200), Face(ANA))
    for index in range(2):
        bench.put(index)
        first.entered.get(timeout=WAIT_S)
        first.gate.release()
    seen = [bench.said.get(timeout=WAIT_S) for _ in range(2)][-1]
    bench.models = GatedModels()
    bench.models.gate.release(100)
    bench.worker.reopen()
    wait_until(lambda: bench.worker.models is bench.models, what="the other models")
    for index in range(2, 5):
        bench.put(index)
        bench.looked_at()
    again = [bench.said.get(timeout=WAIT_S) for _ in range(2)][-1]
    assert seen.kind is again.kind is SightingKind.RECOGNISED
    assert seen.track_id == again.track_id


def test_models_that_cannot_be_opened_again_turn_recognition_off(bench: Bench) -> None:
    gone = NetworkMissingError("gone", model="sface-2021dec", command="rollcall-models install x")
    bench.put(0)
    bench.looked_at()
    bench.missing.extend([gone] * 1_000_000)
    bench.worker.reopen()
    bench.go_on()
    wait_until(lambda: bench.worker.state().is_off, what="recognition to be off")
    assert bench.worker.state() == RecognitionState(
        RecognitionHealth.NETWORK_MISSING, "sface-2021dec", "rollcall-models install x"
    )
    assert bench.worker.models is None
    bench.missing.clear()
    wait_until(lambda: bench.worker.models is not None, what="the network")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (
            NetworkMissingError("bad", model="x", command="get x", is_damaged=True),
            RecognitionState(RecognitionHealth.NETWORK_DAMAGED, "x", "get x"),
        ),
        (
            OtherNetworkError("own", "other"),
            RecognitionState(RecognitionHealth.OTHER_NETWORK, "own", school="other"),
        ),
        (InferenceError("no"), RecognitionState(RecognitionHealth.FAILING)),
    ],
)
def test_the_state_says_why_recognition_is_off(
    error: KioskError | InferenceError, state: RecognitionState
) -> None:
    assert state_after(error) == state
    assert state.is_off


def test_a_technician_sees_the_face_and_nobody_is_compared(bench: Bench) -> None:
    shown: queue.Queue[Inspection] = queue.Queue()
    bench.worker.inspect(shown.put)
    bench.models.gate.release(1000)
    for index in range(3):
        bench.put(index)
        inspection = shown.get(timeout=WAIT_S)
        assert inspection.box_px == (200.0, 120.0, 160.0, 160.0)
        assert (inspection.width_px, inspection.height_px) == (640, 480)
        assert [stage for stage, _ in inspection.stages_ms] == list(VisionStage)
        assert all(taken_ms >= 0 for _, taken_ms in inspection.stages_ms)
    assert bench.said.empty()

    bench.worker.inspect(None)
    assert kinds_of(bench, 3, 4) == [SightingKind.LOOKING, SightingKind.RECOGNISED]


def test_a_person_who_stays_is_recognised_anew_after_a_technician_left(bench: Bench) -> None:
    bench.models.gate.release(1000)
    first = kinds_of(bench, 0, 1)
    shown: queue.Queue[Inspection] = queue.Queue()
    bench.worker.inspect(shown.put)
    bench.put(2)
    shown.get(timeout=WAIT_S)
    bench.worker.inspect(None)
    assert kinds_of(bench, 3, 4) == first == [SightingKind.LOOKING, SightingKind.RECOGNISED]


def kinds_of(bench: Bench, *indices: int) -> list[SightingKind]:
    """What is said of these frames, one after the other."""
    kinds = []
    for index in indices:
        bench.put(index)
        kinds.append(bench.said.get(timeout=WAIT_S).kind)
    return kinds


def test_a_mounting_that_was_judged_is_forgotten_when_the_picture_is_turned(
    bench: Bench,
) -> None:
    bench.models.gate.release(1000)
    bench.put(0)
    wait_until(lambda: bench.worker._mounting is not None, what="a watch")
    judged = bench.worker._mounting
    assert judged is not None
    judged.turn_deg = 180
    assert bench.worker.turn_deg() == 180
    bench.worker.forget_mounting()
    assert bench.worker.turn_deg() == 0
    bench.put(1)
    wait_until(lambda: bench.worker._mounting is not None, what="another watch")
    assert bench.worker._mounting is not judged
