"""Whatever the accelerator does, each run is answered rightly and in time; the state says why."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.errors import AcceleratorFault, InferenceError
from models.runtime import FloatArray, LadderSession, LadderStatus, Rung, open_session
from models.runtime.attempts import LadderPolicy
from models.runtime.edge_tpu import EdgeTPU
from models.store import default_store
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.runtime import InferenceSession
    from tests.unit.models.runtime.conftest import StandIn

MODEL = default_store().load("dlib-resnet-v1-float16")
SHAPES = ((1, 150, 150, 3), (1, 128))
VALUES = np.random.default_rng(1).normal(0, 0.3, SHAPES[0]).astype(np.float32)
# The deadline is the product's; pauses are short, so that the tests are.
POLICY = LadderPolicy(
    start_deadline_s=20.0,
    first_retry_s=0.1,
    longest_retry_s=0.4,
    starts_per_minute=60,
    poll_s=0.05,
)
CPU = open_session(MODEL, runtime="tflite")
(EXPECTED,) = CPU.run(VALUES)


class Climb:
    """One ladder, and what it told its listener."""

    def __init__(self, hardware: StandIn, policy: LadderPolicy, cpu: InferenceSession) -> None:
        self.told: list[LadderStatus] = []
        accelerator = EdgeTPU(MODEL.content, SHAPES, hardware.delegate, hardware.usb_devices)
        self.session = LadderSession(cpu, accelerator, [VALUES], policy, on_change=self.told.append)

    def reaches(self, rung: Rung, fault: AcceleratorFault | None = None) -> None:
        """Wait for a state, while frames are answered all the time."""
        wait_until(lambda: self._stands(rung, fault), what=f"{rung}, {fault}")

    def _stands(self, rung: Rung, fault: AcceleratorFault | None) -> bool:
        self.answers_in_time()
        return (self.session.status.rung, self.session.status.fault) == (rung, fault)

    def answers_in_time(self) -> None:
        """No frame is lost, answered wrongly or kept waiting for a second."""
        began_s = monotonic()
        (answer,) = self.session.run(VALUES)
        assert monotonic() - began_s < 1.0
        np.testing.assert_allclose(answer, EXPECTED, rtol=1e-3, atol=1e-4)

    @property
    def child_pid(self) -> int:
        serving = self.session._watch.serving
        assert serving is not None
        return serving.pid


@pytest.fixture
def climb(stand_in: StandIn) -> Iterator[Callable[..., Climb]]:
    climbs: list[Climb] = []

    def climb(policy: LadderPolicy = POLICY, cpu: InferenceSession = CPU) -> Climb:
        climbs.append(Climb(stand_in, policy, cpu))
        return climbs[-1]

    yield climb
    for one in climbs:
        one.session.close()
    assert not children()


def children() -> list[str]:
    """Names of this process's children that run the delegate, zombies included."""
    tasks = Path("/proc/self/task").glob("*/children")
    pids = [pid for task in tasks for pid in task.read_text().split()]
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids}
    zombies = [pid for pid, line in lines.items() if not line]
    return zombies + [pid for pid, line in lines.items() if b"delegate_child" in line]


def test_climbs_to_the_accelerator_while_the_cpu_serves(climb: Callable[..., Climb]) -> None:
    ladder = climb()
    assert ladder.session.status.rung is Rung.CPU
    assert ladder.session.runtime == "tflite_runtime"

    ladder.reaches(Rung.ACCELERATOR)

    assert "libstandin.so" in ladder.session.runtime
    assert [status.rung for status in ladder.told] == [Rung.ACCELERATOR]


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("hangs", AcceleratorFault.HUNG),
        ("crashes", AcceleratorFault.CRASHED),
        ("errs", AcceleratorFault.FAILED),
    ],
)
def test_falls_to_the_cpu_without_losing_a_frame_and_comes_back(
    climb: Callable[..., Climb], stand_in: StandIn, what: str, fault: AcceleratorFault
) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)
    broken_pid = ladder.child_pid

    stand_in.does(what)
    ladder.answers_in_time()
    assert (ladder.session.status.rung, ladder.session.status.fault) == (Rung.CPU, fault)
    stand_in.does("works")
    ladder.reaches(Rung.ACCELERATOR)

    assert ladder.child_pid != broken_pid
    assert [status.rung for status in ladder.told][:2] == [Rung.ACCELERATOR, Rung.CPU]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_survives_what_happens_to_the_process(
    climb: Callable[..., Climb], number: signal.Signals
) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)
    first_pid = ladder.child_pid

    os.kill(first_pid, number)
    ladder.answers_in_time()
    wait_until(lambda: len(ladder.told) >= 2, what="the fall to be told")
    ladder.reaches(Rung.ACCELERATOR)

    assert ladder.child_pid != first_pid


def test_a_process_that_dies_while_nobody_asks_is_replaced(climb: Callable[..., Climb]) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)

    os.kill(ladder.child_pid, signal.SIGKILL)
    wait_until(lambda: len(ladder.told) >= 3, what="fall and return without a run")

    assert [status.rung for status in ladder.told] == [Rung.ACCELERATOR, Rung.CPU, Rung.ACCELERATOR]
    assert ladder.told[1].fault is AcceleratorFault.CRASHED


def test_unplugged_and_plugged_in_again(climb: Callable[..., Climb], stand_in: StandIn) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)

    stand_in.unplug()
    ladder.reaches(Rung.CPU, AcceleratorFault.ABSENT)
    fallen = [status for status in ladder.told if status.rung is Rung.CPU]
    assert {status.since for status in fallen} == {fallen[0].since}
    stand_in.plug_in(("18d1", "9302"))
    ladder.reaches(Rung.ACCELERATOR)


def test_plugged_in_late_it_is_found(climb: Callable[..., Climb], stand_in: StandIn) -> None:
    stand_in.unplug()
    ladder = climb()
    ladder.reaches(Rung.CPU, AcceleratorFault.ABSENT)
    assert not children()

    stand_in.plug_in()

    ladder.reaches(Rung.ACCELERATOR)


def test_the_change_of_its_ids_at_the_first_run_is_no_loss(
    climb: Callable[..., Climb], stand_in: StandIn
) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)

    stand_in.plug_in(("18d1", "9302"))
    for _ in range(20):
        ladder.answers_in_time()

    assert [status.rung for status in ladder.told] == [Rung.ACCELERATOR]


def test_one_that_computes_something_else_is_refused(
    climb: Callable[..., Climb], stand_in: StandIn
) -> None:
    stand_in.does("x")
    ladder = climb()

    ladder.reaches(Rung.CPU, AcceleratorFault.DISAGREES)

    assert "cosine" in ladder.session.status.message
    assert Rung.ACCELERATOR not in [status.rung for status in ladder.told]


@pytest.mark.parametrize(
    ("what", "fault"),
    [("Hangs", AcceleratorFault.HUNG), ("Crashes", AcceleratorFault.CRASHED)],
)
def test_one_that_cannot_even_be_opened_leaves_the_cpu_serving(
    climb: Callable[..., Climb], stand_in: StandIn, what: str, fault: AcceleratorFault
) -> None:
    stand_in.does(what)

    climb(LadderPolicy(start_deadline_s=2.0, poll_s=0.05)).reaches(Rung.CPU, fault)


def test_a_device_that_always_crashes_is_not_started_without_end(
    climb: Callable[..., Climb], stand_in: StandIn
) -> None:
    stand_in.does("Crashes")
    ladder = climb(
        LadderPolicy(first_retry_s=0.01, longest_retry_s=0.01, starts_per_minute=2, poll_s=0.05)
    )
    ladder.reaches(Rung.CPU, AcceleratorFault.CRASHED)
    attempts = ladder.session._watch._attempts
    wait_until(lambda: attempts._failures == 2 and not children(), what="two failures")
    assert attempts.wait_s(monotonic()) > 10.0

    stand_in.does("works")
    for _ in range(60):
        ladder.answers_in_time()

    assert ladder.session.status.rung is Rung.CPU
    assert not children()


def test_logs_when_a_fault_begins_and_when_it_ends_and_not_in_between(
    climb: Callable[..., Climb], stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "models.runtime")
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)

    stand_in.does("Crashes")  # nothing computes with a letter it does not know; opening crashes
    os.kill(ladder.child_pid, signal.SIGKILL)
    for _ in range(60):
        ladder.answers_in_time()
    stand_in.does("works")
    ladder.reaches(Rung.ACCELERATOR)

    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "WARNING", "INFO"]
    assert "The CPU serves in place of the accelerator" in caplog.messages[1]


class _Failing:
    """A CPU session that can be made to fail, as a runtime out of memory does."""

    def __init__(self) -> None:
        self.is_failing = False
        self.runtime = CPU.runtime
        self.input_shape = CPU.input_shape
        self.output_shapes = CPU.output_shapes

    def run(self, values: FloatArray) -> tuple[FloatArray, ...]:
        if self.is_failing:
            raise InferenceError("out of memory")
        return CPU.run(values)


def test_no_recognition_at_all_is_a_state_too(
    climb: Callable[..., Climb], stand_in: StandIn
) -> None:
    stand_in.unplug()
    cpu = _Failing()
    ladder = climb(cpu=cpu)
    ladder.reaches(Rung.CPU, AcceleratorFault.ABSENT)

    cpu.is_failing = True
    with pytest.raises(InferenceError):
        ladder.session.run(VALUES)
    wait_until(lambda: Rung.NONE in [one.rung for one in ladder.told], what="the state none")
    cpu.is_failing = False
    ladder.answers_in_time()

    assert ladder.session.status.rung is Rung.CPU


def test_a_wrong_input_costs_nobody_their_place(climb: Callable[..., Climb]) -> None:
    ladder = climb()
    ladder.reaches(Rung.ACCELERATOR)

    with pytest.raises(InferenceError):
        ladder.session.run(np.zeros((1, 8, 8, 3), np.float32))

    assert ladder.session.status.rung is Rung.ACCELERATOR


def test_closing_while_the_delegate_hangs_ends_it_at_once(
    climb: Callable[..., Climb], stand_in: StandIn
) -> None:
    stand_in.does("Hangs")
    ladder = climb()
    wait_until(children, what="the process of the accelerator")
    began_s = monotonic()

    ladder.session.close()

    assert monotonic() - began_s < 2.0
    assert not children()
    ladder.answers_in_time()
