"""The gallery cache: templates on disk as they came, encrypted; in the clear only in memory."""

import base64
import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.clock import Clock
from kiosk.domain.ports import GallerySnapshot, TemplateMatrix
from kiosk.errors import AnswerError
from kiosk.storage.caches import open_cache
from kiosk.storage.gallery_schema import MIGRATIONS
from kiosk.storage.receipts import keep_receipts, receipts_in
from protocol.v1 import sealing, signing
from protocol.v1.errors import SealError
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import Erasure, GalleryPage, TemplateUpsert, Tombstone, TombstoneReason

logger = logging.getLogger(__name__)

_NUMBERS = ("since", "run", "resetting", "version")
_UNSIGNED = base64.b64encode(bytes(64)).decode()


@dataclass(frozen=True, slots=True)
class GalleryKeys:
    """What the gallery needs to know of this kiosk.

    Attributes:
        kiosk_id: for erasure receipts.
        key_id: the data key that templates here are sealed with.
        data_key: its 32 bytes, in memory only.
        signing: signs erasure receipts.
    """

    kiosk_id: str
    key_id: str
    data_key: bytes
    signing: Ed25519PrivateKey


class SQLiteGallery:
    """Sealed templates in one SQLite file, and the pages' bookkeeping. Safe from any thread.

    A file that is damaged or of another version is deleted and made anew: it is a copy of what
    the server has, and the next download fills it. Erasure receipts that can still be read are
    taken over. Templates that are sealed with another key are deleted.

    Args:
        path: the file.
        keys: see `GalleryKeys`.
        clock: for erasure receipts.

    Attributes:
        was_renewed: the file was of no use and was made anew.

    Raises:
        StorageError: the disk refuses altogether.
    """

    def __init__(self, path: Path, keys: GalleryKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._snapshots: dict[str, GallerySnapshot] = {}
        self._snapshot_lock = threading.Lock()
        self._model_locks: dict[str, threading.Lock] = {}
        receipts: list[Erasure] = []
        opened = open_cache(
            path,
            MIGRATIONS,
            is_usable=_is_usable,
            before_removal=lambda: receipts.extend(receipts_in(path, keys.signing)),
        )
        self._database, self.was_renewed = opened.database, opened.was_renewed
        keep_receipts(self._database, receipts)
        self._bind_to_key()

    @property
    def since(self) -> int:
        """The change up to which pages were applied."""
        return int(self._state("since"))

    @property
    def size(self) -> int:
        """How many templates are held."""
        with self._database.reading() as db:
            count: int = db.execute("SELECT count(*) FROM template").fetchone()[0]
        return count

    def people(self) -> frozenset[str]:
        """Return everybody with a template here, of whichever network."""
        with self._database.reading() as db:
            rows = db.execute("SELECT DISTINCT person_id FROM template").fetchall()
        return frozenset(person_id for (person_id,) in rows)

    def version(self) -> int:
        """Counts up with every change of the content."""
        return int(self._state("version"))

    def apply(self, page: GalleryPage) -> None:
        """Apply a whole page or nothing of it.

        Raises:
            AnswerError: it does not follow on what was applied before, or a template in it cannot
                be opened; the gallery is as it was.
            StorageError: the disk refuses; likewise.
        """
        self._check(page)
        with self._database.transaction() as db:
            state = _read_state(db)
            run = int(state["run"]) + int(page.reset)
            is_resetting = page.reset or state["resetting"] == "1"
            for upsert in page.upserts:
                _put(db, upsert, run)
            for tombstone in page.tombstones:
                self._bury(db, tombstone)
            if page.complete and is_resetting:
                db.execute("DELETE FROM template WHERE run < ?", (run,))
            is_changed = bool(page.upserts or page.tombstones or is_resetting)
            _write_state(
                db,
                since=page.next,
                run=run,
                resetting=int(is_resetting and not page.complete),
                version=int(state["version"]) + int(is_changed),
            )
        if page.tombstones:
            self._database.fold_journal()  # keeps no old copy of what was deleted
        if is_changed:
            self._forget_snapshots()

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """All templates of one model, opened. Rows that cannot be opened are left out.

        Who asks for one model does not wait for another model's templates to be opened.
        """
        with self._snapshot_lock:
            lock = self._model_locks.setdefault(model_id, threading.Lock())
        with lock:
            kept = self._snapshots.get(model_id)
            if kept is not None and kept.version == self.version():
                return kept
            fresh = self._opened(model_id)
            self._snapshots[model_id] = fresh
            return fresh

    def _forget_snapshots(self) -> None:
        """Forget opened templates of earlier versions, of every network.

        A network that nobody asks for any more would keep those of erased people.
        """
        with self._snapshot_lock:
            locks = dict(self._model_locks)
        for model_id, lock in locks.items():
            with lock:
                self._snapshots.pop(model_id, None)

    def erasures(self) -> list[Erasure]:
        """Signed receipts that the server has not confirmed, oldest first."""
        with self._database.reading() as db:
            rows = db.execute("SELECT body FROM erasure ORDER BY id").fetchall()
        return [Erasure.model_validate_json(body) for (body,) in rows]

    def forget_erasure(self, erasure_id: str) -> None:
        """The server has this receipt."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM erasure WHERE id = ?", (erasure_id,))

    def start_over(self) -> None:
        """Ask the server for everything again; what is held stays in use until it has come."""
        with self._database.transaction() as db:
            _write_state(db, since=0)

    def wipe(self) -> None:
        """Delete every template here; unsent erasure receipts stay.

        Raises:
            StorageError: the disk refuses.
        """
        with self._database.transaction() as db:
            db.execute("DELETE FROM template")
            version = int(_read_state(db)["version"]) + 1
            _write_state(db, since=0, run=0, resetting=0, version=version)
        self._database.fold_journal()  # keeps no old copy of what was deleted
        self._forget_snapshots()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._database.close()

    def _bind_to_key(self) -> None:
        """Templates under another key are of no use and must go."""
        with self._database.transaction() as db:
            if _read_state(db)["key_id"] == self._keys.key_id:
                return
            db.execute("DELETE FROM template")
            version = int(_read_state(db)["version"]) + 1
            _write_state(db, key_id=self._keys.key_id, since=0, run=0, resetting=0, version=version)
        self._database.fold_journal()  # keeps no old copy of what was deleted

    def _state(self, name: str) -> str:
        with self._database.reading() as db:
            return _read_state(db)[name]

    def _check(self, page: GalleryPage) -> None:
        if page.key_id != self._keys.key_id:
            raise AnswerError("the gallery is sealed with a key that this kiosk does not have")
        if page.since != self.since and not page.reset:
            raise AnswerError(f"a page after change {page.since} came, not after {self.since}")
        if page.next < page.since or (page.next == page.since and not page.complete):
            raise AnswerError("a gallery page leads nowhere")
        for upsert in page.upserts:
            try:
                self._open(upsert.sealed, upsert.template_id, upsert.dimension)
            except SealError as exc:
                raise AnswerError("a template in a gallery page cannot be opened") from exc

    def _open(self, sealed: str, template_id: str, dimension: int) -> bytes:
        return sealing.open_template(
            sealed, self._keys.data_key, template_id=template_id, dimension=dimension
        )

    def _bury(self, db: sqlite3.Connection, tombstone: Tombstone) -> None:
        db.execute("DELETE FROM template WHERE id = ?", (tombstone.template_id,))
        if tombstone.reason != TombstoneReason.ERASED:
            return
        receipt = Erasure(
            id=str(uuid7()),
            kiosk_id=self._keys.kiosk_id,
            person_id=tombstone.person_id,
            templates=(tombstone.template_id,),
            erased_at=self._clock.reading().best_at,
            signature=_UNSIGNED,
        )
        body = receipt.model_dump(mode="json", exclude={"signature"})
        signature = signing.sign_document(body, self._keys.signing, context="erasure")
        signed = receipt.model_copy(update={"signature": signature})
        db.execute("INSERT INTO erasure (id, body) VALUES (?, ?)", (signed.id, signed.to_json()))

    def _opened(self, model_id: str) -> GallerySnapshot:
        with self._database.reading() as db:
            version = int(_read_state(db)["version"])
            rows = db.execute(
                "SELECT id, person_id, dimension, sealed FROM template WHERE model_id = ?"
                " ORDER BY person_id, id",
                (model_id,),
            ).fetchall()
        person_ids: list[str] = []
        packed: list[bytes] = []
        for template_id, person_id, dimension, sealed in rows:
            if dimension != rows[0][2]:
                continue
            try:
                packed.append(self._open(sealed, template_id, dimension))
            except SealError:
                continue
            person_ids.append(person_id)
        if len(packed) < len(rows):
            logger.warning("%d templates cannot be opened; asking for all", len(rows) - len(packed))
            self.start_over()
        return GallerySnapshot(version, model_id, tuple(person_ids), _matrix(packed))


def _matrix(packed: list[bytes]) -> TemplateMatrix:
    """(N, D) float32, read-only, from N packed float16 rows."""
    if not packed:
        return np.empty((0, 0), np.float32)
    joined = np.frombuffer(b"".join(packed), dtype="<f2").astype(np.float32)
    templates = joined.reshape(len(packed), -1)
    templates.flags.writeable = False
    return templates


def _put(db: sqlite3.Connection, upsert: TemplateUpsert, run: int) -> None:
    db.execute(
        "INSERT OR REPLACE INTO template (id, person_id, model_id, dimension, sealed, run)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            upsert.template_id,
            upsert.person_id,
            upsert.model_id,
            upsert.dimension,
            upsert.sealed,
            run,
        ),
    )


def _is_usable(db: sqlite3.Connection) -> bool:
    state = _read_state(db)
    return "key_id" in state and all(state.get(name, "").isdigit() for name in _NUMBERS)


def _read_state(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, value FROM state").fetchall())


def _write_state(db: sqlite3.Connection, **values: int | str) -> None:
    db.executemany(
        "UPDATE state SET value = ? WHERE name = ?",
        [(str(value), name) for name, value in values.items()],
    )
