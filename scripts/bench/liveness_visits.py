"""How often the passive liveness check lets pictures in and keeps people out, before and after.

    .venv/bin/python -m scripts.bench.liveness_visits FACES [--before CHECKOUT] [--count 200]

FACES: folder with `clips` and perhaps `spoof`. Shows live clips, and attacks rendered from them, to
the check of this checkout and of an earlier one: the same frames, the same landmarks. Each visit
goes on until both have decided. Outcomes are kept in --cache, one for a level: a run can be
stopped and taken up again; prints Markdown tables.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.evaluate.instruments import INSTRUMENTS
from models.evaluate.live_clips import find_clips, open_pipeline, photo_source, read_source
from models.evaluate.progress import Progress
from models.evaluate.visits import Visit, attack_visits, frames_of, live_visits
from scripts.bench.liveness_tables import Outcome, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.surfaces import Source
    from models.pipeline import FacePipeline

_GATE = Path(__file__).with_name("liveness_gate.py")
_RATE_HZ = 15.0
SPOOF = "photos of spoof/, printed and held"


@dataclass
class OtherGate:
    """Run the check of one checkout in a separate process."""

    checkout: Path
    level: str
    _process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> OtherGate:
        environment = {**os.environ, "PYTHONPATH": str(self.checkout), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_GATE), self.level],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=self.checkout,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, message: object) -> tuple[str, float] | None:
        """Show a frame; the verdict once there is one."""
        self._tell(message)
        if self._process.stdout is None:
            raise RuntimeError("the process has no output")
        answer: tuple[str, float] | None = pickle.load(self._process.stdout)  # noqa: S301 - ours
        return answer

    def end(self) -> None:
        """The visit is over."""
        self._tell(None)

    def _tell(self, message: object) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the process has no input")
        pickle.dump(message, self._process.stdin)
        self._process.stdin.flush()


def show(
    visit: Visit, clip: Source, pipeline: FacePipeline, gates: dict[str, OtherGate]
) -> Outcome:
    """Play a visit to all gates until each has decided."""
    outcome = Outcome(visit.kind, visit.instrument, visit.clip, visit.seed)
    outcome.asked, outcome.level = list(gates), next(iter(gates.values())).level
    begun_s: float | None = None
    for index, frame in enumerate(frames_of(visit, clip)):
        faces = pipeline.detect(frame)
        face = max(faces, key=lambda found: found.area_px) if faces else None
        points = pipeline.landmarks(frame, face) if face else None
        if points is None:
            continue
        at_s = index / _RATE_HZ
        begun_s = at_s if begun_s is None else begun_s
        for name, gate in gates.items():
            if name in outcome.verdicts:
                continue
            answer = gate.ask((1, at_s, frame, points.points_px))
            if answer is not None:
                outcome.verdicts[name] = answer[0]
                outcome.after_s[name] = round(at_s - begun_s, 3)
                outcome.cpu_ms[name] = round(answer[1] * 1000, 2)
        outcome.frames += 1
        if len(outcome.verdicts) == len(gates):
            break
    for gate in gates.values():
        gate.end()
    return outcome


@dataclass
class Stage:
    """What one process plays visits with; made once, since a start takes seconds."""

    pipeline: FacePipeline
    gates: dict[str, OtherGate]


@cache
def _stage(checkouts: tuple[tuple[str, Path], ...], level: str) -> Stage:
    gates = {name: OtherGate(checkout, level).__enter__() for name, checkout in checkouts}
    for gate in gates.values():
        atexit.register(gate.__exit__)
    return Stage(open_pipeline(), gates)


def play(
    visits: Sequence[Visit], faces: Path, checkouts: tuple[tuple[str, Path], ...], level: str
) -> list[dict[str, Any]]:
    """Play visits of one clip."""
    stage = _stage(checkouts, level)
    (name,) = {visit.clip for visit in visits}
    clips = {clip.path.stem: clip for clip in find_clips(faces)}
    clip = (
        read_source(clips[name], stage.pipeline)
        if name in clips
        else photo_source(faces / "spoof" / f"{name}.jpg", stage.pipeline)
    )
    return [asdict(show(visit, clip, stage.pipeline, stage.gates)) for visit in visits]


def plan(faces: Path, count: int) -> list[Visit]:
    """All visits: so many live, and of each kind of attack."""
    clips = [clip.path.stem for clip in find_clips(faces)]
    kinds = list(dict.fromkeys(instrument.kind for instrument in INSTRUMENTS))
    visits = live_visits(clips, count)
    for kind in kinds:
        visits += attack_visits(kind, clips, count)
    photos = sorted(path.stem for path in (faces / "spoof").glob("*.jpg"))
    if photos:
        held = INSTRUMENTS[0].name
        visits += [
            Visit(SPOOF, held, photos[n % len(photos)], n // len(photos)) for n in range(count)
        ]
    return visits


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--before", type=Path, help="an earlier checkout")
    parser.add_argument("--count", type=int, default=200, help="visits of a kind")
    parser.add_argument("--level", default="passive", help="of the policy: passive or active")
    parser.add_argument("--only", help="kinds whose name has this in it")
    parser.add_argument("--recheck", action="store_true", help="show again what was called live")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("build/liveness-visits.jsonl"))
    options = parser.parse_args(arguments)
    checkouts = {"after": Path.cwd()}
    if options.before:
        checkouts = {"before": options.before.resolve(), **checkouts}
    visits = [v for v in plan(options.faces, options.count) if (options.only or "") in v.kind]
    names = set(checkouts)
    done = _read(options.cache, options.level, names)
    again = {key for key, seen in done.items() if seen.verdict("after") == "live"}
    kept = done.keys() - again if options.recheck else done.keys()
    _play_all([visit for visit in visits if _key(visit) not in kept], options, checkouts)
    done = _read(options.cache, options.level, names)
    print(report([done[_key(v)] for v in visits if _key(v) in done], list(checkouts)))


def _play_all(
    missing: list[Visit], options: argparse.Namespace, checkouts: dict[str, Path]
) -> None:
    groups: dict[tuple[str, str], list[Visit]] = {}
    for visit in missing:
        groups.setdefault((visit.clip, visit.kind), []).append(visit)
    progress = Progress("visits", len(missing))
    options.cache.parent.mkdir(parents=True, exist_ok=True)
    pairs = tuple(checkouts.items())
    work = partial(play, faces=options.faces.resolve(), checkouts=pairs, level=options.level)
    with ProcessPoolExecutor(options.jobs) as pool, options.cache.open("a") as kept:
        for task in as_completed([pool.submit(work, group) for group in groups.values()]):
            for row in task.result():
                kept.write(json.dumps(row) + "\n")
                progress.advance()
            kept.flush()


def _read(path: Path, level: str, names: set[str]) -> dict[tuple[object, ...], Outcome]:
    """What an earlier run at this level kept of these checks; the newest outcome of each visit."""
    if not path.is_file():
        return {}
    outcomes = [Outcome(**json.loads(line)) for line in path.read_text().splitlines()]
    return {_key(o): o for o in outcomes if o.level == level and names <= set(o.asked)}


def _key(item: Visit | Outcome) -> tuple[object, ...]:
    return (item.kind, item.instrument, item.clip, item.seed)


if __name__ == "__main__":
    main()
