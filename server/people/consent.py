"""The rule of consent, as a function of what was said and the date. No database here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from server.people.tables import ConsentDecision, ConsentRole


class ConsentState(StrEnum):
    """Whether a person's face may be processed, and if not, why."""

    LIVE = "live"
    NONE = "none"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


@dataclass(frozen=True)
class Statement:
    """What one person said once.

    Attributes:
        role: student or parent.
        given_by: who spoke; two parents are two speakers, the student is one however written.
        decision: given or refused.
        decided_at: when.
        expires_on: last day it counts; None: until withdrawn.
        withdrawn_at: when it was taken back; None: it stands.
    """

    role: str
    given_by: str
    decision: str
    decided_at: datetime
    expires_on: date | None
    withdrawn_at: datetime | None

    @property
    def speaker(self) -> tuple[str, str]:
        """Who spoke, comparable."""
        name = (
            "" if self.role == ConsentRole.STUDENT else " ".join(self.given_by.casefold().split())
        )
        return self.role, name


def consent_state(statements: Iterable[Statement], today: date) -> ConsentState:
    """Decide from everything that was ever said.

    Each speaker's newest statement counts. A refusal or withdrawal of anyone outweighs the consent
    of everyone else: a child's refusal overrides the parents, and no parent may object.

    Args:
        statements: in any order.
        today: the school's date.

    Source: Protection of Freedoms Act 2012, sections 26 and 27.
    """
    newest = _newest_by_speaker(statements)
    if any(s.decision == ConsentDecision.REFUSED and s.withdrawn_at is None for s in newest):
        return ConsentState.REFUSED
    given = [s for s in newest if s.decision == ConsentDecision.GIVEN]
    if any(s.withdrawn_at is not None for s in given):
        return ConsentState.WITHDRAWN
    if any(s.expires_on is None or s.expires_on >= today for s in given):
        return ConsentState.LIVE
    return ConsentState.EXPIRED if given else ConsentState.NONE


def _newest_by_speaker(statements: Iterable[Statement]) -> list[Statement]:
    newest: dict[tuple[str, str], Statement] = {}
    for statement in sorted(statements, key=_age_then_caution):
        newest[statement.speaker] = statement
    return list(newest.values())


def _age_then_caution(statement: Statement) -> tuple[datetime, int, int]:
    # Of two statements at the same moment the more restrictive one counts.
    is_refusal = statement.decision == ConsentDecision.REFUSED
    is_withdrawn = statement.withdrawn_at is not None
    caution = {(True, False): 3, (False, True): 2, (True, True): 1, (False, False): 0}
    last_day = statement.expires_on or date.max
    return statement.decided_at, caution[is_refusal, is_withdrawn], -last_day.toordinal()
