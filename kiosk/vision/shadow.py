"""The next network beside the current one: embeds decided faces later, and never decides."""

import contextlib
import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import numpy as np

from kiosk.domain.health import FaultEdge
from kiosk.domain.networks import NetworkFault
from kiosk.domain.shadow import ShadowOutcome, outcome_of
from kiosk.errors import KioskError, ModelMissingError
from kiosk.vision.decision import judge
from kiosk.vision.handover import DecidedTrack, FaceView, NextFace, ScanGrounds
from kiosk.vision.knowledge import Knowledge, TierIndex
from kiosk.vision.limits import Calibrated
from kiosk.vision.mirroring import embed_mirrored
from kiosk.vision.recogniser import MIRRORED_FRAMES
from models.errors import ModelsError
from models.pipeline import OpenEmbedder
from models.stages.fuse import Evidence
from models.stages.images import FloatArray, FloatVector
from models.stages.templates import fuse_enrolment, fuse_probes

logger = logging.getLogger(__name__)

_WAIT_S = 0.25
_MOST_WAITING = 8
_NICE = 10
"""The least urgent work of this process: recognition and the preview come first."""


@dataclass(frozen=True, slots=True, eq=False)
class FusedScan:
    """A template of the next network, made of one recognised track.

    Attributes:
        track_id: of the face.
        decided_by: card id of the network that recognised the person.
        grounds: who, and how clearly.
        model_id: card id of the next network.
        template: (D,) float32.
        frames: views fused.
    """

    track_id: int
    decided_by: str
    grounds: ScanGrounds
    model_id: str
    template: FloatVector
    frames: int


@dataclass(frozen=True, slots=True)
class ShadowHooks:
    """Who hears of the comparison, on its thread.

    Attributes:
        on_outcome: one scan was compared; the card ids of the current and the next network.
        on_scan: a template was made of a clear scan.
    """

    on_outcome: Callable[[ShadowOutcome, str, str], None] = lambda _outcome, _current, _next: None
    on_scan: Callable[[FusedScan], None] = lambda _scan: None


@dataclass(frozen=True, slots=True)
class ShadowState:
    """What is compared: the next network's card id (empty: none), and why it is not open."""

    model_id: str = ""
    fault: NetworkFault = NetworkFault.NONE


class _Judge:
    """One open next network with its limits and its templates. Used by one thread."""

    def __init__(self, opened: OpenEmbedder, knowledge: Knowledge) -> None:
        card = opened.card
        if card.matching is None:
            raise ValueError(f"the card {card.id} is not an embedder's")
        self.model_id = card.id
        self.network = opened.network
        self._matching = card.matching
        self._knowledge = knowledge
        calibrated = Calibrated.of(card)
        self._index = TierIndex(knowledge, self.model_id, calibrated)

    def embed(self, faces: tuple[NextFace, ...]) -> tuple[FloatArray, FloatArray]:
        """Embed the views and their mirror images: (M, D) float32 each."""
        pictures = np.stack([self.network.embed_aligned(face.face_bgr) for face in faces])
        mirrored = np.stack([embed_mirrored(self.network, face.face_bgr) for face in faces])
        return pictures, mirrored

    def outcome(
        self, decided: DecidedTrack, pictures: FloatArray, mirrored: FloatArray
    ) -> ShadowOutcome | None:
        """Return how the scan counts; None where it cannot be compared."""
        tiers = self._index.current()
        if tiers.is_empty:
            return None
        evidence = Evidence(self._matching)
        for row, face in enumerate(decided.faces):
            both = mirrored[row : row + 1] if row < MIRRORED_FRAMES else None
            evidence.add(
                fuse_probes(pictures[row : row + 1], mirrored=both), face.quality, face.sharpness
            )
        match = judge(evidence, tiers)
        found = None if match is None else match.person_id
        return outcome_of(decided.person_id, found, self._comparable(decided.decided_by))

    def fused(self, pictures: FloatArray, mirrored: FloatArray) -> FloatVector:
        """Make the template of a scan: (D,) float32 at the card's length."""
        length = self._matching.length
        return fuse_enrolment(pictures, mirrored=mirrored, length=length).template

    def _comparable(self, current_id: str) -> frozenset[str]:
        gallery = self._knowledge.gallery
        known = gallery.snapshot(current_id).person_ids, gallery.snapshot(self.model_id).person_ids
        return frozenset(known[0]) & frozenset(known[1])


class ShadowWorker:
    """Compares the next network on a thread of low priority. Implements `NextNetwork`.

    `follow`, `state`, `cut_out` and `take` return at once and may be called from any thread. What
    does not fit into the short queue is dropped: no decision waits for this work. Cut-out faces
    are kept in memory until they are embedded, and nowhere else.

    Args:
        open_network: opens a network by its card id; called on the thread of this worker.
        knowledge: the gallery with the templates of both networks, and the roster.
        hooks: see `ShadowHooks`.
        retry_s: how often a network that is not installed is tried again.
    """

    def __init__(
        self,
        open_network: Callable[[str], OpenEmbedder],
        knowledge: Knowledge,
        hooks: ShadowHooks,
        *,
        retry_s: float = 10.0,
    ) -> None:
        self._open_network = open_network
        self._knowledge = knowledge
        self._hooks = hooks
        self._retry_s = retry_s
        self._wanted: str | None = None
        self._collects = False
        self._judge: _Judge | None = None
        self._state = ShadowState()
        self._fault = FaultEdge()
        self._queue: queue.Queue[DecidedTrack] = queue.Queue(_MOST_WAITING)
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    @property
    def collects_scans(self) -> bool:
        """Whether templates are made of clear scans."""
        return self._collects

    def state(self) -> ShadowState:
        """Return what is compared now, or why it is not."""
        return self._state

    def follow(self, model_id: str | None, *, collects_scans: bool) -> None:
        """Compare another network from now on; None ends the comparison."""
        self._collects = collects_scans and model_id is not None
        if model_id != self._wanted:
            self._wanted = model_id
            self._changed.set()

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it is gone, at most one track later."""
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def cut_out(self, view: FaceView) -> NextFace | None:
        """See `NextNetwork`."""
        judge_now = self._judge
        if judge_now is None or judge_now.model_id != self._wanted:
            return None
        face_bgr = judge_now.network.align(view.frame_bgr, view.landmarks)
        return NextFace(judge_now.model_id, face_bgr, view.quality, view.sharpness)

    def take(self, decided: DecidedTrack) -> None:
        """See `NextNetwork`."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(decided)

    def _run(self) -> None:
        _be_nice()
        while not self._stopping.is_set():
            try:
                self._turn()
            except (KioskError, ModelsError) as exc:
                if self._fault.start(monotonic()):
                    logger.warning("shadow comparison failed: %s", exc)
            except Exception:  # the edge of the thread: decisions do not depend on it
                if self._fault.start(monotonic()):
                    logger.exception("unexpected error in the shadow comparison, continuing")

    def _turn(self) -> None:
        """Open the network that is wanted, else compare one track."""
        wanted = self._wanted
        if (self._judge.model_id if self._judge else None) != wanted:
            self._change_to(wanted)
            return
        try:
            decided = self._queue.get(timeout=_WAIT_S)
        except queue.Empty:
            return
        if self._judge is not None:
            self._compare(self._judge, decided)
            self._fault.clear(monotonic())

    def _change_to(self, wanted: str | None) -> None:
        self._changed.clear()
        self._judge = None
        if wanted is None:
            self._state = ShadowState()
            return
        try:
            self._judge = _Judge(self._open_network(wanted), self._knowledge)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is tried again after a pause
            state = ShadowState(wanted, _fault_of(exc))
            if state != self._state:
                logger.warning("next network not open, retrying: %s", exc)
            self._state = state
            if not self._stopping.is_set():
                self._changed.wait(self._retry_s)
        else:
            self._state = ShadowState(wanted)
            logger.info("next network open: %s", wanted)

    def _compare(self, next_network: _Judge, decided: DecidedTrack) -> None:
        if any(face.model_id != next_network.model_id for face in decided.faces):
            return
        pictures, mirrored = next_network.embed(decided.faces)
        outcome = None
        if decided.is_counted:
            outcome = next_network.outcome(decided, pictures, mirrored)
        if outcome is not None:
            self._hooks.on_outcome(outcome, decided.decided_by, next_network.model_id)
        if decided.grounds is not None and self._collects:
            self._hooks.on_scan(
                FusedScan(
                    decided.track_id,
                    decided.decided_by,
                    decided.grounds,
                    next_network.model_id,
                    next_network.fused(pictures, mirrored),
                    len(decided.faces),
                )
            )


def _fault_of(error: Exception) -> NetworkFault:
    if isinstance(error, ModelMissingError):
        return NetworkFault.DAMAGED if error.is_damaged else NetworkFault.MISSING
    return NetworkFault.FAILING


def _be_nice() -> None:
    """Lower the priority of the calling thread alone. Source: setpriority(2), NOTES."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
