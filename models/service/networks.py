"""The embedders that a worker has besides its first one: found at start, opened when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from models.pipeline import with_variant
from models.runtime import open_session
from models.stages.embed import FaceEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.runtime import RuntimeName
    from models.stages.images import BGRImage, FloatVector
    from models.stages.landmarks import Landmarks
    from models.store import ModelCard, ModelStore

Further = tuple[str, ...] | Literal["auto"]


class FurtherNetwork:
    """An embedder without its own detector and landmarks. Used by one thread at a time.

    Its file is read and verified at the first face, so that a school that never asks for it pays
    neither memory nor time.

    Attributes:
        embedder_card: of the network.
        is_open: whether a face was embedded with it.
    """

    def __init__(self, store: ModelStore, reference: str, runtime: RuntimeName, threads: int):
        self.embedder_card: ModelCard = store.find(reference)[0]
        self._store = store
        self._reference = reference
        self._runtime: RuntimeName = runtime
        self._threads = threads
        self._embedder: FaceEmbedder | None = None

    @property
    def is_open(self) -> bool:
        """Whether it takes memory yet."""
        return self._embedder is not None

    def open(self) -> Self:
        """Read and verify the file.

        Raises:
            StoreError: it is missing or corrupt.
            RuntimeFaultError: the runtime refuses it.
        """
        model = self._store.load(self._reference)
        session = open_session(model, runtime=self._runtime, threads=self._threads)
        self._embedder = FaceEmbedder(model.card, session)
        return self

    def embed(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """See `FaceEmbedder.embed`."""
        if self._embedder is None:
            self.open()
        assert self._embedder is not None
        return self._embedder.embed(frame_bgr, landmarks)


def further_networks(
    store: ModelStore, wanted: Further, primary_id: str, *, runtime: RuntimeName, threads: int
) -> list[FurtherNetwork]:
    """Find the embedders to serve besides the first one.

    Args:
        store: where cards and files are.
        wanted: references, opened at once so that a wrong one stops the start; or `auto` for
            every embedder whose file is installed, opened when a face is asked for.
        primary_id: card of the first one, which is left out.
        runtime: of all of them.
        threads: CPU threads of each.

    Raises:
        StoreError: a named one is unknown, missing or corrupt.
        RuntimeFaultError: the runtime refuses a named one.
    """
    if wanted != "auto":
        named = [FurtherNetwork(store, one, runtime, threads) for one in wanted]
        return [one.open() for one in named if one.embedder_card.id != primary_id]
    found = []
    for card in store.cards.values():
        if card.role != "embedder" or card.id == primary_id:
            continue
        reference = with_variant(store, card.id, runtime)
        if store.is_installed(reference):
            found.append(FurtherNetwork(store, reference, runtime, threads))
    return found


def default_models(networks: Sequence[str], wanted: Further) -> list[str]:
    """Say of which models templates are made where the request names none, the first one first."""
    return list(networks) if wanted != "auto" else list(networks[:1])
