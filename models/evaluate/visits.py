"""Visits to a kiosk, made from clips: people who stand there, and pictures of them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate.attacks import render
from models.evaluate.instruments import INSTRUMENTS
from models.evaluate.live_clips import RATE_HZ
from models.evaluate.surfaces import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.evaluate.instruments import Instrument
    from models.stages.images import BGRImage

LIVE = "live"
VISIT_S = 3.6
_INSTRUMENTS = {instrument.name: instrument for instrument in INSTRUMENTS}


@dataclass(frozen=True)
class Visit:
    """One showing of a face to the camera.

    Attributes:
        kind: `LIVE`, or the kind of attack.
        instrument: name of the instrument; empty for live.
        clip: shown, or what the attack was made from.
        seed: of where the clip begins and of how the instrument is held.
    """

    kind: str
    instrument: str
    clip: str
    seed: int


def live_visits(clips: Sequence[str], count: int) -> list[Visit]:
    """So many visits, of the clips by turns."""
    return [Visit(LIVE, "", clips[n % len(clips)], n // len(clips)) for n in range(count)]


def attack_visits(kind: str, clips: Sequence[str], count: int) -> list[Visit]:
    """So many visits of one kind: its instruments and the clips by turns.

    Raises:
        ValueError: no instrument is of this kind.
    """
    names = [tool.name for tool in INSTRUMENTS if tool.kind == kind]
    if not names:
        raise ValueError(f"no instrument is of the kind {kind}")
    rounds = len(clips) * len(names)
    return [
        Visit(kind, names[n // len(clips) % len(names)], clips[n % len(clips)], n // rounds)
        for n in range(count)
    ]


def frames_of(visit: Visit, clip: Source) -> Iterator[BGRImage]:
    """What the camera sees, at `RATE_HZ`, for `VISIT_S`."""
    key = zlib.crc32(f"{visit.instrument}/{visit.clip}".encode())
    shown = played(clip, np.random.default_rng((visit.seed, key)))
    if visit.kind == LIVE:
        return iter(shown.frames)
    return render(instrument_of(visit), shown, visit.seed)


def instrument_of(visit: Visit) -> Instrument:
    """What is held up in an attack.

    Raises:
        KeyError: there is no such instrument.
    """
    return _INSTRUMENTS[visit.instrument]


def played(clip: Source, random: np.random.Generator) -> Source:
    """The clip from some frame on, there and back, as long as a visit; the clips are short."""
    count = len(clip.frames)
    there_and_back = [*range(count), *range(count - 2, 0, -1)]
    begin, frames = int(random.integers(len(there_and_back))), round(VISIT_S * RATE_HZ)
    order = [there_and_back[(begin + n) % len(there_and_back)] for n in range(frames)]
    times = [n / RATE_HZ for n in range(frames)]
    return Source([clip.frames[n] for n in order], times, clip.face_px, clip.name)
