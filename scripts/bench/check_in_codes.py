"""Measure how large a phone's code must be in the picture to be read, and how long a look takes.

Prints Markdown tables for docs/measurements/check-in.md. The pictures are drawn: 640x480, noisy,
unevenly lit, a code on a screen.
"""

from __future__ import annotations

import io
import statistics
import sys
import uuid
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import segno

from kiosk.vision.check_in_codes import check_in_reader
from kiosk.vision.code_scanner import _views
from protocol.v1 import signing
from protocol.v1.checkin import make_check_in_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from kiosk.domain.ports import BGRImage

SIDES_PX = (90, 110, 130, 150, 170, 190, 220, 260, 300)
CONDITIONS = {"sharp": (0.0, 0.0), "turned 17 degrees": (17.0, 0.0)} | {
    f"blurred, sigma {blur} px": (5.0, blur) for blur in (1.0, 1.6)
}
TRIES = 10


def picture(text: str, side_px: int, turn_deg: float, blur_px: float, seed: int) -> BGRImage:
    """Draw a code of this size, quiet zone included, somewhere in front of a corridor."""
    chance = np.random.default_rng(seed)
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="png", scale=5, border=4)
    code = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    code = cv2.resize(code, (side_px, side_px), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((side_px / 2, side_px / 2), turn_deg, 1.0)
    across, down = chance.uniform(-60, 60, 2) + np.array([320, 240]) - side_px / 2
    turn = turn + np.array([[0, 0, across], [0, 0, down]])
    shown = cv2.warpAffine(code, turn, (640, 480)).astype(np.float32)
    mask = cv2.warpAffine(np.ones_like(code), turn, (640, 480))
    scene = chance.integers(70, 110, (480, 640, 3)).astype(np.float32)
    scene = np.where(mask > 0, 25 + shown * 0.75, scene)
    scene = scene * np.linspace(0.8, 1.1, 640)[None, :, None] + chance.normal(0, 4, scene.shape)
    if blur_px:
        scene = cv2.GaussianBlur(scene, (0, 0), blur_px)
    shot: BGRImage = np.clip(scene, 0, 255).astype(np.uint8)
    return shot


def opencv_reader() -> Callable[[BGRImage], str | None]:
    """Return what the kiosk used before: OpenCV's reader on the same two views."""
    detector = cv2.QRCodeDetector()

    def find(frame_bgr: BGRImage) -> str | None:
        for view in _views(frame_bgr):
            text, _corners, _straight = detector.detectAndDecode(view)
            if text:
                return text
        return None

    return find


def main() -> None:
    """Print both tables."""
    key = signing.private_key(bytes(range(32)))
    texts = [make_check_in_code(uuid.UUID(int=n + 1), datetime.now(UTC), key) for n in range(TRIES)]
    readers = {"OpenCV": opencv_reader(), "zxing-cpp": check_in_reader().find}
    took: dict[tuple[str, bool], list[float]] = {}
    out = sys.stdout.write
    out("| Reader | Picture | " + " | ".join(f"{side} px" for side in SIDES_PX) + " |\n")
    out("|---|---|" + "---|" * len(SIDES_PX) + "\n")
    for what, (turn, blur) in CONDITIONS.items():
        for name, find in readers.items():
            counts = []
            for side in SIDES_PX:
                hits = 0
                for seed, text in enumerate(texts):
                    shot = picture(text, side, turn, blur, seed)
                    begun = perf_counter()
                    is_read = find(shot) == text
                    took.setdefault((name, is_read), []).append(perf_counter() - begun)
                    hits += is_read
                counts.append(str(hits))
            out(f"| {name} | {what} | " + " | ".join(counts) + " |\n")
    out("\n| Reader | Look | Median | Longest |\n|---|---|---|---|\n")
    for (name, is_read), seconds in sorted(took.items()):
        what = "read" if is_read else "not read"
        middle, most = statistics.median(seconds) * 1000, max(seconds) * 1000
        out(f"| {name} | {what} | {middle:.0f} ms | {most:.0f} ms |\n")


if __name__ == "__main__":
    main()
