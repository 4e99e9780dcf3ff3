"""What kiosks counted about the next network while the current one decided."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from protocol.v1.messages import ShadowCounts
from server.kiosks.tables import Kiosk, KioskState


@dataclass(frozen=True)
class ShadowSum:
    """The counts of all kiosks.

    Attributes:
        kiosks: how many counted anything.
        agreed: scans in which both networks knew the same student.
        missed: only the current one knew the student.
        other_person: they named two different students.
        only_next: only the next one knew a student.
        nobody: neither knew anybody.
    """

    kiosks: int = 0
    agreed: int = 0
    missed: int = 0
    other_person: int = 0
    only_next: int = 0
    nobody: int = 0

    @property
    def total(self) -> int:
        """All scans."""
        return self.agreed + self.missed + self.other_person + self.only_next + self.nobody


def shadow_of(kiosks: Iterable[Kiosk], next_id: str) -> ShadowSum:
    """Add up what claimed kiosks last said about a network; counts of another one are left out."""
    found = [
        counts
        for kiosk in kiosks
        if kiosk.state == KioskState.CLAIMED and (counts := _counts(kiosk, next_id)) is not None
    ]
    return ShadowSum(
        kiosks=sum(_total(one) > 0 for one in found),
        agreed=sum(one.agreed for one in found),
        missed=sum(one.missed for one in found),
        other_person=sum(one.other_person for one in found),
        only_next=sum(one.only_next for one in found),
        nobody=sum(one.nobody for one in found),
    )


def _counts(kiosk: Kiosk, next_id: str) -> ShadowCounts | None:
    try:
        counts = ShadowCounts.model_validate((kiosk.status or {}).get("shadow"))
    except ValidationError:  # it has not counted yet
        return None
    return counts if counts.model_id == next_id else None


def _total(one: ShadowCounts) -> int:
    return one.agreed + one.missed + one.other_person + one.only_next + one.nobody
