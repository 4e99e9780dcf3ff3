"""Compares a probe with everyone's templates, exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import numpy as np

from models.errors import GalleryError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from models.stages.images import FloatArray, FloatVector

Metric = Literal["euclidean", "cosine"]
Scale: TypeAlias = Callable[[float], float]


@dataclass(frozen=True)
class MatchResult:
    """The two people nearest to a probe.

    Attributes:
        person_id: the nearest person, or None in an empty gallery.
        distance: of their nearest template; infinite without a person.
        second_person_id: the nearest other person, or None.
        second_distance: of theirs; infinite without a second person.
    """

    person_id: str | None
    distance: float
    second_person_id: str | None
    second_distance: float

    @property
    def margin(self) -> float:
        """How much nearer the first is than the second; infinite without a second."""
        if self.second_person_id is None:
            return float("inf")
        return self.second_distance - self.distance


_NOBODY = MatchResult(None, float("inf"), None, float("inf"))


class Gallery:
    """Templates of one network, several a person allowed, never changed after it is built.

    Attributes:
        model_id: card id of the network.
        person_ids: everyone with a template, sorted.
    """

    def __init__(
        self,
        person_ids: Sequence[str],
        templates: FloatArray,
        model_id: str,
        metric: Metric,
        scale: Scale | None,
    ) -> None:
        order = sorted(range(len(person_ids)), key=person_ids.__getitem__)
        self.model_id = model_id
        self._metric = metric
        self._scale = scale
        self._rows = np.ascontiguousarray(templates[order], np.float32)
        self._half_norms = np.einsum("ij,ij->i", self._rows, self._rows) / 2
        names = [person_ids[index] for index in order]
        self.person_ids: tuple[str, ...] = tuple(dict.fromkeys(names))
        index = {name: number for number, name in enumerate(self.person_ids)}
        self._persons = np.array([index[name] for name in names], np.intp)
        self._starts = np.searchsorted(self._persons, np.arange(len(index) + 1))

    def __len__(self) -> int:
        """Count of templates."""
        return len(self._rows)

    @property
    def dimension(self) -> int:
        """Length of a template."""
        return int(self._rows.shape[1])

    @classmethod
    def build(
        cls,
        person_ids: Sequence[str],
        templates: FloatArray,
        model_id: str,
        *,
        metric: Metric = "euclidean",
        scale: Scale | None = None,
    ) -> Self:
        """Make a gallery.

        Args:
            person_ids: one a row of `templates`.
            templates: (N, D) float, N >= 0. Not modified, not kept.
            model_id: card id of the network they come from.
            metric: of that card; `cosine` compares directions only.
            scale: what `search` answers for a distance of the metric; rising. A card's own is
                `Matching.on_common_scale`. Default: the distance itself.

        Raises:
            GalleryError: shapes that do not fit, or values that are not finite.
        """
        rows = np.asarray(templates, np.float32)
        if rows.ndim != 2 or len(rows) != len(person_ids):
            raise GalleryError(f"{len(person_ids)} people cannot own templates of {rows.shape}")
        if not np.isfinite(rows).all():
            raise GalleryError("a template holds a value that is not a number")
        rows = _unit(rows) if metric == "cosine" else rows
        return cls(person_ids, rows, model_id, metric, scale)

    def search(self, probe: FloatVector, *, without: Collection[str] = ()) -> MatchResult:
        """Find the nearest and the second-nearest person.

        Args:
            probe: (D,) float32. Not modified.
            without: people who do not count, known here or not.

        Returns:
            Euclidean distances, or `1 - cosine` for a cosine gallery, brought to the gallery's
            scale.

        Raises:
            GalleryError: the probe has another length.
        """
        if not len(self):
            return _NOBODY
        if probe.shape != (self.dimension,):
            raise GalleryError(f"a probe of {probe.shape} does not fit {self.dimension} values")
        if self._metric == "cosine":
            probe = _unit(probe[None])[0]
        # |t - p|² / 2 less |p|² / 2: the same order as the distance, for one product per row.
        # einsum, not `@`: at worst as fast (docs/benchmarks.md), and never several threads.
        scores = self._half_norms - np.einsum("ij,j->i", self._rows, probe)
        for person_id in without:
            scores[self._rows_of(person_id)] = np.inf
        best = int(scores.argmin())
        if np.isposinf(scores[best]):
            return _NOBODY
        person_id = self.person_ids[self._persons[best]]
        scores[self._rows_of(person_id)] = np.inf
        second = int(scores.argmin())
        if np.isposinf(scores[second]):
            return MatchResult(person_id, self._distance(best, probe), None, float("inf"))
        return MatchResult(
            person_id,
            self._distance(best, probe),
            self.person_ids[self._persons[second]],
            self._distance(second, probe),
        )

    def _rows_of(self, person_id: str) -> slice:
        number = bisect_left(self.person_ids, person_id)
        if number == len(self.person_ids) or self.person_ids[number] != person_id:
            return slice(0, 0)
        return slice(int(self._starts[number]), int(self._starts[number + 1]))

    def _distance(self, row: int, probe: FloatVector) -> float:
        difference = self._rows[row].astype(np.float64) - probe
        squared = float(difference @ difference)
        own = squared / 2 if self._metric == "cosine" else float(np.sqrt(squared))
        return own if self._scale is None else self._scale(own)


def _unit(rows: FloatArray) -> FloatArray:
    # In float64, where the squares of no float32 vanish; a row of zeros stays one.
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return np.divide(rows, np.where(norms > 0, norms, 1.0), dtype=np.float64).astype(np.float32)
