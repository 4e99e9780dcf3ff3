"""What the API answers about many rows that were changed at once."""

import uuid

from pydantic import BaseModel, Field

from server.db.many import ManyOutcome


class SkippedRead(BaseModel):
    """A row that was not changed, and why."""

    id: uuid.UUID
    code: str = Field(description="as in `error.code`")
    problem: str | None = Field(description="as in `error.details.problem`")
    message: str


class ManyRead(BaseModel):
    """What became of the rows. Each was changed wholly, or skipped and left as it was."""

    done: list[uuid.UUID] = Field(description="those that changed, by id")
    skipped: list[SkippedRead] = Field(description="the others, by id")


def many_read(outcome: ManyOutcome) -> ManyRead:
    """Return what the API says of an outcome."""
    skipped = [
        SkippedRead(
            id=key,
            code=exc.code,
            problem=str(problem) if (problem := exc.details.get("problem")) else None,
            message=exc.message,
        )
        for key, exc in sorted(outcome.skipped.items())
    ]
    return ManyRead(done=outcome.done, skipped=skipped)
