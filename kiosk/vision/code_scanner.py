"""Finds QR codes in the camera's picture, while one may be shown."""

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

import cv2
import zxingcpp

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.worker import FrameFeed

logger = logging.getLogger(__name__)

CodeT = TypeVar("CodeT")

_PERIOD_S = 0.3
_WAIT_S = 0.25
_GONE_S = 4.0
_LONGEST_PX = 960
_FORMATS = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


class QRReader(Generic[CodeT]):
    """Reads QR codes of one sort. One thread.

    Anybody can hold anything before the camera: other codes are ignored.

    Args:
        read: what a text means; None where it is no code of this sort.
    """

    def __init__(self, read: Callable[[str], CodeT | None]) -> None:
        self._read = read

    def find(self, frame_bgr: BGRImage) -> CodeT | None:
        """Return the first code of this sort in a picture; None where there is none.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        """
        return next(iter(self.find_all(frame_bgr)), None)

    def find_all(self, frame_bgr: BGRImage) -> list[CodeT]:
        """Return the codes of this sort in a picture: a sticker may hang beside the phone.

        Args:
            frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        """
        for picture in _views(frame_bgr):
            read = (
                self._read(one.text) for one in zxingcpp.read_barcodes(picture, formats=_FORMATS)
            )
            codes = [code for code in read if code is not None]
            if codes:
                return codes
        return []


def _views(frame_bgr: BGRImage) -> tuple[BGRImage, ...]:
    """Return the picture at most 960 pixels long, in grey, and the same twice as large."""
    grey = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, _LONGEST_PX / max(grey.shape))
    usual = cv2.resize(grey, None, fx=scale, fy=scale) if scale < 1 else grey
    larger = cv2.resize(usual, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return usual, larger  # type: ignore[return-value]  # cv2 states no element type


class CodeScanner(Generic[CodeT]):
    """Looks for codes on a separate thread, three times a second while they are wanted.

    Args:
        feed: frames.
        reader: used on the thread.
        on_code: hears of each code that is seen; a code that stays in view is told once.
        what: is looked for, in the words of the log.
    """

    def __init__(
        self,
        feed: FrameFeed,
        reader: QRReader[CodeT],
        on_code: Callable[[CodeT], None],
        what: str,
    ) -> None:
        self._feed = feed
        self._reader = reader
        self._on_code = on_code
        self._what = what
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{what}s", daemon=True)
        self._seen: dict[CodeT, float] = {}

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

    def look(self, frame: Frame) -> None:
        """Look at one frame."""
        found, now_s = self._reader.find_all(frame.frame_bgr), monotonic()
        self._seen = {code: at_s for code, at_s in self._seen.items() if now_s - at_s <= _GONE_S}
        for code in found:
            is_new = code not in self._seen
            self._seen[code] = now_s
            if is_new:
                logger.info("%s scanned", self._what)
                self._on_code(code)

    def _run(self) -> None:
        index = -1
        while not self._stopping.is_set():
            if not self._wanted.wait(_WAIT_S) or self._stopping.is_set():
                continue
            frame = self._feed.wait_newer(index, _WAIT_S)
            if frame is None:
                continue
            index = frame.index
            try:
                self.look(frame)
            except Exception:  # the edge of the thread: a code can still be typed
                logger.exception("unexpected error while looking for a %s", self._what)
            self._stopping.wait(_PERIOD_S)
