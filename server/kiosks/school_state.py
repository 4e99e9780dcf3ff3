"""What galleries and configurations are computed from, as counters: one small query."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, func, select

from server.db.vault import Vault
from server.enrollment import resemblance
from server.enrollment.tables import GalleryChange
from server.kiosks.tables import Kiosk
from server.limits import service as limits
from server.networks.service import Networks
from server.networks.tables import ONLY, SchoolNetwork
from server.people.service import years_counters, years_text
from server.policies.tables import PolicyVersion
from server.timetable.local_time import local_date
from server.timetable.tables import TimetableVersion


@dataclass(frozen=True)
class SchoolState:
    """What galleries and configurations are computed from; equal states give equal results."""

    gallery_seq: int
    timetable_version: int
    policy_version: int
    day: str
    resemblances: str
    limits: str
    keys: tuple[str, ...]
    networks: str

    def source_for(self, kiosk: Kiosk) -> str:
        """The state as far as it matters to one kiosk, as text."""
        parts = (
            self.gallery_seq,
            self.timetable_version,
            self.policy_version,
            self.day,
            kiosk.room_id.hex,
            kiosk.generation,
            self.resemblances,
            self.limits,
            hashlib.sha256("".join((*self.keys, self.networks)).encode()).hexdigest()[:8],
        )
        return ":".join(map(str, parts))


def school_state(db: Session, vault: Vault, zone: ZoneInfo, at: datetime) -> SchoolState:
    """Read the counters; cheap enough to ask every second."""
    current, following, collects, *counted = db.execute(_counters()).one()
    changes, timetable, policy, pairs, newest_pair, years, sum_of_years = counted
    return SchoolState(
        gallery_seq=changes or 0,
        timetable_version=timetable or 0,
        policy_version=policy,
        day=local_date(at, zone).isoformat(),
        resemblances=resemblance.fingerprint(pairs, newest_pair),
        limits=f"{limits.fingerprint(db)};{years_text(years, sum_of_years)}",
        keys=vault.key_ids(),
        networks=repr(Networks(current, following, collects)),
    )


def _counters() -> sqlalchemy.Select[tuple[object, ...]]:
    network = SchoolNetwork
    return sqlalchemy.select(
        col(network.current),
        col(network.next),
        col(network.collects_scans),
        select(func.max(col(GalleryChange.seq))).scalar_subquery(),
        select(TimetableVersion.version).where(TimetableVersion.id == 1).scalar_subquery(),
        select(func.max(col(PolicyVersion.version))).scalar_subquery(),
        *resemblance.counters(),
        *years_counters(),
    ).where(col(network.id) == ONLY)
