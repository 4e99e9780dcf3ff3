"""Two scans of different days that agree become templates of the next network."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.attendance.tables import StoredEvent
from server.attendance.watermarks import believed
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.types import new_id, now
from server.db.vault import Vault
from server.enrollment.gallery import store_template
from server.enrollment.resemblance import request_checks
from server.enrollment.tables import Enrolment, EnrolmentSource, EnrolmentStatus
from server.kiosks.tables import KioskProgress
from server.logs import correlation_id
from server.ml.encoder import FaceTemplate
from server.network_change.events import is_taken_back
from server.networks import scans
from server.networks.service import hold
from server.networks.tables import WaitingScan
from server.people import service as people
from server.people.consent import ConsentState
from server.timetable.local_time import midnight

Values = tuple[float, ...]


@dataclass(frozen=True)
class ScanPair:
    """Two scans of one person and network, of different days."""

    first: WaitingScan
    second: WaitingScan


def settled(db: Session, waiting: Sequence[WaitingScan], zone: ZoneInfo) -> list[WaitingScan]:
    """Those whose day is over and whose kiosk has reported everything of that day.

    Until then a "not me" may still take the scan's event back.
    """
    return [one for one in waiting if _is_settled(db, one, zone)]


def _is_settled(db: Session, scan: WaitingScan, zone: ZoneInfo) -> bool:
    progress = db.get(KioskProgress, scan.kiosk_id)
    reported = believed(progress.synced_through, now()) if progress is not None else None
    return reported is not None and reported >= midnight(scan.day + timedelta(days=1), zone)


def pairs_of(waiting: Sequence[WaitingScan], model_id: str) -> list[ScanPair]:
    """Every two scans of a network of different days, the newest first."""
    rows = sorted((one for one in waiting if one.model_id == model_id), key=_age, reverse=True)
    return [ScanPair(a, b) for a, b in combinations(rows, 2) if a.day != b.day]


def make_templates(
    db: Session, vault: Vault, pair: ScanPair, opened: Mapping[uuid.UUID, Values], *, today: date
) -> bool:
    """Store the two templates of a pair that agrees, and have them compared with everybody's.

    Nothing is stored where anything has changed since the scans were accepted: consent, change of
    network, a scan that went, an event that was taken back.

    Returns:
        Whether they were stored.
    """
    person_id, model_id = pair.first.person_id, pair.first.model_id
    people.get_person(db, person_id, lock=True)
    if hold(db).next != model_id or not _still_hold(db, pair):
        return False
    if people.state_of(db, person_id, today) is not ConsentState.LIVE:
        return False
    at = now()
    enrolment = Enrolment(
        id=new_id(),
        person_id=person_id,
        status=EnrolmentStatus.ACCEPTED.value,
        source=EnrolmentSource.SCAN.value,
        correlation_id=correlation_id(),
        created_by=SYSTEM,
        finished_at=at,
    )
    db.add(enrolment)
    db.flush()
    for scan in (pair.first, pair.second):
        store_template(db, vault, enrolment, FaceTemplate(model_id, opened[scan.id]), at)
    scans.forget_people(db, [person_id])
    details = {"enrolment": str(enrolment.id), "model": model_id, "scans": 2}
    subject = subject_of("person", person_id)
    record(db, actor=SYSTEM, action="template.from_scans", subject=subject, details=details)
    request_checks(db, person_id, [model_id])
    return True


def _still_hold(db: Session, pair: ScanPair) -> bool:
    """Whether both scans are still there, of two days, and nobody took their events back."""
    if pair.first.day == pair.second.day:
        return False
    for scan in (pair.first, pair.second):
        row = db.get(WaitingScan, scan.id, with_for_update=True, populate_existing=True)
        event = db.get(StoredEvent, (scan.kiosk_id, scan.event_id))
        if row is None or event is None or is_taken_back(db, event):
            return False
    return True


def _age(scan: WaitingScan) -> tuple[object, uuid.UUID]:
    return scan.captured_at, scan.id
