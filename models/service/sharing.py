"""The interface that a job uses to run its parts on several engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Engine = TypeVar("Engine")
Part = TypeVar("Part")
Job = Callable[[Engine], Part]
"""One part: does not depend on the others, and takes a few milliseconds."""


class Shares(Protocol[Engine]):
    """Runs the parts of a job, see `WorkerPool.share`."""

    def __call__(self, engine: Engine, jobs: Sequence[Job[Engine, Part]], /) -> list[Part]:
        """Give their answers, in order."""


def alone(engine: Engine, jobs: Sequence[Job[Engine, Part]], /) -> list[Part]:
    """Run the parts of a job one after another on its own engine."""
    return [job(engine) for job in jobs]
