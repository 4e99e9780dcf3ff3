"""A claimed kiosk's storage and sync, built and joined."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from kiosk.app.attending import WatchedOutbox
from kiosk.app.changeover import Changeover, ChangeoverLinks
from kiosk.app.credentials import CredentialKeeper
from kiosk.app.earlier import EarlierDelivery
from kiosk.app.key_watch import KeyWatch
from kiosk.app.onboarding import Identity as Identity
from kiosk.app.private_files import PrivateFiles
from kiosk.app.roster import CurrentTimetable
from kiosk.app.server_trust import Authorities
from kiosk.app.watermark import WatermarkSigner
from kiosk.config import Settings
from kiosk.domain.attendant import Attendant, AttendantTimings
from kiosk.domain.configuration import MatchOverrides, timetable_from
from kiosk.domain.credentials import CredentialBook
from kiosk.domain.download import CachedConfig
from kiosk.domain.health import DiskHealth
from kiosk.domain.marks import MarkMemory
from kiosk.domain.recorder import Recorder
from kiosk.domain.room import room_health
from kiosk.domain.timetable import Timetable
from kiosk.errors import StorageError
from kiosk.storage.credentials import CredentialFile
from kiosk.storage.files import free_bytes
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.identity import gallery_key
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.recovery import open_outbox
from kiosk.storage.storage_key import StorageKey
from kiosk.storage.used_codes import SQLiteUsedCodes
from kiosk.sync.backoff import Backoff
from kiosk.sync.clock import SystemClock
from kiosk.sync.cut import LinkCut
from kiosk.sync.downloader import Downloader, DownloadStores
from kiosk.sync.http import ServerClient
from kiosk.sync.inbox import Inbox
from kiosk.sync.mqtt import MQTTLink
from kiosk.sync.scheduler import Scheduler
from kiosk.sync.uploader import Uploader, UploadHooks, UploadRoute, UploadTimings
from protocol.v1 import signing
from protocol.v1.messages import (
    BrokerAccess,
    ClaimResponse,
    ConfigDocument,
    VersionHint,
    Watermark,
)

logger = logging.getLogger(__name__)

DOWNLOAD_JOB = "download"
STATUS_JOB = "status"
SCANS_JOB = "scans"
EARLIER_JOB = "earlier events"
COMMISSIONING_JOB = "commissioning reports"
_HEARD_S = 600.0
"""An ack through the broker counts this long; the kiosk asks for one every few minutes."""


@dataclass(frozen=True, slots=True)
class DeviceHooks:
    """Callbacks of the device, each called on one of its threads.

    Attributes:
        on_timetable: a new configuration is in force.
        on_revoked: the server signed that this kiosk's claim has ended.
        send_status: report the kiosk's health now.
        on_key_refused: the server knows another key for this kiosk.
        on_book: other credentials are in force.
    """

    on_timetable: Callable[[Timetable], None]
    on_revoked: Callable[[], None]
    send_status: Callable[[], None]
    on_key_refused: Callable[[], None] = lambda: None
    on_book: Callable[[CredentialBook], None] = lambda _book: None


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
        files: PrivateFiles | None = None,
    ) -> None:
        files = files or PrivateFiles(settings)
        self.config, self.key_keeping = files.config, files.storage_key.keeping
        self.kiosk_id = identity.claim.kiosk_id
        self.client = client
        self._settings = settings
        self._clock = clock
        self._hooks = hooks
        self._heard_s: float | None = None
        self.signing_key = identity.keys.signing
        self.cut = client.cut = LinkCut()
        client.use_claim(identity.claim)
        self._authorities = Authorities(settings, identity.claim, identity.place, client, clock)
        with ExitStack() as opened:
            self._open_storage(identity, opened)
            self._open_credentials(identity, files.storage_key, opened)
            self._build_sync(identity.claim)
            opened.pop_all()

    def _open_storage(self, identity: Identity, files: ExitStack) -> None:
        """Open every file; those already open are closed where a later one cannot be opened."""
        settings, claim, clock = self._settings, identity.claim, self._clock
        signer = ChainSigner(claim.kiosk_id, identity.keys.signing)
        path = settings.data_dir / "outbox.db"
        opened = open_outbox(
            path,
            signer,
            ChainStart(claim.next_seq - 1, claim.chain_head, claim.claim or None),
            clock=clock,
            max_events=settings.max_events,
            max_kept_events=settings.max_kept_events,
        )
        self.outbox: SQLiteOutbox = opened.outbox
        files.callback(self.outbox.close)
        self.was_recovered = opened.recovery is not None
        self.watched = WatchedOutbox(self.outbox, on_recorded=self._on_recorded)
        self._key_watch = KeyWatch(self.outbox, self._on_key_refused)
        self.recorder = Recorder(self.watched)
        self._watermarks = WatermarkSigner(
            claim.kiosk_id,
            signer.key,
            clock,
            self.outbox,
            self.recorder,
            settings.watermark_slack_s,
        )
        self.earlier = EarlierDelivery(path, signer, self.client, clock)
        keys = GalleryKeys(
            claim.kiosk_id,
            claim.gallery_key.key_id,
            gallery_key(claim, identity.keys),
            identity.keys.signing,
        )
        self.gallery = SQLiteGallery(settings.data_dir / "gallery.db", keys, clock)
        files.callback(self.gallery.close)
        links = ChangeoverLinks(self.client, clock, self.outbox.is_waiting)
        self.changeover = Changeover(settings.data_dir, self.gallery, keys, claim, links)
        self.roster = CurrentTimetable(clock, self._cached_timetable())
        self._keep_events(self.config.load())
        self.changeover.follow(self.roster.timetable)

    def _open_credentials(
        self, identity: Identity, storage_key: StorageKey, files: ExitStack
    ) -> None:
        folder, claim = self._settings.data_dir, identity.claim
        self.used_codes = SQLiteUsedCodes(folder / "used_codes.db", self._clock)
        files.callback(self.used_codes.close)
        file = CredentialFile(folder / "credentials.json", storage_key, claim)
        self.server_key = signing.public_key(claim.server_key)
        self.credentials = CredentialKeeper(
            claim.kiosk_id, identity.keys, file, self._hooks.on_book
        )

    def _build_sync(self, claim: ClaimResponse) -> None:
        settings = self._settings
        inbox = Inbox()
        access = broker_access(settings, claim.broker)
        backoff, trust = Backoff(1.0, settings.retry_max_s), self._authorities.broker
        self.link = None if access is None else MQTTLink(access, inbox, backoff, trust)
        if self.link is not None:
            self.link.cut = self.cut
        self.scheduler = Scheduler(self._clock)
        self.uploader = Uploader(
            self.outbox,
            UploadRoute(claim.kiosk_id, self.client, self.link, claim.server_key),
            inbox=inbox,
            clock=self._clock,
            timings=UploadTimings(
                ack_deadline_s=settings.ack_deadline_s,
                retry_most_s=settings.retry_max_s,
            ),
            hooks=UploadHooks(
                watermark=self.watermark,
                on_hint=self._on_hint,
                on_link_up=lambda: self.scheduler.soon(STATUS_JOB),
                on_idle=self._on_idle,
                on_heard=self._on_heard,
            ),
        )
        self.downloader = Downloader(
            self.client,
            DownloadStores(self.changeover.gallery, self.config, self.credentials),
            clock=self._clock,
            on_config=self._on_config,
            on_revoked=self._hooks.on_revoked,
            page_limit=settings.gallery_page,
        )

    @property
    def has_configuration(self) -> bool:
        """Whether the kiosk knows its room and lessons, from now or from before."""
        return bool(self.roster.timetable.room_name)

    @property
    def is_heard(self) -> bool:
        """Whether the server was heard through the broker lately."""
        heard_s = self._heard_s
        return heard_s is not None and self._clock.monotonic_s() - heard_s < _HEARD_S

    @property
    def silent_s(self) -> float | None:
        """How long ago the server last answered; None: not since the start."""
        ages_s = []
        if self.client.answered_s is not None:
            ages_s.append(self._clock.uptime_s() - self.client.answered_s)
        if self._heard_s is not None:
            ages_s.append(self._clock.monotonic_s() - self._heard_s)
        return min(ages_s, default=None)

    @property
    def lost(self) -> int:
        """How many events a damage took that the server does not have either."""
        return self.outbox.lost

    def room(self) -> DiskHealth:
        """How much room is left for events."""
        settings = self._settings
        return room_health(
            waiting=self.outbox.waiting,
            most=settings.max_events,
            free_bytes=free_bytes(settings.data_dir),
        )

    def renewed(self) -> tuple[str, ...]:
        """The caches that were damaged and made anew and are not downloaded again yet."""
        if self.downloader.is_fresh:
            return ()
        found = {
            "gallery": self.gallery.was_renewed,
            "scans": self.changeover.was_renewed,
            "config": self.config.was_damaged,
        }
        return tuple(name for name, was_renewed in found.items() if was_renewed)

    def start(self) -> None:
        """Begin to talk to server and broker."""
        self.scheduler.every(DOWNLOAD_JOB, self._settings.sync_interval_s, self.downloader.download)
        self.scheduler.every(STATUS_JOB, self._settings.status_interval_s, self._hooks.send_status)
        self.scheduler.every(SCANS_JOB, self._settings.sync_interval_s, self.changeover.hand_over)
        interval_s = self._settings.sync_interval_s
        self.scheduler.every(EARLIER_JOB, interval_s, self.earlier.deliver)
        self.scheduler.start()
        self.uploader.start()
        if self.link is not None:
            self.link.start()

    def sync_now(self) -> None:
        """Fetch and deliver everything now, without waiting for the next interval."""
        for job in (DOWNLOAD_JOB, SCANS_JOB, EARLIER_JOB, STATUS_JOB):
            self.scheduler.soon(job)
        self.uploader.retry_now()

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
        self.used_codes.close()

    def wipe(self) -> None:
        """Delete templates, scans, credentials and configuration here; the outbox stays.

        Raises:
            StorageError: the disk refuses.
        """
        with ExitStack() as wipes:  # each is tried, whatever the others say
            wipes.callback(self.config.delete)
            wipes.callback(self.gallery.wipe)
            wipes.callback(self.changeover.wipe)
            wipes.callback(self.used_codes.wipe)
            wipes.callback(self.credentials.wipe)

    def attendant(self) -> Attendant:
        """Build the attendant for this kiosk; it knows the marks made before a restart."""
        settings = self._settings
        timings = AttendantTimings(
            hold_s=settings.result_hold_s,
            duplicate_window_s=settings.duplicate_window_s,
        )
        attendant = Attendant(
            self._clock,
            self.recorder,
            self.roster.timetable,
            timings,
            memory=self._memory(),
            listener=self.changeover.collector,
        )
        attendant.equip(self.credentials.book, self.server_key, self.used_codes)
        return attendant

    def _memory(self) -> MarkMemory:
        try:
            return self.outbox.memory()
        except StorageError as exc:
            logger.warning("marks of the day unreadable, starting without them: %s", exc)
            return MarkMemory()

    def watermark(self) -> Watermark | None:
        """Return the kiosk's signed word on how far its events go; see `WatermarkSigner`."""
        return self._watermarks.watermark()

    def _keep_events(self, kept: CachedConfig | None) -> None:
        """Keep delivered events as long as the policy says."""
        if kept is not None:
            days = kept.document.policy.kiosk.keeps_events_days
            self.outbox.keeps_days = days
            self.earlier.keeps_days = days

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

    def _on_key_refused(self) -> None:
        self.watched.is_barred = True
        self._hooks.on_key_refused()

    def _on_recorded(self) -> None:
        self.uploader.wake()

    def _on_config(self, document: ConfigDocument) -> None:
        timetable = self._timetable(document)
        self._authorities.follow(document)
        self._keep_events(CachedConfig(document, ""))
        self.roster.change(timetable)
        self.changeover.follow(timetable)
        self._hooks.on_timetable(timetable)

    def _on_hint(self, hint: VersionHint) -> None:
        if self.downloader.is_outdated(hint):
            self.scheduler.soon(DOWNLOAD_JOB)

    def _on_heard(self) -> None:
        self._heard_s = self._clock.monotonic_s()

    def _on_idle(self) -> None:
        self.scheduler.watch_clock()
        if self._clock.is_answer_due():
            self.scheduler.soon(DOWNLOAD_JOB)
        self._key_watch.look()


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
