"""The accelerator ladder: an accelerator that agrees with the CPU, where there is one; the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import AcceleratorError, AcceleratorFault, InferenceError
from models.runtime.ladder_status import LadderStatus, Rung, StatusBoard
from models.runtime.watch import Accelerator, AcceleratorWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.runtime.attempts import LadderPolicy
    from models.runtime.session import FloatArray, InferenceSession


class LadderSession:
    """An `InferenceSession` that answers every run: from the accelerator, else from the CPU.

    It begins on the CPU; the accelerator is started and checked beside it. `run` is for one thread
    at a time, `status` for any.
    """

    def __init__(
        self,
        cpu: InferenceSession,
        accelerator: Accelerator,
        vectors: Sequence[FloatArray],
        policy: LadderPolicy,
        *,
        on_change: Callable[[LadderStatus], None] | None = None,
    ) -> None:
        """Climb.

        Args:
            cpu: runs the model here, and is what the accelerator is compared with.
            accelerator: the rung above.
            vectors: inputs for the comparison, at least one.
            policy: patience and limits.
            on_change: called with each new status, in any thread.

        Raises:
            InferenceError: the CPU cannot run the model.
        """
        self._cpu = cpu
        self._board = StatusBoard("the accelerator is being checked", on_change)
        checks = [(values, cpu.run(values)) for values in vectors]
        self._watch = AcceleratorWatch(accelerator, checks, policy, self._board)

    @property
    def status(self) -> LadderStatus:
        """Which rung serves, since when and why."""
        return self._board.status

    @property
    def runtime(self) -> str:
        """Name of the runtime that runs the model at the moment."""
        return (self._watch.serving or self._cpu).runtime

    @property
    def input_shape(self) -> tuple[int, ...]:
        """See `InferenceSession.input_shape`."""
        return self._cpu.input_shape

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """See `InferenceSession.output_shapes`."""
        return self._cpu.output_shapes

    def run(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Run the model once; see `InferenceSession.run`.

        Raises:
            InferenceError: the CPU failed too, or the values have the wrong shape.
        """
        session = self._watch.serving
        if session is not None:
            try:
                return session.run(values)
            except AcceleratorError as error:
                self._watch.lose(session, error)
        return self._run_on_cpu(values)

    def close(self) -> None:
        """End the accelerator's process; the CPU goes on. May be called twice."""
        self._watch.close()

    def _run_on_cpu(self, values: FloatArray) -> tuple[FloatArray, ...]:
        try:
            answers = self._cpu.run(values)
        except InferenceError as error:
            if values.shape == self.input_shape:
                self._board.show(Rung.NONE, AcceleratorFault.FAILED, str(error))
            raise
        if self.status.rung is Rung.NONE:
            self._board.show(Rung.CPU, AcceleratorFault.FAILED, "the accelerator failed earlier")
        return answers
