"""A kiosk that sends templates of clear scans, with real keys, signatures and seals."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import select

from protocol.v1 import sealing, signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import KioskPolicy, RawEvent, ScanTemplate, ScanTemplateReceipt
from server.db.types import now
from server.enrollment.check_tasks import ComparePeople
from server.enrollment.tables import Template
from server.jobs.tasks import JobWorkers
from server.kiosks import claiming, gallery
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk
from server.ml.encoder import GalleryFindings, Resembling
from server.network_change.scan_intake import Place, Sender, take_in
from server.network_change.tasks import ConfirmScans
from server.networks.tables import WaitingScan
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from tests.fakes.encoder import FakeEncoder
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import MODEL, School
from tests.support.networks import set_networks
from tests.support.stepping import LEASE

NEXT = "sface-2021dec"
DIMENSION = 4
VALUES = (0.5, -0.25, 0.125, 1.0)
#: What the recognition service answers where two scans show one person.
SAME = GalleryFindings({}, (Resembling("other", 0.2),))


def scan_of(
    kiosk: SimulatedKiosk,
    key: tuple[bytes, str],
    event: RawEvent,
    values: tuple[float, ...] = VALUES,
    **changed: Any,
) -> ScanTemplate:
    """Make the template of an event's scan, sealed and signed by the kiosk."""
    scan_id = str(changed.get("id", uuid7()))
    body = {
        "id": scan_id,
        "kiosk_id": kiosk.kiosk_id,
        "person_id": event["person_id"],
        "event_id": event["id"],
        "decided_by": MODEL,
        "distance": 0.31,
        "strict_limit": 0.39,
        "model_id": NEXT,
        "dimension": len(values),
        "frames": 5,
        "captured_at": event["occurred_at"],
        "key_id": key[1],
        "sealed": sealing.seal_template(sealing.pack_values(values), key[0], template_id=scan_id),
    } | changed
    signature = signing.sign_document(body, kiosk.key, context="scan")
    return ScanTemplate.model_validate(body | {"signature": signature})


@dataclass
class ScanDesk:
    """A school that changes its network, one of its kiosks, and a stepped worker.

    Attributes:
        school: the school; `enrolled` people are due in the kiosk's room.
        kiosk: sends.
        encoder: the recognition service; two scans agree unless told otherwise.
    """

    school: School
    kiosk: SimulatedKiosk
    encoder: FakeEncoder = field(default_factory=FakeEncoder)

    @classmethod
    def open(cls, school: School) -> "ScanDesk":
        """Let kiosks check for live faces, start a change that collects scans, and hang a kiosk."""
        with school.database.transaction() as db:
            policy = SchoolPolicy(kiosk=KioskPolicy(liveness="passive"))
            set_policy(db, policy, actor="system")
        set_networks(school.database, MODEL, NEXT, collects_scans=True)
        desk = cls(school, school.kiosk())
        desk.encoder.findings = SAME
        return desk

    def enrolled(self) -> uuid.UUID:
        """Somebody whom the kiosk recognises with the current network."""
        person_id = self.school.person()
        self.school.enrol(person_id)
        self.refresh()
        return person_id

    def refresh(self) -> None:
        """Bring the kiosk's gallery up to date."""
        at, school = now(), self.school
        with school.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(self.kiosk.kiosk_id))
            state = school_state(db, school.vault, school.settings.zone, at)
            gallery.refresh(db, kiosk, state, at=at)

    def seen(
        self, person_id: uuid.UUID, at: datetime, *, verdict: str | None = "live", **fields: Any
    ) -> RawEvent:
        """Let the kiosk mark a person; the event arrives at once."""
        liveness = None if verdict is None else {"verdict": verdict}
        event = self.kiosk.event(at, person_id=person_id, liveness=liveness, **fields)
        self.school.send(self.kiosk, event)
        return event

    def not_me(self, event: RawEvent) -> None:
        """Let the person of an event say "not me"."""
        self.school.send(
            self.kiosk,
            self.kiosk.event(now(), kind="not_me", refers_to=event["id"], liveness=None),
        )

    def synced(self) -> None:
        """Let the kiosk say that it has reported everything up to now."""
        self.school.send(self.kiosk, synced_through=now())

    def scan(
        self, event: RawEvent, values: tuple[float, ...] = VALUES, **changed: Any
    ) -> ScanTemplate:
        """The template of an event's scan."""
        return scan_of(self.kiosk, (self.key, self.key_id), event, values, **changed)

    @property
    def key(self) -> bytes:
        """The kiosk's gallery data key."""
        with self.school.database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(self.kiosk.kiosk_id))
            return claiming.data_key(self.school.vault, kiosk)

    @property
    def key_id(self) -> str:
        """Which key that is."""
        with self.school.database.reading() as db:
            return db.get_one(Kiosk, uuid.UUID(self.kiosk.kiosk_id)).data_key_id

    def hand_over(
        self, *scans: ScanTemplate, dimension: int | None = DIMENSION
    ) -> ScanTemplateReceipt:
        """Send a batch."""
        school = self.school
        key = self.key
        with school.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(self.kiosk.kiosk_id))
            sender = Sender(kiosk, key, dimension)
            place = Place(school.vault, school.settings.zone, now())
            return take_in(db, sender, scans, place)

    def accept(self, person_id: uuid.UUID, days_ago: int, **changed: Any) -> RawEvent:
        """Let the kiosk see a person some days ago and send a clear scan of it."""
        event = self.seen(person_id, now() - timedelta(days=days_ago))
        receipt = self.hand_over(self.scan(event, **changed))
        assert len(receipt.accepted) == 1, receipt
        return event

    def work(self) -> None:
        """Let a worker do every job of scans and checks that is due."""
        school = self.school
        parts = (school.database, school.vault, self.encoder, lambda: school.settings.zone)
        workers = JobWorkers(self.school.database, [], lease=LEASE, software=lambda: "1")
        while workers.run_one([ConfirmScans(*parts)]):
            pass
        self.encoder.findings = GalleryFindings({})
        while workers.run_one([ComparePeople(*parts)]):
            pass
        self.encoder.findings = SAME

    def waiting(self) -> list[WaitingScan]:
        """The scans that wait."""
        with self.school.database.reading() as db:
            return list(db.exec(select(WaitingScan)))

    def made(self) -> list[Template]:
        """The next network's templates."""
        with self.school.database.reading() as db:
            return list(db.exec(select(Template).where(Template.model_id == NEXT)))
