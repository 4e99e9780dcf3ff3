"""The doors of the domain: what it needs from cameras, disk and models, in its own words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.domain.matching import MatchRules

BGRImage: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8, channels in the order blue, green, red."""
TemplateMatrix: TypeAlias = NDArray[np.float32]
"""(N, D) float32, one template a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a camera or clip.

    Attributes:
        frame_bgr: (H, W, 3) uint8; nobody changes it after it was handed over.
        captured_at_s: monotonic clock at capture.
        index: counts up from 0 for each opened source.
    """

    frame_bgr: BGRImage
    captured_at_s: float
    index: int


class FrameSource(Protocol):
    """A live camera or a replayed clip. Used by one thread at a time."""

    @property
    def skipped_count(self) -> int:
        """Pictures of a clip that could not be read and were left out so far."""
        ...

    def read(self) -> Frame | None:
        """Wait for the next frame.

        Returns:
            The frame, or None when the clip is over (a live camera never returns None).

        Raises:
            CameraError: the camera is gone or the clip cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the device or file. May be called twice."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class GallerySnapshot:
    """All templates of one model as they are now; immutable.

    Attributes:
        version: differs whenever the content differs.
        model_id: the card id whose template space this is.
        person_ids: of each row; several rows per person are normal.
        templates: (N, D) float32, read-only. (0, 0) when empty.
    """

    version: int
    model_id: str
    person_ids: tuple[str, ...]
    templates: TemplateMatrix


class GalleryView(Protocol):
    """Where the recognition worker gets its templates. Safe from any thread."""

    def version(self) -> int:
        """The version now; cheap, may be asked for every frame."""
        ...

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """All templates of this model; templates of other models are left out."""
        ...


class RosterView(Protocol):
    """Who is due in this room now, and how close a match must be. Safe from any thread."""

    def expected_now(self) -> frozenset[str]:
        """Ids of the people due in the lessons open here now; empty if none is."""
        ...

    def match_rules(self) -> MatchRules:
        """The rules in force now; they may change with the next configuration."""
        ...


class Outbox(Protocol):
    """The kiosk's own record of what it saw."""

    def append(self, draft: EventDraft) -> RecordedEvent:
        """Record an event; when this returns, it is committed to disk.

        Raises:
            StorageError: nothing was recorded (disk full, outbox full, disk failing).
        """
        ...


class UsedCodes(Protocol):
    """The codes of phones that counted here."""

    def use(self, code_id: str, until: datetime) -> bool:
        """Use a code up; when this returns, that is on disk. False: it was used before.

        Raises:
            StorageError: it was not used up.
        """
        ...


class MarkListener(Protocol):
    """Hears of marks on the attendant's thread; returns at once."""

    def marked(self, track_id: int, event_id: str, draft: EventDraft, window_s: float) -> None:
        """A mark is on disk; "Not me" is offered for so long."""
        ...

    def taken_back(self, person_id: str) -> None:
        """A match with this person was called wrong."""
        ...
