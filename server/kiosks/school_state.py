"""What galleries and configurations are computed from, as counters: one small query."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, func, select

from server.changes.service import newest
from server.db.vault import Vault
from server.enrollment import resemblance
from server.enrollment.tables import GalleryChange
from server.kiosks.tables import Kiosk
from server.limits import service as limits
from server.networks.service import Networks
from server.networks.tables import ONLY, SchoolNetwork
from server.policies.tables import PolicyVersion
from server.timetable.local_time import local_date
from server.timetable.tables import TimetableVersion


@dataclass(frozen=True)
class SchoolState:
    """What galleries and configurations are computed from; equal states give equal results."""

    changes: int
    gallery_seq: int
    timetable_version: int
    policy_version: int
    day: str
    resemblances: str
    limits: str
    keys: tuple[str, ...]
    networks: str

    @property
    def mark(self) -> "SchoolMark":
        """The same as far as it is compared, in short."""
        rest = (self.policy_version, self.day, self.limits, self.keys, self.networks)
        logged = (self.gallery_seq, self.timetable_version, self.resemblances)
        return SchoolMark(self.changes, _digest(logged), _digest(rest))

    def source_for(self, kiosk: Kiosk) -> str:
        """The state as far as it matters to one kiosk, as text."""
        return f"{self.mark.text}:{_own(kiosk)}"


@dataclass(frozen=True)
class SchoolMark:
    """A state of the school in short: equal marks are equal states.

    Attributes:
        changes: the newest line of the log of changes.
        logged: of what the log has a line for each change of; another one without a new line is a
            change that was not noted.
        rest: of what concerns every kiosk.
    """

    changes: int
    logged: str
    rest: str

    @property
    def text(self) -> str:
        """The mark as `mark_in` reads it."""
        return f"{self.changes}:{self.logged}:{self.rest}"


def mark_in(kiosk: Kiosk) -> SchoolMark | None:
    """Return which state a kiosk's gallery comes from.

    Returns:
        None where it comes from none, from one of an earlier version of this server, or from
        before the kiosk was moved or claimed anew.
    """
    changes, _, others = kiosk.gallery_source.partition(":")
    logged, _, others = others.partition(":")
    rest, _, own = others.partition(":")
    if own != _own(kiosk) or not changes.isdecimal():
        return None
    return SchoolMark(int(changes), logged, rest)


def _own(kiosk: Kiosk) -> str:
    return f"{kiosk.room_id.hex}:{kiosk.generation}"


def _digest(values: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def school_state(db: Session, vault: Vault, zone: ZoneInfo, at: datetime) -> SchoolState:
    """Read the counters; cheap enough to ask every second."""
    current, following, collects, *counted = db.execute(_counters()).one()
    changes, gallery, timetable, policy, pairs, newest_pair = counted
    return SchoolState(
        changes=changes or 0,
        gallery_seq=gallery or 0,
        timetable_version=timetable or 0,
        policy_version=policy,
        day=local_date(at, zone).isoformat(),
        resemblances=resemblance.fingerprint(pairs, newest_pair),
        limits=limits.fingerprint(db),
        keys=vault.key_ids(),
        networks=repr(Networks(current, following, collects)),
    )


def _counters() -> sqlalchemy.Select[tuple[object, ...]]:
    network = SchoolNetwork
    return sqlalchemy.select(
        col(network.current),
        col(network.next),
        col(network.collects_scans),
        newest(),
        select(func.max(col(GalleryChange.seq))).scalar_subquery(),
        select(TimetableVersion.version).where(TimetableVersion.id == 1).scalar_subquery(),
        select(func.max(col(PolicyVersion.version))).scalar_subquery(),
        *resemblance.counters(),
    ).where(col(network.id) == ONLY)
