"""A claimed kiosk's storage and sync, built and joined."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kiosk.app.attending import WatchedOutbox
from kiosk.app.changeover import Changeover, ChangeoverLinks
from kiosk.app.roster import CurrentTimetable
from kiosk.config import Settings
from kiosk.domain.attendant import Attendant, AttendantTimings
from kiosk.domain.configuration import MatchOverrides, timetable_from
from kiosk.domain.marks import MarkMemory
from kiosk.domain.recorder import Recorder
from kiosk.domain.timetable import Timetable
from kiosk.errors import StorageError
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.identity import Keys, gallery_key
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.recovery import open_outbox
from kiosk.sync.backoff import Backoff
from kiosk.sync.clock import SystemClock
from kiosk.sync.downloader import Downloader, DownloadStores
from kiosk.sync.http import ServerClient
from kiosk.sync.inbox import Inbox
from kiosk.sync.mqtt import MQTTLink
from kiosk.sync.scheduler import Scheduler
from kiosk.sync.uploader import Uploader, UploadHooks, UploadRoute, UploadTimings
from protocol.v1.messages import (
    BrokerAccess,
    ClaimResponse,
    ClockSource,
    ConfigDocument,
    VersionHint,
)

logger = logging.getLogger(__name__)

DOWNLOAD_JOB = "download"
STATUS_JOB = "status"
SCANS_JOB = "scans"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this kiosk is, once claimed."""

    claim: ClaimResponse
    keys: Keys


@dataclass(frozen=True, slots=True)
class DeviceHooks:
    """Callbacks of the device, each called on one of its threads.

    Attributes:
        on_timetable: a new configuration is in force.
        on_revoked: the server does not know this kiosk any more.
        send_status: report the kiosk's health now.
    """

    on_timetable: Callable[[Timetable], None]
    on_revoked: Callable[[], None]
    send_status: Callable[[], None]


class Device:
    """Storage and sync of a claimed kiosk; built once, started, stopped.

    Raises:
        StorageError: a file can neither be opened nor made anew.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        client: ServerClient,
        clock: SystemClock,
        hooks: DeviceHooks,
    ) -> None:
        self.kiosk_id = identity.claim.kiosk_id
        self.client = client
        self._settings = settings
        self._clock = clock
        self._hooks = hooks
        client.use_token(identity.claim.device_token)
        self._open_storage(identity)
        self._build_sync(identity.claim)

    def _open_storage(self, identity: Identity) -> None:
        settings, claim, clock = self._settings, identity.claim, self._clock
        opened = open_outbox(
            settings.data_dir / "outbox.db",
            ChainSigner(claim.kiosk_id, identity.keys.signing),
            ChainStart(claim.next_seq - 1, claim.chain_head),
            clock=clock,
            max_events=settings.max_events,
        )
        self.outbox: SQLiteOutbox = opened.outbox
        self.was_recovered = opened.recovery is not None
        self.watched = WatchedOutbox(self.outbox, on_recorded=self._on_recorded)
        self.recorder = Recorder(self.watched)
        keys = GalleryKeys(
            claim.kiosk_id,
            claim.gallery_key.key_id,
            gallery_key(claim, identity.keys),
            identity.keys.signing,
        )
        self.gallery = SQLiteGallery(settings.data_dir / "gallery.db", keys, clock)
        links = ChangeoverLinks(self.client, clock, self.outbox.is_waiting)
        self.changeover = Changeover(settings.data_dir, self.gallery, keys, claim, links)
        self.config = ConfigFile(settings.data_dir / "config.json")
        self.roster = CurrentTimetable(clock, self._cached_timetable())
        self.changeover.follow(self.roster.timetable)

    def _build_sync(self, claim: ClaimResponse) -> None:
        settings = self._settings
        inbox = Inbox()
        access = broker_access(settings, claim.broker)
        self.link = (
            None if access is None else MQTTLink(access, inbox, Backoff(1.0, settings.retry_max_s))
        )
        self.scheduler = Scheduler(self._clock)
        self.uploader = Uploader(
            self.outbox,
            UploadRoute(claim.kiosk_id, self.client, self.link),
            inbox=inbox,
            clock=self._clock,
            timings=UploadTimings(
                ack_deadline_s=settings.ack_deadline_s,
                http_backlog=settings.http_backlog,
                retry_most_s=settings.retry_max_s,
            ),
            hooks=UploadHooks(
                watermark=self.watermark,
                on_hint=self._on_hint,
                on_link_up=lambda: self.scheduler.soon(STATUS_JOB),
                on_idle=self._on_idle,
            ),
        )
        self.downloader = Downloader(
            self.client,
            DownloadStores(self.changeover.gallery, self.config),
            clock=self._clock,
            on_config=self._on_config,
            on_revoked=self._hooks.on_revoked,
            page_limit=settings.gallery_page,
        )

    @property
    def has_configuration(self) -> bool:
        """Whether the kiosk knows its room and lessons, from now or from before."""
        return bool(self.roster.timetable.room_name)

    def start(self) -> None:
        """Begin to talk to server and broker."""
        self.scheduler.every(DOWNLOAD_JOB, self._settings.sync_interval_s, self.downloader.download)
        self.scheduler.every(STATUS_JOB, self._settings.status_interval_s, self._hooks.send_status)
        self.scheduler.every(SCANS_JOB, self._settings.sync_interval_s, self.changeover.hand_over)
        self.scheduler.start()
        self.uploader.start()
        if self.link is not None:
            self.link.start()

    def stop(self) -> None:
        """End all of it; what is not delivered stays on disk."""
        self.downloader.stop()
        self.scheduler.stop()
        if self.link is not None:
            self.link.stop()
        self.uploader.stop()
        self.outbox.close()
        self.changeover.close()
        self.gallery.close()

    def wipe(self) -> None:
        """Delete the templates here, and those that wait for the server; the outbox stays.

        Raises:
            StorageError: the disk refuses.
        """
        try:
            self.changeover.wipe()
        finally:
            self.gallery.wipe()

    def attendant(self) -> Attendant:
        """Build the attendant for this kiosk; it knows the marks made before a restart."""
        settings = self._settings
        timings = AttendantTimings(
            hold_s=settings.result_hold_s,
            duplicate_window_s=settings.duplicate_window_s,
        )
        return Attendant(
            self._clock,
            self.recorder,
            self.roster.timetable,
            timings,
            memory=self._memory(),
            listener=self.changeover.collector,
        )

    def _memory(self) -> MarkMemory:
        try:
            return self.outbox.memory()
        except StorageError as exc:
            logger.warning("marks of the day unreadable, starting without them: %s", exc)
            return MarkMemory()

    def watermark(self) -> datetime | None:
        """The time (UTC) up to which everything that was seen is in the outbox."""
        reading = self._clock.reading()
        if reading.source in (ClockSource.UNSYNCED, ClockSource.RTC) and reading.offset_ms is None:
            return None
        recorded_at = reading.best_at - timedelta(seconds=self._settings.watermark_slack_s)
        oldest = self.recorder.oldest_unsaved_at()
        return recorded_at if oldest is None else min(recorded_at, oldest)

    def _cached_timetable(self) -> Timetable:
        kept = self.config.load()
        return Timetable() if kept is None else self._timetable(kept.document)

    def _timetable(self, document: ConfigDocument) -> Timetable:
        settings = self._settings
        overrides = MatchOverrides(
            roster_distance=settings.roster_distance,
            wide_distance=settings.wide_distance,
            min_margin=settings.min_margin,
            min_frames=settings.min_frames,
        )
        return timetable_from(document, overrides)

    def _on_recorded(self) -> None:
        self.uploader.wake()

    def _on_config(self, document: ConfigDocument) -> None:
        timetable = self._timetable(document)
        self.roster.change(timetable)
        self.changeover.follow(timetable)
        self._hooks.on_timetable(timetable)

    def _on_hint(self, hint: VersionHint) -> None:
        if self.downloader.is_outdated(hint):
            self.scheduler.soon(DOWNLOAD_JOB)

    def _on_idle(self) -> None:
        self.scheduler.watch_clock()


def broker_access(settings: Settings, access: BrokerAccess | None) -> BrokerAccess | None:
    """Where the broker is: as the server said, unless the settings say otherwise."""
    if access is None or not settings.mqtt:
        return None
    return access.model_copy(
        update={
            "host": settings.mqtt_host or access.host,
            "port": settings.mqtt_port or access.port,
        }
    )
