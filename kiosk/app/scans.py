"""Makes templates of the next network from clear scans: the event first, then seal, sign, keep."""

import base64
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kiosk.domain.clock import Clock, ClockReading
from kiosk.domain.events import EventDraft
from kiosk.domain.timetable import Timetable
from kiosk.storage.gallery import GalleryKeys, SQLiteGallery
from kiosk.storage.scans import SQLiteScans
from kiosk.vision.shadow import FusedScan
from protocol.v1 import sealing, signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ClockSource, Erasure, GalleryPage, ScanTemplate

_MOST_HELD = 64
_HELD_S = 600.0
"""Half of a pair waits this long for the other: the mark for the template, or the reverse."""
_TAP_S = 1.0
"""A tap on "Not me" may still be on its way this long after the offer ended."""
_UNSIGNED = base64.b64encode(bytes(64)).decode()
_Key = tuple[int, str]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _HeldMark:
    event_id: str
    captured_at: datetime
    decided_by: str
    due_s: float


class _Held(Generic[_T]):
    """The newest of what waits in memory, by track and person; the oldest gives way."""

    def __init__(self) -> None:
        self._items: OrderedDict[_Key, tuple[float, _T]] = OrderedDict()

    def put(self, key: _Key, item: _T, now_s: float) -> None:
        self._items[key] = (now_s, item)
        while len(self._items) > _MOST_HELD:
            self._items.popitem(last=False)

    def get(self, key: _Key) -> _T | None:
        kept = self._items.get(key)
        return None if kept is None else kept[1]

    def keys_now(self) -> list[_Key]:
        return list(self._items)

    def drop(self, key: _Key) -> None:
        self._items.pop(key, None)

    def drop_people(self, gone: frozenset[str]) -> None:
        for key in self.keys_now():
            if key[1] in gone:
                self.drop(key)

    def drop_before(self, oldest_s: float) -> None:
        for key, (at_s, _) in list(self._items.items()):
            if at_s < oldest_s:
                self.drop(key)

    def clear(self) -> None:
        self._items.clear()


class ScanCollector:
    """Joins marks with the templates of their tracks. Implements `MarkListener`; for any thread.

    A template goes to disk when its event is on disk and "Not me" is no longer offered. Until
    then both wait in memory. `marked`, `taken_back` and `fused` never wait for the disk.

    Args:
        store: where sealed templates wait for the server.
        gallery: a person without a template there gets none here.
        keys: of this kiosk.
        clock: for the time that "Not me" is offered.
    """

    def __init__(
        self, store: SQLiteScans, gallery: SQLiteGallery, keys: GalleryKeys, clock: Clock
    ) -> None:
        self._store = store
        self._gallery = gallery
        self._keys = keys
        self._clock = clock
        self._disk = threading.RLock()
        self._memory = threading.Lock()
        self._marks: _Held[_HeldMark] = _Held()
        self._fused: _Held[FusedScan] = _Held()
        self._doubted: frozenset[str] = frozenset()
        self._model_id: str | None = None
        self._zone = ZoneInfo("UTC")

    def follow(self, timetable: Timetable) -> None:
        """Collect for the network that the school changes to; without a change delete everything.

        Raises:
            StorageError: the disk refuses.
        """
        choice = timetable.network
        following = "" if choice is None or choice.next == choice.current else choice.next or ""
        with self._disk:
            self._zone = _zone(timetable.time_zone)
            if following == self._model_id:
                return
            self._use(following)
            if following:
                self._store.bind(following)
            else:
                self._store.wipe()

    def marked(self, track_id: int, event_id: str, draft: EventDraft, window_s: float) -> None:
        """See `MarkListener`."""
        if not self._model_id or draft.evidence is None or not _is_dated(draft.clock):
            return
        now_s = self._clock.monotonic_s()
        due_s = now_s + window_s + _TAP_S
        mark = _HeldMark(event_id, draft.clock.best_at, draft.evidence.model_id, due_s)
        with self._memory:
            self._marks.put((track_id, draft.person_id), mark, now_s)

    def taken_back(self, person_id: str) -> None:
        """See `MarkListener`: what of this person has not been sent yet goes, at once in memory.

        What is on disk is of earlier marks, and goes before anything is sent again.
        """
        with self._memory:
            self._drop_people(frozenset({person_id}))
            self._doubted |= {person_id}

    def fused(self, scan: FusedScan) -> None:
        """Take the template of a track; its mark may come sooner or later."""
        with self._memory:
            if scan.model_id == self._model_id:
                key = (scan.track_id, scan.grounds.person_id)
                self._fused.put(key, scan, self._clock.monotonic_s())

    def settle(self) -> None:
        """Store the templates whose time for "Not me" is over, and forget what is too old.

        Raises:
            StorageError: the disk refuses; what waits in memory is tried again.
        """
        reading = self._clock.reading()
        with self._disk:
            if self._model_id == "" and self._store.waiting:
                self._store.wipe()  # it could not be deleted when the change ended
            for key, mark, scan in self._ready():
                self._keep(mark, scan)
                with self._memory:
                    self._marks.drop(key)
                    self._fused.drop(key)
            self._forget_doubted()
            if self._model_id and _is_dated(reading):
                self._store.prune(reading.best_at)

    def apply(self, page: GalleryPage) -> None:
        """Apply a page of the gallery, after what it takes away is gone from here too.

        Raises:
            AnswerError, StorageError: see `SQLiteGallery.apply`.
        """
        gone = frozenset(tombstone.person_id for tombstone in page.tombstones)
        with self._disk:
            with self._memory:
                self._drop_people(gone)
            self._store.delete_scans_of(gone)
            self._gallery.apply(page)
            if page.complete or gone:
                self._store.keep_people(self._gallery.people())

    def wipe(self) -> None:
        """Delete everything, in memory and on disk, and collect nothing from now on.

        Raises:
            StorageError: the disk refuses.
        """
        with self._disk:
            self._use("")
            self._store.wipe()

    def _use(self, model_id: str) -> None:
        with self._memory:
            self._model_id = model_id
            self._marks.clear()
            self._fused.clear()

    def _ready(self) -> list[tuple[_Key, _HeldMark, FusedScan]]:
        """Return the pairs whose time for "Not me" is over, after forgetting what is too old."""
        now_s = self._clock.monotonic_s()
        with self._memory:
            self._marks.drop_before(now_s - _HELD_S)
            self._fused.drop_before(now_s - _HELD_S)
            pairs = [
                (key, mark, self._fused.get(key))
                for key in self._marks.keys_now()
                if (mark := self._marks.get(key)) is not None and mark.due_s <= now_s
            ]
        return [(key, mark, scan) for key, mark, scan in pairs if scan is not None]

    def _drop_people(self, person_ids: frozenset[str]) -> None:
        self._marks.drop_people(person_ids)
        self._fused.drop_people(person_ids)

    def _forget_doubted(self) -> None:
        doubted = self._doubted
        if not doubted:
            return
        self._store.delete_scans_of(doubted)
        with self._memory:
            self._doubted -= doubted

    def _keep(self, mark: _HeldMark, scan: FusedScan) -> None:
        is_same_network = mark.decided_by == scan.decided_by
        if is_same_network and scan.grounds.person_id in self._gallery.people():
            day = mark.captured_at.astimezone(self._zone).date()
            self._store.put(self._signed(mark, scan), day)

    def _signed(self, mark: _HeldMark, scan: FusedScan) -> ScanTemplate:
        keys, scan_id = self._keys, str(uuid7())
        packed = sealing.pack_values(scan.template.tolist())
        unsigned = ScanTemplate(
            id=scan_id,
            kiosk_id=keys.kiosk_id,
            person_id=scan.grounds.person_id,
            event_id=mark.event_id,
            decided_by=scan.decided_by,
            distance=scan.grounds.distance,
            strict_limit=scan.grounds.strict_limit,
            model_id=scan.model_id,
            dimension=len(scan.template),
            frames=scan.frames,
            captured_at=mark.captured_at,
            key_id=keys.key_id,
            sealed=sealing.seal_template(packed, keys.data_key, template_id=scan_id),
            signature=_UNSIGNED,
        )
        body = unsigned.model_dump(mode="json", exclude={"signature"})
        signature = signing.sign_document(body, keys.signing, context="scan")
        return unsigned.model_copy(update={"signature": signature})


class ScanAwareGallery:
    """The gallery as the downloader sees it: what it takes away is deleted from the scans too."""

    def __init__(self, gallery: SQLiteGallery, collector: ScanCollector) -> None:
        self._gallery = gallery
        self._collector = collector

    @property
    def since(self) -> int:
        """See `kiosk.domain.download.GalleryStore`."""
        return self._gallery.since

    @property
    def size(self) -> int:
        """See `kiosk.domain.download.GalleryStore`."""
        return self._gallery.size

    def apply(self, page: GalleryPage) -> None:
        """See `kiosk.domain.download.GalleryStore`."""
        self._collector.apply(page)

    def erasures(self) -> list[Erasure]:
        """See `kiosk.domain.download.GalleryStore`."""
        return self._gallery.erasures()

    def forget_erasure(self, erasure_id: str) -> None:
        """See `kiosk.domain.download.GalleryStore`."""
        self._gallery.forget_erasure(erasure_id)


def _is_dated(reading: ClockReading) -> bool:
    """Whether the day is known: a clock that was never set may say 1970."""
    return reading.source is not ClockSource.UNSYNCED or reading.offset_ms is not None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
