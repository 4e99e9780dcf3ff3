"""All comparisons of the people of a data set, with pictures drawn anew in each round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.rules import distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.faces import EmbeddedSet, Face
    from models.evaluate.rules import Rule
    from models.stages.images import FloatArray

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Comparisons:
    """Probes of one picture against templates, a few rounds; people are numbered by name.

    Attributes:
        templates: (T,) people with a template.
        probes: (P,) people with a probe.
        apart: one (P, T) float32 a round, in the network's own metric.
        is_genuine: (P, T): people's comparisons with themselves, on other pictures than enrolled.
        people: how many the data set has.
    """

    templates: Indices
    probes: Indices
    apart: tuple[FloatArray, ...]
    is_genuine: NDArray[np.bool_]
    people: int


def compare_all(
    embedded: EmbeddedSet, rule: Rule, enrolled: int, rounds: int
) -> Comparisons | None:
    """Compare every person with every other.

    Args:
        embedded: the faces.
        rule: makes templates and probes.
        enrolled: pictures in a template.
        rounds: times that pictures are drawn anew.

    Returns:
        None where nobody has pictures for both a template and a probe.
    """
    found = _found(embedded)
    with_template = [n for n, own in enumerate(found) if len(own) >= enrolled]
    with_probe = [n for n, own in enumerate(found) if own]
    with_both = [n for n, own in enumerate(found) if len(own) > enrolled]
    if not with_both:
        return None
    random = np.random.default_rng(0)
    apart = []
    for _ in range(rounds):
        orders = [random.permutation(len(own)) for own in found]
        scans = [rule.probe(_pick(found[p], orders[p][:1])) for p in with_probe]
        owned = [rule.templates(_pick(found[p], orders[p][-enrolled:])) for p in with_template]
        apart.append(_nearest(embedded, rule, owned, scans))
    templates, scanned = np.array(with_template), np.array(with_probe)
    is_genuine = (scanned[:, None] == templates[None]) & np.isin(templates, with_both)
    return Comparisons(templates, scanned, tuple(apart), is_genuine, len(found))


def resemblance(embedded: EmbeddedSet, rule: Rule) -> FloatArray:
    """Return how far apart people are by all their pictures, (people, people) float32.

    A person's distance to themselves, and to a person without a face, is infinite.

    Args:
        embedded: the faces.
        rule: makes templates and probes.
    """
    found = _found(embedded)
    rows = np.array([n for n, own in enumerate(found) if own])
    owned = [rule.templates(found[n]) for n in rows]
    square = np.full((len(found), len(found)), np.inf, np.float32)
    square[np.ix_(rows, rows)] = _nearest(embedded, rule, owned, [own[0] for own in owned])
    np.fill_diagonal(square, np.inf)
    return square


def _found(embedded: EmbeddedSet) -> list[list[Face]]:
    return [
        [face for face in embedded.faces[name] if face is not None]
        for name in sorted(embedded.faces)
    ]


def _nearest(
    embedded: EmbeddedSet, rule: Rule, owned: Sequence[FloatArray], scans: Sequence[FloatArray]
) -> FloatArray:
    length = embedded.length if rule.is_normalised and embedded.metric == "euclidean" else 1.0
    starts = np.cumsum([0, *(len(rows) for rows in owned[:-1])])
    rows = distances(np.concatenate(owned), np.stack(scans), embedded.metric)
    nearest = np.minimum.reduceat(rows, starts, axis=1) * np.float32(length)
    return np.asarray(nearest, np.float32)


def _pick(faces: Sequence[Face], indices: Indices) -> list[Face]:
    return [faces[index] for index in indices]
