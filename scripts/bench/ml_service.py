"""Time the ML service as its clients see it: real process, real HTTP, base64 JPEG photos.

    .venv/bin/python -m scripts.bench.ml_service [--requests 100] [--photos FOLDER]

Prints a Markdown table. Photos: person-*.jpg of the asset cache (scripts/fetch_assets).
"""

import argparse
import base64
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray

from models.store import asset_folder

KEY = secrets.token_hex(16)
MODEL = "dlib-resnet-v1"
_MOST_GALLERIES = 30  # a question takes up to a second
_WARM = 2


@contextmanager
def service(embedder: str, runtime: str, workers: int) -> Iterator[str]:
    """A service on a free port; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "API_KEY": KEY,
        "MATCH_KEYS": KEY,
        "MATCH_PER_MINUTE": "0",
        "PORT": str(port),
        "EMBEDDER": embedder,
        "RUNTIME": runtime,
        "WORKERS": str(workers),
        "LOG_LEVEL": "warning",
    }
    env = os.environ | {f"ROLLCALL_ML_{name}": value for name, value in settings.items()}
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "models.service.main"], env=env, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, child)
        yield url
    finally:
        child.terminate()
        child.wait(30)


def wait_for(url: str, child: subprocess.Popen[bytes], deadline_s: float = 60.0) -> None:
    """Return when the service answers, fail when it ends or stays silent."""
    deadline = time.monotonic() + deadline_s
    while child.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(f"{url}/health", timeout=1).raise_for_status()
        except (requests.ConnectionError, requests.Timeout):
            continue
        return
    raise SystemExit("the service did not start; run it by hand to see why")


def timed(url: str, path: str, body: dict[str, Any], count: int, clients: int) -> tuple[float, ...]:
    """Median and 95th percentile in milliseconds, and requests a second."""

    def run(share: int) -> list[float]:
        http = requests.Session()
        http.headers.update({"X-API-Key": KEY, "Content-Type": "application/json"})
        taken = []
        for number in range(share + _WARM):
            started = time.perf_counter()
            answer = http.post(f"{url}/api/{path}", data=content, timeout=60)
            taken.append((time.perf_counter() - started) * 1000)
            if number == 0 and not answer.json()["success"]:
                raise SystemExit(f"{path}: {answer.json()['error']}")
        return taken[_WARM:]

    content = json.dumps(body).encode()  # once: the service is timed, not this client
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        taken = [t for part in pool.map(run, [count // clients] * clients) for t in part]
    elapsed_s = time.perf_counter() - started
    rate = (len(taken) + _WARM * clients) / elapsed_s
    return statistics.median(taken), float(np.percentile(taken, 95)), rate


def requests_to_time(photo: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is asked, by the words of the table."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 0.1, (1000, 128)).tolist()
    roster = [{"student_id": str(n), "embeddings": [row]} for n, row in enumerate(rows)]
    faces = [{"embedding": row} for row in rows[:10]]
    plan: dict[str, tuple[str, dict[str, Any]]] = {
        "encode-face, 1 view": ("ml/encode-face", {"image_base64": photo, "num_jitters": 1}),
        "encode-face, 2 views (default)": ("ml/encode-face", {"image_base64": photo}),
        "encode-face, 10 views": ("ml/encode-face", {"image_base64": photo, "num_jitters": 10}),
        "detect-faces, one face": ("ml/detect-faces", {"image_base64": photo}),
        "batch-match, 10 faces, 30 students": (
            "ml/batch-match",
            {"detected_faces": faces, "candidate_embeddings": roster[:30]},
        ),
        "match-faces, 1,000 students": (
            "ml/match-faces",
            {"query_embedding": rows[0], "candidate_embeddings": roster},
        ),
    }
    return plan | native_requests(photo)


def native_requests(photo: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Those of the native endpoints."""
    school = invented_school(1001)
    new, *others = school
    return {
        "v1/faces, one face": ("v1/faces", {"image_base64": photo}),
        "v1/quality": ("v1/quality", {"image_base64": photo}),
        "v1/gallery/check, 1,000 people of 3 photos": (
            "v1/gallery/check",
            {"model_id": MODEL, "person": new, "others": others},
        ),
        "v1/gallery/operating-point, 1,000 people of 3 photos": (
            "v1/gallery/operating-point",
            {"model_id": MODEL, "people": others},
        ),
    }


def invented_school(people: int) -> list[dict[str, Any]]:
    """People of three templates each, as alike and as different as those of real people.

    Strangers are 0.87 apart and a person's photos 0.4 at a length of 1.43, both on average.
    """
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(128, 40)))[0].T  # faces fill few of the 128 dimensions

    def direction(*count: int) -> NDArray[np.float64]:
        values = rng.normal(size=(*count, len(axes))) @ axes
        unit: NDArray[np.float64] = values / np.linalg.norm(values, axis=-1, keepdims=True)
        return unit

    shares = np.sqrt([0.815, 0.145, 0.040])  # of everybody, of the person, of the photo
    common, own, photo = direction(1, 1), direction(people, 1), direction(people, 3)
    rows = 1.43 * (shares[0] * common + shares[1] * own + shares[2] * photo)
    return [
        {
            "id": f"person-{number}",
            "templates": [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in three],
        }
        for number, three in enumerate(rows)
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--photos", type=Path, default=asset_folder() / "photos")
    options = parser.parse_args()
    path = options.photos / "person-1-a.jpg"
    photo = base64.b64encode(path.read_bytes()).decode()
    asked = requests_to_time(photo)
    print(
        f"| request | model, runtime | clients | median ms | p95 ms | requests/s |\n{'|---' * 6}|"
    )
    for variant, runtime in (("float16", "tflite"), ("int8", "litert")):
        with service(f"{MODEL}-{variant}", runtime, workers=2) as url:
            for words, (endpoint, body) in asked.items():
                count = min(options.requests, _MOST_GALLERIES if "gallery" in words else 10**6)
                for clients in (1, 4) if "default" in words else (1,):
                    median, p95, rate = timed(url, endpoint, body, count, clients)
                    print(
                        f"| {words} | {variant}, {runtime} | {clients} "
                        f"| {median:.1f} | {p95:.1f} | {rate:.0f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
