"""A kiosk without camera and screen, for tests against the real server."""

import threading
import time
from pathlib import Path

from kiosk.app.device import Device, DeviceHooks
from kiosk.app.onboarding import CLOCK_FILE, Onboarding, server_client
from kiosk.config import Settings
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.health import LinkHealth
from kiosk.domain.screens import Screen
from kiosk.domain.sightings import Recognition, Sighting
from kiosk.storage.clock_file import ClockFile
from kiosk.storage.identity import IdentityStore
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import EventKind
from tests.integration.kiosk.real_school import RealSchool
from tests.support.waiting import wait_until

ACK_DEADLINE_S = 15.0


class Door:
    """A kiosk without camera and screen: claimed, syncing, and told whom it sees."""

    def __init__(self, school: RealSchool, folder: Path) -> None:
        self.clock = SystemClock(ClockFile(folder / CLOCK_FILE))
        self.settings = Settings(
            data_dir=folder,
            server_url=school.url,
            sync_interval_s=1,
            status_interval_s=1,
            ack_deadline_s=ACK_DEADLINE_S,
            retry_max_s=1,
        )
        self.revoked = threading.Event()
        self.device = self._claimed(school.claim_code)
        self.device.start()

    def _claimed(self, code: str) -> Device:
        store = IdentityStore(self.settings.data_dir / "identity")
        client = server_client(self.settings, self.clock)
        onboarding = Onboarding(
            store,
            client,
            retry_max_s=1,
            stop=threading.Event(),
            on_stage=lambda _stage: None,
        )
        identity = onboarding.wait_for_identity(code)
        assert identity is not None
        hooks = DeviceHooks(lambda _timetable: None, self.revoked.set, lambda: None)
        return Device(self.settings, identity, client, self.clock, hooks)

    def sees(self, person_id: str) -> None:
        lesson = self.device.roster.timetable.lessons[0]
        evidence = MatchEvidence(0.3, 0.2, 0.5, 0.9, "dlib-resnet-v1")
        reading = self.clock.reading()
        draft = EventDraft(EventKind.SEEN, reading, lesson.id, person_id, 0, evidence)
        self.device.watched.append(draft)

    def greets(self, person_id: str) -> Screen:
        """What a new attendant, as after a restart, says to this person."""
        found = Recognition(person_id, 0.3, 0.2, 0.5, 0.9, "dlib-resnet-v1")
        sighting = Sighting.recognised(1, self.clock.monotonic_s(), found)
        return self.device.attendant().handle(sighting)

    def wait_ready(self) -> None:
        wait_until(lambda: self.device.has_configuration, what="the configuration")

    def wait_link(self) -> None:
        link = self.device.link
        assert link is not None
        wait_until(lambda: link.health is LinkHealth.UP, what="the broker")

    def wait_delivered(self) -> float:
        """Wait until the server has everything; returns how long it took, seconds."""
        began_s = time.monotonic()
        wait_until(lambda: self.device.outbox.waiting == 0, what="delivery", timeout_s=40)
        return time.monotonic() - began_s
