"""Time a class photo on its way to a list of names: ten faces, a class of 30, real HTTP.

    .venv/bin/python -m scripts.bench.class_photo [--requests 40]

The photo is made of the sample photos (scripts/fetch_assets), with the noise of a camera, in 12 and
in 2 megapixels. Each time it is put into base64 and JSON and sent to a real ML service that looks
for small faces too and makes templates; they are matched with the class, and the answers are put in
order for somebody to look through. Prints a Markdown table; 1 when it took too long.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import requests

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.images import cut_out
from models.store import default_store
from scripts.assets.samples import people
from scripts.bench.ml_service import KEY, service

if TYPE_CHECKING:
    from models.stages.images import BGRImage

LIMIT_MS = 300.0
FACES = 10
CLASS = 30
STEPS = ("on the way", "in the worker", "batch-match", "in order", "all")
_SIZES_PX = ((4000, 3000), (1632, 1224))
_VARIANTS = (("dlib-resnet-v1-int8", "litert"), ("dlib-resnet-v1-float16", "tflite"))
_COLUMNS, _ROWS = 5, 2
_SHARE = 0.9  # of its place that a person fills
_FACE_SHARE = 0.055  # of the photo's width that a face is wide
_NOISE = 12
_WARM = 3
_ORDER = ("uncertain", "no_match", "confident")  # what somebody has to look at comes first

Embeddings = list[list[float]]


def class_photo(pipeline: FacePipeline, width_px: int, height_px: int) -> bytes:
    """Make a JPEG of two rows of five people before a grey wall.

    They are different pictures as far as there are any; the second row is mirrored.

    Args:
        pipeline: finds the faces of the sample photos.
        width_px: of the photo.
        height_px: of the photo.
    """
    picture = np.full((height_px, width_px, 3), 118, np.uint8)
    place_px = (int(width_px // _COLUMNS * _SHARE), int(height_px // _ROWS * _SHARE))
    photos = [photo for person in people() for photo in person.appear]
    for column in range(_COLUMNS):
        portrait = np.asarray(cv2.imread(str(photos[column % len(photos)])), np.uint8)
        face = pipeline.detect(portrait)[0].box_px
        small = _cut(portrait, face, place_px, width_px * _FACE_SHARE)
        for row, turned in enumerate((small, small[:, ::-1])):
            top, left = height_px // _ROWS * row, width_px // _COLUMNS * column
            picture[top : top + small.shape[0], left : left + small.shape[1]] = turned
    noise = np.random.default_rng(3).integers(0, _NOISE, picture.shape, np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.add(picture, noise), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return encoded.tobytes()


def _cut(
    portrait_bgr: BGRImage,
    box_px: tuple[float, float, float, float],
    size_px: tuple[int, int],
    face_px: float,
) -> BGRImage:
    """A portrait with a face so wide, in the middle and a third from above, cut to a size."""
    left, top, width, height = box_px
    scale = width / face_px
    x = left + width / 2 - size_px[0] / 2 * scale
    y = top + height / 2 - size_px[1] / 3 * scale
    smooth = cv2.GaussianBlur(portrait_bgr, (0, 0), max(scale / 2, 0.1))
    to_portrait = np.array([[scale, 0.0, x], [0.0, scale, y]])
    return cut_out(np.asarray(smooth, np.uint8), to_portrait, size_px, replicate=True)


class Caller:
    """Asks the service as a server would."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.headers.update({"X-API-Key": KEY, "Content-Type": "application/json"})

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON, get JSON."""
        content = json.dumps(body)
        answer: dict[str, Any] = self._http.post(
            f"{self._url}/api/{path}", data=content, timeout=60
        ).json()
        if not answer["success"]:
            raise SystemExit(f"{path}: {answer['error']}")
        return answer

    def plan_faces(self, image: str) -> tuple[Embeddings, float]:
        """Ask for the faces as the separation plan has it; also the worker's milliseconds."""
        answer = self.ask("ml/detect-faces", {"image_base64": image, "model": "cnn"})
        rows = [face["embedding"] for face in answer["faces"]]
        return rows, answer["metadata"]["processing_time_ms"]

    def native_faces(self, image: str) -> tuple[Embeddings, float]:
        """Ask the native endpoint, which judges every face too."""
        answer = self.ask("v1/faces", {"image_base64": image, "detector": "thorough"})
        texts = [face["templates"][0]["values_base64"] for face in answer["faces"]]
        rows = [np.frombuffer(base64.b64decode(text), "<f4").tolist() for text in texts]
        return rows, answer["processing_time_ms"]

    def roster(self) -> list[dict[str, Any]]:
        """The people of the photo, by another photo where there is one, and invented ones."""
        photos = {person.id: person.enrol[0] for person in people() if person.enrol}
        candidates = []
        for name, photo in photos.items():
            image = base64.b64encode(photo.read_bytes()).decode()
            rows, _ = self.plan_faces(image)
            candidates.append({"student_id": name, "embeddings": rows[:1]})
        invented = np.random.default_rng(0).normal(0, 0.12, (CLASS - len(candidates), 128))
        for number, row in enumerate(invented.tolist()):
            candidates.append({"student_id": f"invented-{number}", "embeddings": [row]})
        return candidates

    def review(self, photo: bytes, roster: list[dict[str, Any]], *, native: bool) -> list[float]:
        """Take a photo to the list; the milliseconds of each of `STEPS`."""
        started = time.perf_counter()
        image = base64.b64encode(photo).decode()
        rows, worker_ms = self.native_faces(image) if native else self.plan_faces(image)
        found = time.perf_counter()
        faces = [{"embedding": row} for row in rows]
        body = {"detected_faces": faces, "candidate_embeddings": roster}
        matches = self.ask("ml/batch-match", body)["matches"]
        matched = time.perf_counter()
        matches.sort(key=lambda one: (_ORDER.index(one["certainty"]), one["distance"]))
        ended = time.perf_counter()
        if len(matches) != FACES:
            raise SystemExit(f"{len(matches)} of {FACES} faces were found")
        times = np.array([found - started, matched - found, ended - matched, ended - started])
        asked, *rest = (times * 1000).tolist()
        return [asked - worker_ms, worker_ms, *rest]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    print("Milliseconds, median and 95th percentile.\n")
    print(f"| photo | asked of | model, runtime | {' | '.join(STEPS)} |\n{'|---' * 8}|")
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    photos = {size: class_photo(pipeline, *size) for size in _SIZES_PX}
    slow = False
    for embedder, runtime in _VARIANTS:
        with service(embedder, runtime, workers=2) as url:
            caller = Caller(url)
            roster = caller.roster()
            for (width, height), photo in photos.items():
                for native in (False, True):
                    times = [
                        caller.review(photo, roster, native=native)
                        for _ in range(options.requests + _WARM)
                    ]
                    p50, p95 = np.percentile(times[_WARM:], [50, 95], axis=0)
                    cells = [f"{a:.1f}, {b:.1f}" for a, b in zip(p50, p95, strict=True)]
                    print(
                        f"| {width}x{height}, {len(photo) / 1e6:.1f} MB "
                        f"| {'v1/faces, thorough' if native else 'detect-faces, cnn'} "
                        f"| {embedder.rsplit('-', 1)[1]}, {runtime} | {' | '.join(cells)} |",
                        flush=True,
                    )
                    slow |= bool(p95[-1] > LIMIT_MS)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
