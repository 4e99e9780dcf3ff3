"""What the Models page says about each network: origin, and what is known of its mistakes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from server.ml.encoder import ModelOrigin


@dataclass(frozen=True)
class Missed:
    """Students missed in 1,000 scans with one picture at the door.

    Attributes:
        one_photo: with one photo enrolled.
        three_photos: with three.
    """

    one_photo: int
    three_photos: int


#: Source: docs/measurements/sface.md, rosters of 30, FNIR at FPIR 0.1 %, press photos of adults.
MISSED = {
    "sface-2021dec": Missed(17, 1),
    "omz-0095": Missed(36, 4),
    "dlib-resnet-v1": Missed(224, 69),
}


@dataclass(frozen=True)
class NetworkFacts:
    """One network on the page.

    Attributes:
        model_id: the id that templates carry.
        title: its name for people.
        origin: as the recognition service states it; None where it does not.
        missed: how often it misses students; None where that was not measured.
        is_served: whether the recognition service makes templates of it.
    """

    model_id: str
    title: str
    origin: ModelOrigin | None
    missed: Missed | None
    is_served: bool


def facts_of(
    served: Iterable[str], origins: Collection[ModelOrigin], used: Iterable[str | None]
) -> list[NetworkFacts]:
    """Describe the networks that the service has, then those that the school uses without it.

    Args:
        served: ids, the service's own choice first.
        origins: what the service states about them.
        used: ids that the school names; None is left out.
    """
    by_id = {one.model_id: one for one in origins}
    here = list(dict.fromkeys(served))
    ids = dict.fromkeys([*here, *(one for one in used if one is not None)])
    return [
        NetworkFacts(
            one,
            by_id[one].title if one in by_id else one,
            by_id.get(one),
            MISSED.get(one),
            one in here,
        )
        for one in ids
    ]
