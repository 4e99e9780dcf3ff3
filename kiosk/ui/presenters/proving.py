"""Prove it is you: one motion to make, shown by a drawn head."""

from dataclasses import dataclass

from kiosk.domain.screens import ProveAlive
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class ProvingView:
    """The words, and what the drawn head does.

    Attributes:
        motion: a value of `kiosk.domain.liveness.Motion`; empty at rest.
        left: share of the time that is left, 1..0.
    """

    title: str = ""
    body: str = ""
    motion: str = ""
    left: float = 1.0


def proving_view(screen: ProveAlive, words: Catalogue) -> ProvingView:
    """Choose the words."""
    motion = screen.motion.value
    return ProvingView(words(f"prove.{motion}"), words("prove.title"), motion, screen.left)


class ProvingPresenter(ViewPresenter[ProvingView]):
    """Shows what a person is asked to do."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(ProvingView(), words)

    def show(self, screen: ProveAlive) -> None:
        """Show this state."""
        self.replace(proving_view(screen, self._words))
