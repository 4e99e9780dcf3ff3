"""How the next network would have decided beside the current one. Pure."""

from collections.abc import Collection
from enum import StrEnum

from protocol.v1.messages import ShadowCounts


class ShadowOutcome(StrEnum):
    """One scan, as a field of `protocol.v1.device.ShadowCounts`."""

    AGREED = "agreed"
    MISSED = "missed"
    OTHER_PERSON = "other_person"
    ONLY_NEXT = "only_next"
    NOBODY = "nobody"


def outcome_of(
    current: str | None, following: str | None, comparable: Collection[str]
) -> ShadowOutcome | None:
    """Return how a scan counts.

    Args:
        current: the person that the current network recognised; None for nobody.
        following: the same of the next network.
        comparable: the people who have templates of both networks.

    Returns:
        None where one of the people could not have been recognised by both networks.
    """
    named = {person for person in (current, following) if person is not None}
    if not named:
        return ShadowOutcome.NOBODY
    if any(person not in comparable for person in named):
        return None
    if len(named) > 1:
        return ShadowOutcome.OTHER_PERSON
    if current is None:
        return ShadowOutcome.ONLY_NEXT
    return ShadowOutcome.MISSED if following is None else ShadowOutcome.AGREED


def counted(counts: ShadowCounts, outcome: ShadowOutcome) -> ShadowCounts:
    """Return the counts with one more scan."""
    before: int = getattr(counts, outcome.value)
    return counts.model_copy(update={outcome.value: before + 1})
