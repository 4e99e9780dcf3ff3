"""Behind the technician screen: marks pause, work runs on its own threads, results come back."""

import io
import queue
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from kiosk.app import technician
from kiosk.app.status_command import status
from kiosk.app.status_json import status_json
from kiosk.app.technician import TechnicianDesk, TechnicianOutput, grey_picture
from kiosk.doctor import Diagnosis, Examination, HostMachine, KioskReport, KioskSetup, examine
from kiosk.doctor.findings import fail, ok
from kiosk.doctor.picture import GreyPicture, NoPicture
from kiosk.domain.log_lines import NewestLines
from kiosk.domain.ports import Frame
from kiosk.domain.technician import (
    DeviceFacts,
    FindingState,
    Inspection,
    MachineFinding,
    technician_pin,
)
from kiosk.storage.identity import IdentityStore
from kiosk.vision.inspection import InspectionListener
from protocol.v1.findings import coded
from tests.support.ports import free_port
from tests.unit.kiosk.app.test_server_words import claimed, settings_for

WAIT_S = 30.0


class Bench:
    """A desk with a loop and eyes that note what they are told."""

    def __init__(self) -> None:
        self.facts: queue.Queue[DeviceFacts] = queue.Queue()
        self.findings: queue.Queue[Sequence[MachineFinding]] = queue.Queue()
        self.inspections: list[Inspection] = []
        self.paused: list[bool] = []
        self.listeners: list[InspectionListener | None] = []
        self.gate = threading.Event()
        self.found: Sequence[Diagnosis] | Exception = ()
        self.threads: list[threading.Thread] = []
        self.desk = TechnicianDesk(self.run_checks)
        self.output = TechnicianOutput(self.facts.put, self.inspections.append, self.findings.put)
        self.desk.show_on(self.output)

    def run_checks(self) -> Sequence[Diagnosis]:
        self.threads.append(threading.current_thread())
        self.gate.wait(WAIT_S)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def pause(self, *, is_paused: bool) -> None:
        self.paused.append(is_paused)

    def inspect(self, listener: InspectionListener | None) -> None:
        self.listeners.append(listener)


def test_everything_pauses_while_the_screen_is_open() -> None:
    bench = Bench()
    bench.desk.attend(bench, bench)
    bench.desk.change(is_open=True)
    bench.desk.change(is_open=False)
    assert bench.paused == [False, True, False]
    assert bench.listeners == [None, bench.output.on_inspection, None]


def test_a_door_that_opens_behind_the_screen_is_paused_at_once() -> None:
    bench = Bench()
    bench.desk.change(is_open=True)
    bench.desk.attend(bench, bench)
    assert bench.paused == [True]
    bench.desk.change(is_open=False)
    assert bench.paused == [True, False]


def test_figures_are_told_until_the_screen_closes() -> None:
    bench = Bench()
    bench.desk.change(is_open=True)
    told = bench.facts.get(timeout=WAIT_S)
    thread = next(one for one in threading.enumerate() if one.name == "technician-facts")
    bench.desk.change(is_open=False)
    thread.join(WAIT_S)
    assert (told.is_serving, told.silent_s, bool(told.version)) == (False, None, True)
    assert not thread.is_alive()


def test_checks_run_on_a_thread_of_theirs_and_nobody_waits_for_them() -> None:
    bench = Bench()
    bench.found = (ok("camera", "camera.ribbon_good"), fail("mqtt", "mqtt.not_connected"))
    bench.desk.check()
    assert bench.findings.empty()
    bench.gate.set()
    found = bench.findings.get(timeout=WAIT_S)
    assert bench.threads[0] is not threading.current_thread()
    assert list(found) == [
        MachineFinding("camera", FindingState.OK, coded("camera.ribbon_good")),
        MachineFinding("mqtt", FindingState.FAIL, coded("mqtt.not_connected")),
    ]


def test_checks_that_fail_themselves_are_a_finding(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.found = RuntimeError("boom")
    bench.gate.set()
    bench.desk.check()
    found = bench.findings.get(timeout=WAIT_S)
    assert [(one.state, one.text.words) for one in found] == [
        (FindingState.FAIL, "The checks failed with an error (RuntimeError).")
    ]
    assert [record.getMessage() for record in caplog.records] == ["checks failed"]


def test_without_a_device_sync_does_nothing() -> None:
    bench = Bench()
    bench.desk.sync()
    assert "technician-sync" not in {one.name for one in threading.enumerate()}


def test_the_checks_measure_light_and_focus_in_the_kiosks_own_picture(tmp_path: Path) -> None:
    settings = settings_for("http://127.0.0.1:9", tmp_path)
    frame = Frame(np.zeros((720, 1280, 3), np.uint8), 0.0, 0)
    exam = Examination(
        HostMachine(tmp_path),
        KioskSetup.of(dict(settings), None),
        picture=lambda: grey_picture(frame),
    )
    assert exam.is_running is False
    found = examine(exam, names=["light"])
    assert found[0].text.words == "The camera sees only black."


def test_a_frame_becomes_a_grey_picture_of_the_size_that_checks_measure() -> None:
    frame_bgr = np.zeros((720, 1280, 3), np.uint8)
    frame_bgr[..., 1] = 100
    picture = grey_picture(Frame(frame_bgr, 0.0, 0))
    assert isinstance(picture, GreyPicture)
    assert (picture.width_px, picture.height_px) == (640, 360)
    assert set(picture.luma) == {58}
    assert grey_picture(None) is NoPicture.NO_FRAMES


def test_only_status_for_people_says_the_pin(tmp_path: Path) -> None:
    claimed(tmp_path / "identity")
    keys = IdentityStore(tmp_path / "identity").kept().keys
    assert keys is not None
    settings = settings_for(f"http://127.0.0.1:{free_port()}", tmp_path)
    for_people, for_programs = io.StringIO(), io.StringIO()
    status(settings, for_people)
    status_json(settings, for_programs)
    pin = technician_pin(keys.signing)
    assert f"{pin} opens the technician screen" in for_people.getvalue()
    assert pin not in for_programs.getvalue()


def test_an_own_report_is_what_status_says(tmp_path: Path) -> None:
    report = technician.own_report(settings_for("http://127.0.0.1:9", tmp_path))
    assert isinstance(report, KioskReport)
    assert report.is_claimed is False


def test_the_newest_log_lines_come_at_once() -> None:
    shown: list[NewestLines] = []
    newest = NewestLines(datetime.now(UTC))
    desk = TechnicianDesk(list, newest_lines=lambda: newest)
    desk.callbacks().read_logs()
    output = Bench().output
    desk.show_on(replace(output, on_logs=shown.append))
    desk.callbacks().read_logs()
    assert shown == [newest]
