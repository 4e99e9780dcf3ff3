"""Take in templates that a kiosk made from clear scans: judge each, keep it or refuse it."""

import logging
import math
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from prometheus_client import Counter
from sqlmodel import Session, col, select

from protocol.v1 import sealing, signing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import LivenessLevel, ScanTemplate, ScanTemplateReceipt
from server.audit.service import SYSTEM
from server.audit.tables import subject_of
from server.db.vault import Vault
from server.enrollment.tables import Template
from server.jobs import service as jobs
from server.kiosks.tables import GalleryEntry, Kiosk
from server.network_change import events, rules, sealed_scans
from server.network_change.rules import Collecting, PersonFacts, ScanRefusal
from server.networks import scans
from server.networks.service import as_value, hold, row_of
from server.networks.tables import WaitingScan
from server.people import service as people
from server.people.consent import ConsentState
from server.people.tables import Person
from server.policies.service import current_policies
from server.timetable.local_time import local_date

_logger = logging.getLogger(__name__)
_SCANS = Counter("rollcall_scan_templates", "Templates from scans, by outcome.", ["outcome"])
ACCEPTED = "accepted"
_NOT_JUDGED = "not_judged"
#: Waiting scans of one person: of one day, and in all. A further day replaces the oldest scan.
MOST_A_DAY = 2
MOST_A_PERSON = 6


@dataclass(frozen=True)
class Sender:
    """The kiosk that sends, and what its scans are opened and judged with.

    Attributes:
        kiosk: signed in with its device token.
        data_key: 32 bytes that seal its gallery and its scans.
        dimension: numbers in a template of the next network; None while unknown.
    """

    kiosk: Kiosk
    data_key: bytes
    dimension: int | None


@dataclass(frozen=True)
class Place:
    """Where and when the school judges.

    Attributes:
        vault: seals what is kept.
        zone: of the school; decides which day a scan belongs to.
        at: now, UTC.
    """

    vault: Vault
    zone: ZoneInfo
    at: datetime

    @property
    def today(self) -> date:
        """The school's date."""
        return local_date(self.at, self.zone)


def take_in(
    db: Session, sender: Sender, batch: Sequence[ScanTemplate], place: Place
) -> ScanTemplateReceipt:
    """Judge scans, keep those that may become templates, and say which were judged.

    A scan whose event has not arrived is not judged: the kiosk sends it again. The same scan again
    is answered as before and changes nothing.

    Args:
        db: the caller's transaction.
        sender: whose scans.
        batch: as they came.
        place: where and when.
    """
    known = _lock_people(db, batch)
    hold(db)
    intake = _Intake(db, sender, place, known)
    outcomes = {scan.id: intake.judge(scan) for scan in batch}
    for outcome in outcomes.values():
        _SCANS.labels(outcome).inc()
    if outcomes:
        _logger.info("scan templates judged kiosk=%s count=%s", sender.kiosk.id, len(outcomes))
    judged = {key: one for key, one in outcomes.items() if one != _NOT_JUDGED}
    return ScanTemplateReceipt(
        accepted=tuple(key for key, one in judged.items() if one == ACCEPTED),
        refused=tuple(key for key, one in judged.items() if one != ACCEPTED),
    )


class _Intake:
    """Judges the scans of one batch, in one transaction."""

    def __init__(
        self, db: Session, sender: Sender, place: Place, known: Collection[uuid.UUID]
    ) -> None:
        self._db = db
        self._sender = sender
        self._place = place
        self._consents = people.states_of(db, known, place.today)
        row = row_of(db)
        policy = current_policies(db).at(sender.kiosk.room_id).policy
        is_live_checked = policy.kiosk.liveness != LivenessLevel.OFF
        self._collecting = Collecting(as_value(row), row.started_at, is_live_checked)

    def judge(self, scan: ScanTemplate) -> str:
        """Return `accepted`, `not_judged`, or the reason of a refusal; keep what is accepted."""
        if not self._is_authentic(scan):
            return ScanRefusal.FORGED
        if self._db.get(WaitingScan, uuid.UUID(scan.id)) is not None:
            return ACCEPTED
        person_id = _id_of(scan.person_id)
        person = self._person(person_id)
        refusal = rules.refusal_before_event(scan, self._collecting, person, self._place.at)
        if refusal is not None or person_id is None:
            return refusal or ScanRefusal.NO_CONSENT
        event = events.facts_of(self._db, self._sender.kiosk.id, uuid.UUID(scan.event_id))
        if event is None:
            return _NOT_JUDGED
        refusal = rules.refusal_by_event(scan, event)
        if refusal is not None:
            return refusal
        return self._keep(scan, person_id, local_date(event.counted_at, self._place.zone))

    def _is_authentic(self, scan: ScanTemplate) -> bool:
        kiosk = self._sender.kiosk
        if scan.kiosk_id != kiosk.wire_id or kiosk.signing_key is None:
            return False
        body = scan.model_dump(mode="json", exclude={"signature"})
        try:
            key = signing.public_key(kiosk.signing_key)
            signing.verify_document(body, scan.signature, key, context="scan")
        except ValueError:
            return False
        return True

    def _person(self, person_id: uuid.UUID | None) -> PersonFacts:
        if person_id is None or person_id not in self._consents:
            return PersonFacts(has_consent=False, is_in_gallery=False, is_covered=False)
        next_id = self._collecting.networks.next
        covered = select(Template.id).where(
            Template.person_id == person_id, Template.model_id == next_id
        )
        entry = select(GalleryEntry.template_id).where(
            GalleryEntry.kiosk_id == self._sender.kiosk.id,
            GalleryEntry.person_id == person_id,
            col(GalleryEntry.gone).is_(None),
        )
        return PersonFacts(
            has_consent=self._consents[person_id] is ConsentState.LIVE,
            is_in_gallery=self._db.exec(entry.limit(1)).first() is not None,
            is_covered=self._db.exec(covered.limit(1)).first() is not None,
        )

    def _keep(self, scan: ScanTemplate, person_id: uuid.UUID, day: date) -> str:
        values = self._open(scan)
        if values is None:
            return ScanRefusal.UNREADABLE
        waiting = scans.of_person(self._db, person_id)
        if sum(one.day == day for one in waiting) >= MOST_A_DAY:
            return ScanRefusal.ENOUGH_TODAY
        for oldest in waiting[: max(0, len(waiting) + 1 - MOST_A_PERSON)]:
            self._db.delete(oldest)
            waiting.remove(oldest)
        sealed_scans.store(self._db, self._place.vault, _row(scan, person_id, day), values)
        if {one.day for one in waiting} - {day}:
            about = {"model": scan.model_id, "person": str(person_id)}
            subject = subject_of("person", person_id)
            jobs.enqueue(self._db, scans.CONFIRM, about, subject=subject, actor=SYSTEM)
        return ACCEPTED

    def _open(self, scan: ScanTemplate) -> list[float] | None:
        sender = self._sender
        if scan.key_id != sender.kiosk.data_key_id:
            return None
        if sender.dimension not in {None, scan.dimension}:
            return None
        try:
            packed = sealing.open_template(
                scan.sealed, sender.data_key, template_id=scan.id, dimension=scan.dimension
            )
            values = sealing.unpack_values(packed)
        except ProtocolError:
            return None
        return values if all(map(math.isfinite, values)) and any(values) else None


def _lock_people(db: Session, batch: Sequence[ScanTemplate]) -> list[uuid.UUID]:
    """Lock everybody who is named and exists, in order: nobody's consent changes until the end."""
    named = {key for scan in batch if (key := _id_of(scan.person_id)) is not None}
    query = select(Person.id).where(col(Person.id).in_(named)).order_by(col(Person.id))
    return list(db.exec(query.with_for_update()))


def _id_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _row(scan: ScanTemplate, person_id: uuid.UUID, day: date) -> WaitingScan:
    return WaitingScan(
        id=uuid.UUID(scan.id),
        person_id=person_id,
        kiosk_id=uuid.UUID(scan.kiosk_id),
        event_id=uuid.UUID(scan.event_id),
        model_id=scan.model_id,
        dimension=scan.dimension,
        key_id="",
        data=b"",
        frames=scan.frames,
        day=day,
        captured_at=scan.captured_at,
    )
