"""Finds the claim QR in the camera's picture, while the kiosk waits for a claim code."""

import logging
import threading
from collections.abc import Callable
from time import monotonic

import cv2

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.worker import FrameFeed
from protocol.v1.trust import ClaimLink, ClaimLinkError, read_claim_link

logger = logging.getLogger(__name__)

_PERIOD_S = 0.3
_WAIT_S = 0.25
_GONE_S = 4.0
_LONGEST_PX = 960


class CodeReader:
    """Reads QR codes. One thread.

    Anybody can hold anything before the camera: what is no claim of Rollcall's is ignored.
    """

    def __init__(self) -> None:
        self._detector = cv2.QRCodeDetector()

    def find(self, frame_bgr: BGRImage) -> ClaimLink | None:
        """Return the claim in a picture; None where there is none that can be read.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        """
        for picture in _views(frame_bgr):
            text = self._text(picture)
            if not text:
                continue
            try:
                return read_claim_link(text)
            except ClaimLinkError:
                return None
        return None

    def _text(self, picture: BGRImage) -> str:
        """Return the text of a QR code; empty where there is none, or none that is text."""
        try:
            text, _corners, _straight = self._detector.detectAndDecode(picture)
        except (cv2.error, UnicodeDecodeError, MemoryError):
            return ""
        return text


def _views(frame_bgr: BGRImage) -> tuple[BGRImage, ...]:
    """Return the picture at most 960 pixels long, in grey, and the same twice as large."""
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, _LONGEST_PX / max(grey.shape))
    usual = cv2.resize(grey, None, fx=scale, fy=scale) if scale < 1 else grey
    larger = cv2.resize(usual, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return usual, larger  # type: ignore[return-value]  # cv2 states no element type


class ClaimScanner:
    """Looks for a claim QR on a separate thread, three times a second while it is wanted.

    Args:
        feed: frames.
        on_link: hears of each claim that is seen; a code that stays in view is told once.
    """

    def __init__(self, feed: FrameFeed, on_link: Callable[[ClaimLink], None]) -> None:
        self._feed = feed
        self._on_link = on_link
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="claim codes", daemon=True)
        self._seen: ClaimLink | None = None
        self._seen_s = 0.0

    def start(self) -> None:
        """Begin; looks only while it is wanted."""
        self._thread.start()

    def want(self, is_wanted: bool) -> None:
        """Look from now on, or stop looking. From any thread."""
        if is_wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def look(self, reader: CodeReader, frame: Frame) -> None:
        """Look at one frame."""
        link = reader.find(frame.frame_bgr)
        if link is None:
            return
        is_new = link != self._seen or monotonic() - self._seen_s > _GONE_S
        self._seen, self._seen_s = link, monotonic()
        if is_new:
            logger.info("claim code scanned")
            self._on_link(link)

    def _run(self) -> None:
        reader, index = CodeReader(), -1
        while not self._stopping.is_set():
            if not self._wanted.wait(_WAIT_S) or self._stopping.is_set():
                continue
            frame = self._feed.wait_newer(index, _WAIT_S)
            if frame is None:
                continue
            index = frame.index
            try:
                self.look(reader, frame)
            except Exception:  # the edge of the thread: a code can still be typed
                logger.exception("unexpected error while looking for a claim code")
            self._stopping.wait(_PERIOD_S)
