"""Time the exact search of one probe among 100,000 templates, on one core.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m scripts.bench.search [--templates 100000]

Every way answers the same question as `models.stages.match.Gallery`: the best and the second-best
person, exactly. Turns are interleaved, so that what else the machine does falls on all alike.
Invented templates on the unit sphere, five a person. A second table says how long a changed gallery
takes to come into force, and how long it keeps another thread waiting.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray
from usearch.index import search

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import GallerySnapshot
from kiosk.vision.knowledge import Knowledge, TierIndex
from kiosk.vision.limits import Calibrated
from models.stages.match import Gallery
from models.store import default_store

Rows = NDArray[np.float32]
Search = Callable[[Rows], tuple[int, int]]
_DIMENSION = 128
_EACH = 5
_NEAREST = 2 * _EACH  # a person's own rows may fill the first places
_PROBES = 60


def two_people(order: NDArray[np.int64]) -> tuple[int, int]:
    """The first two people in rows that are in order of distance."""
    people = order // _EACH
    return int(people[0]), int(people[people != people[0]][0])


def of_scores(scores: NDArray[np.float32]) -> tuple[int, int]:
    """The two people with the highest scores."""
    best = int(scores.argmax()) // _EACH
    scores[best * _EACH : (best + 1) * _EACH] = -np.inf
    return best, int(scores.argmax()) // _EACH


def ways(rows: Rows) -> dict[str, tuple[float, Search]]:
    """Megabytes of the templates, and the search, by name."""
    gallery = Gallery.build([f"{n // _EACH:06d}" for n in range(len(rows))], rows, "invented")
    half = rows.astype(np.float16)
    small = np.clip(np.round(rows * 127 / np.abs(rows).max()), -127, 127).astype(np.int8)
    flat = faiss.IndexFlatIP(_DIMENSION)
    flat.add(rows)
    step = 8192

    def ours(probe: Rows) -> tuple[int, int]:
        found = gallery.search(probe)
        return int(found.person_id or -1), int(found.second_person_id or -1)

    def numpy_product(probe: Rows) -> tuple[int, int]:
        return of_scores(rows @ probe)

    def numpy_half(probe: Rows) -> tuple[int, int]:
        parts = [half[n : n + step].astype(np.float32) @ probe for n in range(0, len(half), step)]
        return of_scores(np.concatenate(parts))

    def faiss_flat(probe: Rows) -> tuple[int, int]:
        return two_people(flat.search(probe[None], _NEAREST)[1][0])

    def usearch_of(data: NDArray[np.generic]) -> Search:
        def run(probe: Rows) -> tuple[int, int]:
            asked = np.round(probe * 127 / np.abs(probe).max()) if data is small else probe
            found = search(data, asked.astype(data.dtype), _NEAREST, "ip", exact=True, threads=1)
            return two_people(np.asarray(found.keys, np.int64))

        return run

    return {
        "`Gallery.search`: numpy, float32": (rows.nbytes / 1e6, ours),
        "numpy, float32 by `@`": (rows.nbytes / 1e6, numpy_product),
        "numpy, float16 in blocks": (half.nbytes / 1e6, numpy_half),
        "faiss IndexFlatIP, float32": (rows.nbytes / 1e6, faiss_flat),
        "usearch exact, float32": (rows.nbytes / 1e6, usearch_of(rows)),
        "usearch exact, float16": (half.nbytes / 1e6, usearch_of(half)),
        "usearch exact, int8": (small.nbytes / 1e6, usearch_of(small)),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", type=int, default=100_000)
    count = parser.parse_args().templates
    faiss.omp_set_num_threads(1)
    random = np.random.default_rng(11)
    people = np.repeat(random.normal(0, 1, (count // _EACH, _DIMENSION)), _EACH, axis=0)
    rows = people + random.normal(0, 0.5, people.shape)
    rows = np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    chosen = random.integers(0, count, _PROBES)
    probes = rows[chosen] + random.normal(0, 0.03, (_PROBES, _DIMENSION))
    probes = np.asarray(probes / np.linalg.norm(probes, axis=1, keepdims=True), np.float32)
    compare(ways(rows), rows, probes)
    rebuilds(rows)


def compare(known: dict[str, tuple[float, Search]], rows: Rows, probes: Rows) -> None:
    """Run all ways by turns and print how they did."""
    taken: dict[str, list[float]] = {name: [] for name in known}
    right = dict.fromkeys(known, 0)
    for probe in probes:
        truth = of_scores(rows.astype(np.float64) @ probe.astype(np.float64))
        for name, (_, run) in known.items():
            run(probe)  # so that each is timed with its own data in the caches
            started = time.process_time()
            found = run(probe)
            taken[name].append((time.process_time() - started) * 1000)
            right[name] += found == truth
    ours = float(np.median(next(iter(taken.values()))))
    sys.stdout.write(
        f"| way | MB | median ms | least ms | times ours | both people right |\n|{' --- |' * 6}\n"
    )
    for name, (megabytes, _) in known.items():
        median = float(np.median(taken[name]))
        sys.stdout.write(
            f"| {name} | {megabytes:.0f} | {median:.2f} | {min(taken[name]):.2f} "
            f"| {median / ours:.2f} | {right[name]} of {len(probes)} |\n"
        )


class _Held:
    """A gallery that a kiosk holds, of so many templates."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._ids = tuple(f"{n // _EACH:06d}" for n in range(len(rows)))
        self._version = 0

    def version(self) -> int:
        """Another one each time, so that it counts as changed."""
        self._version += 1
        return self._version

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """All of it."""
        return GallerySnapshot(self._version, model_id, self._ids, self._rows)

    def expected_now(self) -> frozenset[str]:
        """A class of 30."""
        return frozenset(self._ids[: 30 * _EACH])

    def match_rules(self) -> MatchRules:
        """The policy's defaults."""
        return MatchRules(adults=frozenset(self._ids))


def rebuilds(rows: Rows) -> None:
    """Print how long a changed gallery takes to come into force, and the longest stall by it.

    A stall is how much later than asked a thread wakes that sleeps 5 ms at a time, as a preview's
    thread might, while another thread rebuilds.
    """
    card = default_store().find("dlib-resnet-v1")[0]
    calibrated = Calibrated.of(card)
    sys.stdout.write(
        "\n| templates | rebuilt in ms, median | longest stall, ms |\n|" + " --- |" * 3
    )
    sys.stdout.write("\n")
    for count in (100, 1000, 10_000, 100_000):
        held = _Held(rows[:count])
        index = TierIndex(Knowledge(held, held), card.id, calibrated)
        taken, stalls = [], list[float]()
        stop = threading.Event()
        watcher = threading.Thread(target=_wake_often, args=(stop, stalls))
        watcher.start()
        for _ in range(10):
            started = time.perf_counter()
            index.current()
            taken.append((time.perf_counter() - started) * 1000)
        stop.set()
        watcher.join()
        longest = max(stalls, default=0.0)
        sys.stdout.write(f"| {count:,} | {np.median(taken):.1f} | {longest:.1f} |\n")


def _wake_often(stop: threading.Event, stalls: list[float]) -> None:
    while not stop.is_set():
        started = time.perf_counter()
        time.sleep(0.005)
        stalls.append((time.perf_counter() - started) * 1000 - 5)


if __name__ == "__main__":
    main()
