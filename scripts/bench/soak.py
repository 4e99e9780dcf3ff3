"""Watch the memory of the kiosk's recognition and of an ML worker over many frames and requests.

    python -m scripts.bench.soak [--minutes 30]

The kiosk's recogniser (passive liveness, gallery of 1,000) looks at frames made from the sample
photos, at 6 a second as on a quiet Pi; its gallery is replaced every minute. The ML service gets
about six requests a second, by turns for quality, templates, an undecodable picture and the check
of a gallery, 10,000 in half an hour. Prints a Markdown table of resident memory.
"""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.pipeline import FacePipeline, PipelineSettings
from models.store import asset_folder, default_store
from protocol.v1.messages import LivenessLevel
from scripts.bench.frames import make_clip
from scripts.bench.ml_service import KEY, service

_FRAME_S = 1 / 6
_REQUEST_S = 0.18
_SAMPLE_S = 5.0
_PEOPLE = 1000
_CHILD = "--child"
_WARM_SHARE = 0.1


class _Changing:
    """A gallery of invented people that is another one every minute."""

    def __init__(self) -> None:
        rows = np.random.default_rng(5).normal(0, 0.1, (_PEOPLE, 128))
        self._rows = rows.astype(np.float32)
        self._ids = tuple(f"person-{number}" for number in range(_PEOPLE))

    def version(self) -> int:
        return int(time.monotonic() / 60)

    def snapshot(self, model_id: str) -> GallerySnapshot:
        return GallerySnapshot(self.version(), model_id, self._ids, self._rows.copy())

    def expected_now(self) -> frozenset[str]:
        return frozenset(self._ids[:30])

    def match_rules(self) -> MatchRules:
        return MatchRules(liveness=LivenessLevel.PASSIVE, adults=frozenset(self._ids))


def look_for_ever() -> None:
    """What the child does until it is ended."""
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    gallery = _Changing()
    recogniser = Recogniser(pipeline, Knowledge(gallery, gallery), RecognitionSettings())
    frames = make_clip(pipeline, 240)
    index = 0
    while True:
        started = time.monotonic()
        recogniser.look(Frame(frames[index % len(frames)], started, index))
        index += 1
        time.sleep(max(0.0, _FRAME_S - (time.monotonic() - started)))


@dataclass
class Watched:
    """Resident memory of one process over time.

    Attributes:
        name: in the table.
        pid: of the process.
        megabytes: (seconds, MB) at each sample.
        done: requests answered; 0 for the recogniser, which has none.
    """

    name: str
    pid: int
    megabytes: list[tuple[float, float]] = field(default_factory=list)
    done: int = 0

    def sample(self, at_s: float) -> None:
        """Note what it holds now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.megabytes.append((at_s, pages * os.sysconf("SC_PAGE_SIZE") / 1e6))

    def row(self) -> str:
        """One row; the slope is that of a line through all but the first tenth."""
        first = int(len(self.megabytes) * _WARM_SHARE)
        times, held = np.array(self.megabytes[first:]).T
        slope = float(np.polyfit(times / 3600, held, 1)[0])
        return (
            f"| {self.name} | {self.done or '-'} | {self.megabytes[0][1]:.0f} | {held[0]:.0f} "
            f"| {held.max():.0f} | {held[-1]:.0f} | {slope:+.1f} |"
        )


def ask(http: requests.Session, url: str, photo: str, number: int) -> None:
    """Send one request, by turns of another kind."""
    row = base64.b64encode(np.random.default_rng(number).random(128, np.float32).tobytes()).decode()
    everybody = [{"id": str(n), "templates": [row]} for n in range(30)]
    path, body = (
        ("quality", {"image_base64": photo}),
        ("faces", {"image_base64": photo}),
        ("quality", {"image_base64": base64.b64encode(os.urandom(2000)).decode()}),
        (
            "gallery/check",
            {
                "model_id": "dlib-resnet-v1",
                "person": {"id": "new", "templates": [row]},
                "others": everybody,
            },
        ),
    )[number % 4]
    answer = http.post(f"{url}/api/v1/{path}", json=body, timeout=60)
    answer.raise_for_status()


def soak(minutes: float) -> list[Watched]:
    """Run both for so long, and watch them."""
    photo = base64.b64encode((asset_folder() / "photos" / "person-1-a.jpg").read_bytes()).decode()
    child = subprocess.Popen([sys.executable, "-m", "scripts.bench.soak", _CHILD])
    try:
        with service("dlib-resnet-v1-float16", "tflite", workers=1) as url:
            http = requests.Session()
            http.headers["X-API-Key"] = KEY
            worker = Watched("ML service, one worker", _pid_of_service(child.pid))
            watched = [Watched("recognition of the kiosk", child.pid), worker]
            started, sampled = time.monotonic(), float("-inf")
            while (now := time.monotonic() - started) < 60 * minutes:
                ask(http, url, photo, worker.done)
                worker.done += 1
                if now - sampled >= _SAMPLE_S:
                    sampled = now
                    for one in watched:
                        one.sample(now)
                time.sleep(max(0.0, _REQUEST_S - (time.monotonic() - started - now)))
            return watched
    finally:
        child.terminate()
        child.wait(30)


def _pid_of_service(other: int) -> int:
    """The child of ours that is not the other one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (found,) = [int(child) for child in children if int(child) != other]
    return found


def main() -> None:
    """Print the table."""
    if _CHILD in sys.argv:
        look_for_ever()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    watched = soak(parser.parse_args().minutes)
    sys.stdout.write(
        "| process | requests | MB at the start | after a tenth | most | at the end "
        f"| MB an hour |\n|{' --- |' * 7}\n"
    )
    sys.stdout.write("".join(f"{one.row()}\n" for one in watched))


if __name__ == "__main__":
    main()
