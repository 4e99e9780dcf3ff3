"""A model in a process of its own: right answers, and a named fault whatever happens to it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.errors import AcceleratorError, AcceleratorFault, InferenceError
from models.runtime import FloatArray, open_session
from models.runtime.isolated import Delegate, IsolatedSession
from models.store import default_store
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.models.runtime.conftest import StandIn

MODEL = default_store().load("dlib-resnet-v1-float16")
SHAPES = ((1, 150, 150, 3), (1, 128))


def noise(seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 0.3, SHAPES[0]).astype(np.float32)


@pytest.fixture
def start() -> Iterator[Callable[[Delegate], IsolatedSession]]:
    started: list[IsolatedSession] = []

    def start(delegate: Delegate) -> IsolatedSession:
        started.append(IsolatedSession(MODEL.content, SHAPES, delegate))
        return started[-1]

    yield start
    for session in started:
        session.close()
        assert session.wait_for_end(5.0)


@pytest.mark.parametrize("runtime", ["tflite", "litert"])
def test_answers_as_the_cpu_does(
    start: Callable[[Delegate], IsolatedSession], stand_in: StandIn, runtime: str
) -> None:
    here = open_session(MODEL, runtime="tflite")
    there = start(Delegate(str(stand_in.library), runtime, stand_in.delegate.options))
    there.open(30.0)

    for seed in range(3):
        np.testing.assert_allclose(
            there.run(noise(seed))[0], here.run(noise(seed))[0], rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("name", ["models.py", "numpy.py", "kiosk.py", "socket.py"])
def test_a_module_in_the_working_folder_is_not_imported(
    start: Callable[[Delegate], IsolatedSession],
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (tmp_path / "working").mkdir()
    (tmp_path / "working" / name).write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path / "working")
    session = start(stand_in.delegate)

    session.open(30.0)


def test_the_delegate_is_really_what_computes(
    start: Callable[[Delegate], IsolatedSession], stand_in: StandIn
) -> None:
    session = start(stand_in.delegate)
    session.open(30.0)
    before = session.run(noise(0))[0]
    stand_in.does("x")

    after = session.run(noise(0))[0]

    np.testing.assert_array_equal(after[0, :3], [-3.0, -2.0, -1.0])
    assert not np.array_equal(before, after)


def test_an_answer_outlives_the_next_run(
    start: Callable[[Delegate], IsolatedSession], stand_in: StandIn
) -> None:
    session = start(stand_in.delegate)
    session.open(30.0)
    (answer,) = session.run(noise(0))
    before = answer.copy()

    session.run(noise(1))

    np.testing.assert_array_equal(answer, before)


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("hangs", AcceleratorFault.HUNG),
        ("crashes", AcceleratorFault.CRASHED),
        ("errs", AcceleratorFault.FAILED),
    ],
)
def test_a_fault_in_a_run_is_named_within_the_deadline(
    start: Callable[[Delegate], IsolatedSession],
    stand_in: StandIn,
    what: str,
    fault: AcceleratorFault,
) -> None:
    session = start(stand_in.delegate)
    session.open(30.0)
    session.run(noise(0))
    session.deadline_s = 0.5
    stand_in.does(what)
    began_s = monotonic()

    with pytest.raises(AcceleratorError) as caught:
        session.run(noise(0))

    assert caught.value.fault is fault
    assert monotonic() - began_s < 1.0


@pytest.mark.parametrize(
    ("number", "fault"),
    [(signal.SIGSTOP, AcceleratorFault.HUNG), (signal.SIGKILL, AcceleratorFault.CRASHED)],
)
def test_a_process_that_is_stopped_or_killed_is_noticed(
    start: Callable[[Delegate], IsolatedSession],
    stand_in: StandIn,
    number: signal.Signals,
    fault: AcceleratorFault,
) -> None:
    session = start(stand_in.delegate)
    session.open(30.0)
    session.deadline_s = 0.5
    os.kill(session.pid, number)

    with pytest.raises(AcceleratorError) as caught:
        session.run(noise(0))

    assert caught.value.fault is fault


@pytest.mark.parametrize(
    ("what", "deadline_s", "fault"),
    [
        ("Hangs", 3.0, AcceleratorFault.HUNG),
        ("Crashes", 30.0, AcceleratorFault.CRASHED),
    ],
)
def test_a_fault_while_the_delegate_is_opened_is_named(
    start: Callable[[Delegate], IsolatedSession],
    stand_in: StandIn,
    what: str,
    deadline_s: float,
    fault: AcceleratorFault,
) -> None:
    stand_in.does(what)
    session = start(stand_in.delegate)

    with pytest.raises(AcceleratorError) as caught:
        session.open(deadline_s)

    assert caught.value.fault is fault


def test_a_delegate_without_a_device_says_so(
    start: Callable[[Delegate], IsolatedSession], stand_in: StandIn
) -> None:
    stand_in.control.unlink()

    with pytest.raises(AcceleratorError, match=r"finds no device.*: stand-in: no device") as caught:
        start(stand_in.delegate).open(30.0)

    assert caught.value.fault is AcceleratorFault.REFUSED


@pytest.mark.parametrize("library", ["libedgetpu-that-is-nowhere.so.1", __file__])
def test_a_library_that_cannot_be_loaded_is_named_with_the_way_out(
    start: Callable[[Delegate], IsolatedSession], library: str
) -> None:
    with pytest.raises(AcceleratorError, match=r"cannot be loaded.*docs/accelerators\.md"):
        start(Delegate(library, "tflite")).open(30.0)


def test_a_file_with_other_tensors_is_refused(stand_in: StandIn) -> None:
    session = IsolatedSession(MODEL.content, ((1, 112, 112, 3), (1, 128)), stand_in.delegate)
    try:
        with pytest.raises(AcceleratorError, match="its card says"):
            session.open(30.0)
    finally:
        session.close()
        session.wait_for_end(5.0)


def test_a_wrong_input_is_the_callers_fault_not_the_accelerators(
    start: Callable[[Delegate], IsolatedSession], stand_in: StandIn
) -> None:
    session = start(stand_in.delegate)
    session.open(30.0)

    with pytest.raises(InferenceError, match="takes") as caught:
        session.run(np.zeros((1, 8, 8, 3), np.float32))

    assert not isinstance(caught.value, AcceleratorError)
    session.run(noise(0))


def test_nothing_is_left_behind(stand_in: StandIn) -> None:
    gc.collect()  # what earlier tests left to it
    before = holdings()
    session = IsolatedSession(MODEL.content, SHAPES, stand_in.delegate)
    session.open(30.0)
    session.run(noise(0))

    session.close()
    session.close()

    assert session.wait_for_end(5.0)
    assert session.has_ended()
    del session
    gc.collect()
    assert holdings() <= before


def holdings() -> set[str]:
    """Open descriptors of this process. Shared memory has one too, as it has no name."""
    return {str(path) for path in Path("/proc/self/fd").iterdir()}


_PARENT = """
import sys, threading
from models.runtime.isolated import Delegate, IsolatedSession
from models.store import default_store
content = default_store().load("dlib-resnet-v1-float16").content
delegate = Delegate(sys.argv[1], "tflite", {"control": sys.argv[2]})
session = IsolatedSession(content, ((1, 150, 150, 3), (1, 128)), delegate)
print(session.pid, flush=True)
session.open(30.0)
print("open", flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("what", ["works", "Hangs"])
def test_the_process_dies_with_a_parent_that_is_killed(stand_in: StandIn, what: str) -> None:
    stand_in.does(what)
    command = [sys.executable, "-c", _PARENT, str(stand_in.library), str(stand_in.control)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        # Hanging, it answers nobody: it is in the delegate once that file is in its memory map.
        wait_until(lambda: maps(child_pid, stand_in.library), what="the delegate in the child")
        parent.kill()

    wait_until(lambda: not is_running(child_pid), what="the child to end", timeout_s=5.0)


def maps(pid: int, library: Path) -> bool:
    return str(library) in Path(f"/proc/{pid}/maps").read_text()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
