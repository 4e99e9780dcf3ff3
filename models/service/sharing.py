"""How a job's parts get to several engines: whoever has parts is given a way to run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from models.service.faces import FaceEngine

Part = TypeVar("Part")
Job = Callable[["FaceEngine"], Part]
"""One part: does not depend on the others, and takes a few milliseconds."""


class Shares(Protocol):
    """Runs the parts of a job, see `WorkerPool.share`."""

    def __call__(self, engine: FaceEngine, jobs: Sequence[Job[Part]], /) -> list[Part]:
        """Give their answers, in order."""


def alone(engine: FaceEngine, jobs: Sequence[Job[Part]], /) -> list[Part]:
    """Run the parts of a job one after another on its own engine."""
    return [job(engine) for job in jobs]
