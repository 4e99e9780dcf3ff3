"""Scans of enrolled people and of strangers against rosters drawn from a data set."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelsError
from models.evaluate.rules import distances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.evaluate.faces import EmbeddedSet, Face
    from models.evaluate.rules import Rule
    from models.stages.images import FloatArray

Indices = NDArray[np.intp]
Strangers = Literal["all", "single"]
NEVER = np.float32(np.inf)  # the distance of a scan in which no face was found


class TooFewPeopleError(ModelsError):
    """The data set has not enough people with enough pictures."""


@dataclass(frozen=True)
class Design:
    """What is drawn.

    Attributes:
        gallery_size: people enrolled at a time.
        enrolled: pictures in a template.
        probes: other pictures fused into one probe.
        draws: how many times people and pictures are drawn anew.
        strangers: `all` who are not enrolled at the moment and have enough pictures, or those with
            a `single` picture only, of which then every probe of a stranger is made.
        seed: of the drawing.
    """

    gallery_size: int
    enrolled: int = 1
    probes: int = 1
    draws: int = 300
    strangers: Strangers = "all"
    seed: int = 0


@dataclass(frozen=True)
class Trials:
    """What the scans gave; people are numbered.

    Attributes:
        people: how many the data set has.
        eligible: of them could be enrolled.
        genuine_person: (G,) who was scanned.
        genuine_distance: (G,) float32, from their own template.
        is_nearest: (G,) bool, nobody else's template was as near.
        stranger_person: (S,) who was scanned and is not enrolled.
        stranger_distance: (S,) float32, from the nearest template.
        nearest_person: (S,) whose that was.
    """

    people: int
    eligible: int
    genuine_person: Indices
    genuine_distance: FloatArray
    is_nearest: NDArray[np.bool_]
    stranger_person: Indices
    stranger_distance: FloatArray
    nearest_person: Indices


def run_trials(
    embedded: EmbeddedSet, rule: Rule, design: Design, advance: Callable[[], None] = lambda: None
) -> Trials:
    """Draw rosters, scan everybody.

    The same design draws the same people and pictures from one data set under every network and
    rule, as long as faces were found in the same pictures.

    Args:
        embedded: the faces.
        rule: makes templates and probes.
        design: what to draw.
        advance: called after each draw.

    Raises:
        TooFewPeopleError: fewer people have enough pictures than the gallery is to hold.
    """
    drawing = _Drawing(embedded, rule, design)
    parts: dict[str, list[NDArray[np.generic]]] = defaultdict(list)
    for _ in range(design.draws):
        for name, values in drawing.next().items():
            parts[name].append(values)
        advance()
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    return Trials(len(drawing.names), len(drawing.eligible), **columns)  # type: ignore[arg-type]


class _Drawing:
    def __init__(self, embedded: EmbeddedSet, rule: Rule, design: Design) -> None:
        self.names = sorted(embedded.faces)
        self._faces = [embedded.faces[name] for name in self.names]
        self._metric = embedded.metric
        stretches = rule.is_normalised and embedded.metric == "euclidean"
        self._length = np.float32(embedded.length if stretches else 1.0)
        self._rule, self._design = rule, design
        self._random = np.random.default_rng(design.seed)
        self._templates: dict[tuple[int, tuple[int, ...]], FloatArray] = {}
        self._probes: dict[tuple[int, tuple[int, ...]], FloatArray] = {}
        self._dimension = next(face.embedding.size for own in self._faces for face in own if face)
        needed = design.enrolled + design.probes
        self.eligible = [
            person
            for person, own in enumerate(self._faces)
            if len(own) >= needed and sum(face is not None for face in own) >= design.enrolled
        ]
        if len(self.eligible) < max(design.gallery_size, 1):
            raise TooFewPeopleError(
                f"{len(self.eligible)} people have {needed} pictures, too few for a gallery of"
                f" {design.gallery_size}"
            )
        self._pool = self._stranger_pool()

    def _stranger_pool(self) -> list[int]:
        if self._design.strangers == "single":
            pool = [person for person, own in enumerate(self._faces) if len(own) == 1]
        else:
            pool = [n for n, own in enumerate(self._faces) if len(own) >= self._design.probes]
        if self._design.strangers == "single" and not pool:
            raise TooFewPeopleError("nobody has a single picture; take all others as strangers")
        return pool

    def next(self) -> dict[str, NDArray[np.generic]]:
        chosen = self._random.choice(self.eligible, self._design.gallery_size, replace=False)
        enrolled, owners, scans = [], [], []
        for person in chosen:
            pictures, rest = self._split(int(person))
            enrolled.append(self._template(int(person), pictures))
            for start in range(0, len(rest) - self._design.probes + 1, self._design.probes):
                owners.append(len(enrolled) - 1)
                scans.append(self._probe(int(person), rest[start : start + self._design.probes]))
        genuine = self._compare(enrolled, scans)
        own = np.array(owners)
        rows = np.arange(len(own))
        mine = genuine[rows, own]
        others = genuine.copy()
        others[rows, own] = NEVER
        return {
            "genuine_person": chosen[own],
            "genuine_distance": mine,
            "is_nearest": mine < others.min(axis=1, initial=NEVER),
            **self._strangers(chosen, enrolled),
        }

    def _strangers(
        self, chosen: Indices, enrolled: Sequence[FloatArray]
    ) -> dict[str, NDArray[np.generic]]:
        count = 1 if self._design.strangers == "single" else self._design.probes
        inside = set(chosen.tolist())
        strangers = [person for person in self._pool if person not in inside]
        scans = [self._probe(person, self._some(person, count)) for person in strangers]
        if not strangers:
            empty = np.empty(0, np.intp)
            return {
                "stranger_person": empty,
                "stranger_distance": np.empty(0, np.float32),
                "nearest_person": empty,
            }
        found = self._compare(enrolled, scans)
        return {
            "stranger_person": np.array(strangers),
            "stranger_distance": found.min(axis=1),
            "nearest_person": chosen[found.argmin(axis=1)],
        }

    def _split(self, person: int) -> tuple[tuple[int, ...], list[int]]:
        """Pictures to enrol, all with a face, and the rest in a random order."""
        order = self._random.permutation(len(self._faces[person])).tolist()
        usable = [index for index in order if self._faces[person][index] is not None]
        pictures = usable[: self._design.enrolled]
        return tuple(sorted(pictures)), [index for index in order if index not in pictures]

    def _some(self, person: int, count: int) -> list[int]:
        own = len(self._faces[person])
        if own == 1:
            return [0]
        return [int(index) for index in self._random.choice(own, count, replace=False)]

    def _template(self, person: int, pictures: tuple[int, ...]) -> FloatArray:
        key = (person, pictures)
        if key not in self._templates:
            self._templates[key] = self._rule.templates(self._found(person, pictures))
        return self._templates[key]

    def _probe(self, person: int, pictures: Sequence[int]) -> FloatArray:
        key = (person, tuple(sorted(pictures)))
        if key not in self._probes:
            faces = self._found(person, key[1])
            nothing = np.full(self._dimension, np.nan, np.float32)
            self._probes[key] = self._rule.probe(faces) if faces else nothing
        return self._probes[key]

    def _found(self, person: int, pictures: Sequence[int]) -> list[Face]:
        faces = (self._faces[person][index] for index in pictures)
        return [face for face in faces if face is not None]

    def _compare(self, enrolled: Sequence[FloatArray], scans: Sequence[FloatArray]) -> FloatArray:
        """(scans, people): to the nearest template of each; NEVER where no face was found."""
        apart = distances(np.concatenate(enrolled), np.stack(scans), self._metric) * self._length
        starts = np.cumsum([0, *(len(own) for own in enrolled[:-1])])
        nearest = np.minimum.reduceat(apart, starts, axis=1)
        return np.asarray(np.where(np.isnan(nearest), NEVER, nearest), np.float32)
