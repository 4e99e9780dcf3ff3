"""Keeps an accelerator's process running as far as it can: starts, checks, replaces it."""

from __future__ import annotations

import logging
import threading
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.errors import AcceleratorError, AcceleratorFault
from models.runtime.attempts import Attempts, LadderPolicy
from models.runtime.ladder_status import Rung, StatusBoard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.runtime.isolated import IsolatedSession
    from models.runtime.session import FloatArray

logger = logging.getLogger(__name__)
_LASTING = {AcceleratorFault.REFUSED, AcceleratorFault.DISAGREES}
_END_WAIT_S = 5.0


class Accelerator(Protocol):
    """One kind of accelerator on this machine."""

    def is_present(self) -> bool:
        """Whether the device is plugged in."""

    def start(self) -> IsolatedSession:
        """Start a process for it; raises AcceleratorError where the system starts none."""


class AcceleratorWatch:
    """A thread that gets the accelerator to serve, and gets it back after it failed.

    The thread lives as long as the watch: a child ends with the thread that started it.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        checks: Sequence[tuple[FloatArray, tuple[FloatArray, ...]]],
        policy: LadderPolicy,
        board: StatusBoard,
    ) -> None:
        """Begin to watch.

        Args:
            accelerator: what is watched over.
            checks: inputs, and what the CPU answers to them.
            policy: patience and limits.
            board: shows what is going on.
        """
        self._accelerator = accelerator
        self._checks = checks
        self._policy = policy
        self._board = board
        self._attempts = Attempts(policy)
        self._lock = threading.Lock()
        self._serving: IsolatedSession | None = None
        self._starting: IsolatedSession | None = None
        self._killed: list[IsolatedSession] = []
        self._was_absent = False
        self._is_over = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="accelerator-watch", daemon=True)
        self._thread.start()

    @property
    def serving(self) -> IsolatedSession | None:
        """The session that passed the check and has not failed since."""
        return self._serving

    def lose(self, session: IsolatedSession, error: AcceleratorError) -> None:
        """Take a session that failed out of service; it is killed and later replaced."""
        with self._lock:
            if self._serving is not session:
                return
            self._serving = None
            session.close()
            self._killed.append(session)
            self._attempts.note_failure(monotonic(), is_lasting=error.fault in _LASTING)
        self._board.show(Rung.CPU, error.fault, str(error))
        self._wake.set()

    def close(self) -> None:
        """Kill the child and end the thread. May be called twice."""
        with self._lock:
            self._is_over = True
            for session in (self._starting, self._serving):
                if session is not None:
                    session.close()
        self._wake.set()
        self._thread.join(_END_WAIT_S)

    def _run(self) -> None:
        try:
            while not self._is_over:
                self._wake.wait(self._step())
                self._wake.clear()
        except Exception:
            logger.exception("The watch over the accelerator has ended")
            self._board.show(Rung.CPU, AcceleratorFault.FAILED, "the watch over it has ended")
        finally:
            self._end()

    def _step(self) -> float:
        """Do what is to be done now; returns the seconds until the next look."""
        self._killed = [session for session in self._killed if not session.has_ended()]
        session = self._serving
        if session is not None:
            self._look_after(session)
            return self._policy.poll_s
        if not self._is_there():
            return self._policy.poll_s
        with self._lock:
            wait_s = self._attempts.wait_s(monotonic())
        if wait_s > 0:
            return min(wait_s, self._policy.poll_s)
        if self._killed:
            message = "its killed process does not end: the driver holds it"
            self._board.show(Rung.CPU, AcceleratorFault.HUNG, message)
            return self._policy.poll_s
        self._try()
        return 0.0 if self._serving is None else self._policy.poll_s

    def _look_after(self, session: IsolatedSession) -> None:
        if session.has_ended():
            message = "the accelerator's process ended by itself"
            self.lose(session, AcceleratorError(AcceleratorFault.CRASHED, message))
        elif self._accelerator.is_present():
            self._was_absent = False
        elif self._was_absent:
            message = "the accelerator is not plugged in any more"
            self.lose(session, AcceleratorError(AcceleratorFault.ABSENT, message))
        else:
            # Once may be the moment in which it comes back under its other ids.
            self._was_absent = True

    def _is_there(self) -> bool:
        if self._accelerator.is_present():
            if self._was_absent:
                with self._lock:
                    self._attempts.note_return()
            self._was_absent = False
            return True
        self._was_absent = True
        self._board.show(Rung.CPU, AcceleratorFault.ABSENT, "no accelerator is plugged in")
        return False

    def _try(self) -> None:
        with self._lock:
            self._attempts.note_start(monotonic())
        try:
            session = self._accelerator.start()
        except AcceleratorError as error:
            self._note_failure(error)
            return
        with self._lock:
            self._starting = session
            if self._is_over:
                session.close()
        try:
            session.open(self._policy.start_deadline_s)
            self._compare(session)
        except AcceleratorError as error:
            session.close()
            self._killed.append(session)
            self._note_failure(error)
        else:
            self._put_in_service(session)
        self._starting = None

    def _compare(self, session: IsolatedSession) -> None:
        for values, expected in self._checks:
            lowest = lowest_cosine(session.run(values), expected)
            if not lowest >= self._policy.min_cosine:
                raise AcceleratorError(
                    AcceleratorFault.DISAGREES,
                    f"the accelerator computes something else than the CPU: cosine {lowest:.3f},"
                    f" at least {self._policy.min_cosine:g} is needed",
                )

    def _put_in_service(self, session: IsolatedSession) -> None:
        session.deadline_s = self._policy.inference_deadline_s
        with self._lock:
            self._attempts.note_success(monotonic())
            self._serving = session
        self._board.show(Rung.ACCELERATOR)

    def _note_failure(self, error: AcceleratorError) -> None:
        with self._lock:
            self._attempts.note_failure(monotonic(), is_lasting=error.fault in _LASTING)
        if not self._is_over:
            self._board.show(Rung.CPU, error.fault, str(error))

    def _end(self) -> None:
        """Kill what is left, and wait for it so that no zombie stays."""
        with self._lock:
            left = [*self._killed, *([] if self._serving is None else [self._serving])]
            self._serving, self._killed = None, []
        for session in left:
            session.close()
            session.wait_for_end(_END_WAIT_S / 2)


def lowest_cosine(answers: Sequence[FloatArray], expected: Sequence[FloatArray]) -> float:
    """Compare two answers to one input.

    Returns:
        The cosine of the output that agrees least; -1 where a number is not finite.
    """
    return min(
        _cosine(one.ravel(), other.ravel()) for one, other in zip(answers, expected, strict=True)
    )


def _cosine(one: FloatArray, other: FloatArray) -> float:
    if not np.isfinite(one).all():
        return -1.0
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else -1.0
