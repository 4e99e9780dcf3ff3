"""An acceptance test on the kiosk: each step's verdict, what survives a power cut, the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.app.commissioning import CommissioningDesk, CommissionSubject
from kiosk.app.commissioning_drill import DrillSubject, OfflineDrill
from kiosk.app.commissioning_steps import Examined, StepTimes, StepTools, StepWatch, judge_attack
from kiosk.doctor import CheckResult, Diagnosis
from kiosk.doctor.findings import fail, ok, skipped, warn
from kiosk.doctor.picture import GreyPicture, NoPicture
from kiosk.domain.commissioning import CommissionView, ReportDelivery
from kiosk.domain.liveness import LivenessVerdict
from kiosk.domain.sightings import Hint
from kiosk.domain.technician import Inspection, VisionStage
from kiosk.errors import DiskFullError, RefusedError, SyncError, UnreachableError
from kiosk.storage import files as private_files
from kiosk.storage.commissioning import CommissioningFiles
from kiosk.vision.inspection import FaceObserver
from protocol.v1.commissioning import verify_commissioning
from protocol.v1.findings import CodedText
from protocol.v1.messages import (
    CommissionDrill,
    CommissionReport,
    CommissionStep,
    CommissionStepName,
    LivenessLevel,
)
from protocol.v1.signing import make_key
from tests.unit.protocol.v1.test_commissioning import received

AT = datetime(2026, 11, 28, 14, 0, tzinfo=UTC)
KEY = make_key()
GREY = GreyPicture(4, 4, bytes([128]) * 16)
GOOD = Inspection(640, 480, (0, 0, 180, 200), None, ((VisionStage.DETECT, 12.0),))
TINY = Inspection(640, 480, (0, 0, 20, 20), Hint.CLOSER)
EMPTY = Inspection(640, 480)


@dataclass
class FakeLinks:
    """Links that can be cut; the answers of the server come in their order, then it takes all."""

    is_cut: bool = False
    waiting: int = 0
    answers: list[SyncError | None] = field(default_factory=list)
    drills: list[CommissionDrill] = field(default_factory=list)
    is_leaky: bool = False

    def cut(self, _seconds: float) -> None:
        self.is_cut = True

    def restore(self) -> None:
        self.is_cut = False

    def send_drill(self, drill: CommissionDrill) -> None:
        if self.is_cut and not self.is_leaky:
            raise UnreachableError("cut")
        error = self.answers.pop(0) if self.answers else None
        if error is not None:
            raise error
        self.drills.append(drill)


class CommissionBench:
    """A desk over a real folder whose machine, camera and server are played."""

    def __init__(self, folder: Path) -> None:
        self.files = CommissioningFiles(folder)
        self.links = FakeLinks()
        self.found: dict[str, Diagnosis] = {}
        self.seen: list[Inspection] = [GOOD] * 6
        self.level = LivenessLevel.PASSIVE
        self.connected: bool | None = True
        self.sent: list[CommissionReport] = []
        self.refusal: SyncError | None = None
        self.observers: list[FaceObserver | None] = []
        self.desk = self.restarted()

    def restarted(self) -> CommissioningDesk:
        """Return a desk as it is after a power cut."""
        self.desk = CommissioningDesk(self.files, self.tools(), lambda work: work())
        subject = CommissionSubject(
            kiosk_id="kiosk-7",
            key=KEY,
            room=lambda: "R12",
            software_version="0.9",
            links=self.links,
            send_report=self._send,
        )
        self.desk.serve(subject)
        return self.desk

    def tools(self) -> StepTools:
        return StepTools(
            examine=self._examine,
            look=lambda: self,
            inspections=lambda: self.seen,
            level=lambda: self.level,
            is_connected=lambda: self.connected,
            at=lambda: AT,
            times=StepTimes(look_s=0, attack_s=0, offline_s=0, back_s=5),
        )

    def observe_faces(self, observer: FaceObserver | None) -> None:
        self.observers.append(observer)

    def test(self, name: CommissionStepName) -> CommissionStep:
        """Open the test, skip what comes before the step, and test it."""
        self.desk.begin()
        while self.desk.view.current is not name:
            self.desk.skip("later")
        self.desk.run()
        result = self.desk.view.result
        assert result is not None
        return result

    def skip_all(self) -> None:
        self.desk.begin()
        while self.desk.view.current is not None:
            self.desk.skip("later")

    def _examine(self, names: Sequence[str]) -> Examined:
        findings = [self.found.get(name, _good(name)) for name in names]
        return Examined(findings, GREY if "light" in names else NoPicture.NOT_TRIED)

    def _send(self, report: CommissionReport) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(report)


def _good(name: str) -> Diagnosis:
    return Diagnosis(name, CheckResult.OK, CodedText(f"{name} is good."))


@pytest.fixture
def bench(tmp_path: Path) -> CommissionBench:
    return CommissionBench(tmp_path / "commissioning")


STEP = CommissionStepName


@pytest.mark.parametrize(
    ("step", "found", "outcome", "reason"),
    [
        (STEP.LIGHT, ok("light", "light.good", percent=50), "passed", ""),
        (STEP.LIGHT, warn("light", "light.dark"), "failed", ""),
        (STEP.LIGHT, fail("camera", "camera.missing", device="/dev/video0"), "failed", ""),
        (STEP.FOCUS, skipped("focus", "focus.bare"), "failed", ""),
        (STEP.ACCELERATOR, skipped("accelerator", "accelerator.none"), "skipped", "not_fitted"),
        (STEP.CLOCK, skipped("clock", "clock.unknown"), "skipped", "not_checked"),
        (STEP.HTTP, fail("tls", "tls.expired"), "failed", ""),
        (STEP.MQTT, skipped("mqtt", "mqtt.off"), "skipped", "not_fitted"),
    ],
)
def test_checks_of_the_machine_become_verdicts(
    bench: CommissionBench, step: CommissionStepName, found: Diagnosis, outcome: str, reason: str
) -> None:
    bench.found[found.check] = found
    result = bench.test(step)
    assert (result.outcome, result.reason, result.problem) == (outcome, reason, found.words)
    assert bool(result.fix) == (outcome == "failed")
    arabic = result.text.in_language("ar")
    assert arabic is not None
    assert (arabic.words != result.problem, bool(arabic.fix)) == (True, bool(result.fix))


def test_broker_that_answers_others_alone_is_a_failure(bench: CommissionBench) -> None:
    bench.connected = False
    assert bench.test(STEP.MQTT).outcome == "failed"


def test_light_is_measured(bench: CommissionBench) -> None:
    assert bench.test(STEP.LIGHT).measures == {"brightness_percent": 50.2}


@pytest.mark.parametrize(
    ("seen", "outcome", "problem"),
    [
        ([GOOD] * 6, "passed", "The face was good enough to be recognised."),
        ([GOOD] * 4 + [EMPTY], "passed", "The face was good enough to be recognised."),
        ([TINY] * 4 + [GOOD], "failed", "The face is too far away."),
        ([EMPTY] * 6, "failed", "No face was seen."),
        ([GOOD] * 4, "failed", "Recognition does not look at pictures."),
    ],
)
def test_distance_is_judged_by_what_the_detector_sees(
    bench: CommissionBench, seen: list[Inspection], outcome: str, problem: str
) -> None:
    bench.seen = seen
    result = bench.test(STEP.DISTANCE)
    assert (result.outcome, result.problem) == (outcome, problem)


LIVE, ATTACK = LivenessVerdict.LIVE, LivenessVerdict.ATTACK
UNDECIDED = LivenessVerdict.UNDECIDED


@pytest.mark.parametrize(
    ("verdicts", "outcome", "refused"),
    [
        ((ATTACK, UNDECIDED, ATTACK), "passed", 3),
        ((ATTACK, LIVE), "failed", 1),
        ((ATTACK,), "failed", 1),
        ((), "failed", 0),
    ],
)
def test_a_picture_must_never_count_as_alive(
    bench: CommissionBench, verdicts: tuple[LivenessVerdict, ...], outcome: str, refused: int
) -> None:
    result = judge_attack(bench.tools(), STEP.PRINT_ATTACK, verdicts)
    assert (result.outcome, result.measures["refused"]) == (outcome, refused)


def test_without_attack_detection_the_report_says_so(bench: CommissionBench) -> None:
    bench.level = LivenessLevel.OFF
    result = bench.test(STEP.SCREEN_ATTACK)
    assert (result.outcome, result.reason) == ("skipped", "detection_off")


def test_attack_watches_faces_and_stops_watching(bench: CommissionBench) -> None:
    assert bench.test(STEP.PRINT_ATTACK).problem == "No face was seen long enough to decide."
    watching, stopped = bench.observers
    assert (watching is None, stopped) == (False, None)


def test_drill_message_is_made_offline_and_delivered(bench: CommissionBench) -> None:
    result = bench.test(STEP.OFFLINE_DRILL)
    (drill,) = bench.links.drills
    assert (result.outcome, bench.links.is_cut) == ("passed", False)
    verify_commissioning(received(drill), KEY.public_key(), context="commissioning-drill")
    bench.skip_all()
    bench.desk.go_on()
    bench.desk.finish()
    assert bench.sent[0].id == drill.report_id


@pytest.mark.parametrize(
    ("answers", "waiting", "outcome", "problem"),
    [
        ([UnreachableError("away"), None], 0, "passed", "Delivered"),
        ([UnreachableError("away")] * 9, 0, "failed", "did not arrive"),
        ([RefusedError(400)], 0, "failed", "did not arrive"),
        ([RefusedError(404)], 0, "skipped", "too old"),
        ([None], 3, "failed", "Records still wait on the kiosk (3)"),
    ],
)
def test_drill_ends_with_what_the_server_has(
    bench: CommissionBench,
    answers: list[SyncError | None],
    waiting: int,
    outcome: str,
    problem: str,
) -> None:
    bench.links.answers, bench.links.waiting = answers, waiting
    result = drilled(bench)
    assert (result.outcome, problem in result.problem) == (outcome, True)
    assert not bench.links.is_cut


def test_drill_notices_links_that_are_not_cut(bench: CommissionBench) -> None:
    bench.links.is_leaky = True
    assert drilled(bench).problem == "The kiosk still reached the server."


def drilled(bench: CommissionBench) -> CommissionStep:
    """Run a drill whose time passes as it waits."""
    now_s = 0.0

    class Passing(StepWatch):
        def wait(self, seconds: float, *, is_over: Callable[[], bool] = lambda: False) -> None:
            nonlocal now_s
            now_s += seconds

    whose = DrillSubject("019ab0c0-0000-7000-8000-000000000001", "kiosk-7", KEY)
    drill = OfflineDrill(bench.tools(), bench.links, whose, lambda: now_s)
    return drill.run(Passing(lambda _left_s: None))


def test_power_cut_resumes_at_the_step_where_it_stopped(bench: CommissionBench) -> None:
    before = bench.test(STEP.DISTANCE)
    report_id = bench.desk.view.progress and bench.desk.view.progress.report_id
    desk = bench.restarted()
    desk.begin()
    progress = desk.view.progress
    assert progress is not None
    assert (progress.report_id, desk.view.current) == (report_id, STEP.PRINT_ATTACK)
    assert progress.result_of(STEP.DISTANCE) == before


def test_damaged_progress_and_that_of_another_kiosk_begin_anew(
    bench: CommissionBench, tmp_path: Path
) -> None:
    bench.test(STEP.DISTANCE)
    file = tmp_path / "commissioning" / "progress.json"
    file.write_bytes(file.read_bytes().replace(b"kiosk-7", b"kiosk-8"))
    bench.restarted().begin()
    assert bench.desk.view.current is STEP.LIGHT
    file.write_bytes(b"{")
    bench.restarted().begin()
    assert bench.desk.view.current is STEP.LIGHT


def test_result_that_the_disk_refuses_does_not_count(
    bench: CommissionBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.desk.begin()

    def refuse(_path: Path, _content: bytes) -> None:
        raise DiskFullError("full")

    monkeypatch.setattr("kiosk.storage.commissioning.write_private", refuse)
    bench.desk.run()
    assert (bench.desk.view.result, bench.desk.view.problem.code) == (None, "step.not_stored")
    monkeypatch.setattr("kiosk.storage.commissioning.write_private", private_files.write_private)
    bench.desk.run()
    assert bench.desk.view.result is not None


def test_finished_report_is_signed_sent_and_gone(bench: CommissionBench) -> None:
    bench.skip_all()
    bench.desk.finish()
    (report,) = bench.sent
    verify_commissioning(received(report), KEY.public_key())
    assert {step.outcome for step in report.steps} == {"skipped"}
    assert bench.desk.view.delivery is ReportDelivery.DELIVERED
    assert bench.files.reports() == []
    bench.desk.start_again()
    assert bench.desk.view.current is STEP.LIGHT


@pytest.mark.parametrize(
    ("refusal", "delivery", "is_sent_later"),
    [
        (UnreachableError("away"), ReportDelivery.WAITING, True),
        (RefusedError(404), ReportDelivery.KEPT, True),
        (RefusedError(401, "unknown_device"), ReportDelivery.WAITING, True),
        (RefusedError(422), ReportDelivery.REFUSED, False),
    ],
)
def test_report_is_kept_until_a_server_takes_it(
    bench: CommissionBench, refusal: SyncError, delivery: ReportDelivery, is_sent_later: bool
) -> None:
    bench.refusal = refusal
    bench.skip_all()
    bench.desk.finish()
    assert bench.desk.view.delivery is delivery
    bench.refusal = None
    bench.restarted().deliver()
    assert bool(bench.sent) is is_sent_later


def test_power_cut_between_report_and_end_makes_no_second_report(bench: CommissionBench) -> None:
    bench.refusal = UnreachableError("away")
    bench.skip_all()
    progress = bench.desk.view.progress
    bench.desk.finish()
    assert progress is not None
    bench.files.save(progress)
    bench.restarted().begin()
    assert bench.desk.view.current is STEP.LIGHT


def test_nothing_is_tested_once_the_test_was_left(bench: CommissionBench) -> None:
    bench.desk.begin()
    bench.desk.leave()
    bench.desk.run()
    assert bench.desk.view.result is None


def test_a_step_never_ends_without_its_result(bench: CommissionBench) -> None:
    shown: list[CommissionView] = []
    bench.desk.show_on(shown.append)
    bench.desk.begin()
    bench.desk.run()
    assert [(one.is_running, one.result is None) for one in shown] == [
        (False, True),
        (True, True),
        (False, False),
    ]


def test_opening_it_twice_changes_nothing(bench: CommissionBench) -> None:
    bench.desk.begin()
    bench.desk.run()
    before = bench.desk.view
    bench.desk.begin()
    assert bench.desk.view == before


def test_only_reasons_of_the_list_and_a_claimed_kiosk(bench: CommissionBench) -> None:
    bench.desk.begin()
    bench.desk.skip("Ada Lovelace was ill")
    bench.desk.skip("detection_off")
    bench.desk.finish()
    assert (bench.desk.view.current, bench.sent) == (STEP.LIGHT, [])
    bare = CommissioningDesk(bench.files, bench.tools(), lambda work: work())
    shown: list[CommissionView] = []
    bare.show_on(shown.append)
    bare.begin()
    bare.run()
    assert [one.problem.words for one in shown] == [
        "Claim this kiosk first: the report is signed with its key."
    ]
    assert replace(shown[0], problem=CodedText()) == CommissionView()
