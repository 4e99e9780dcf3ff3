"""Looking screen: the ring and one hint at a time."""

from dataclasses import dataclass

from kiosk.domain.screens import Looking
from kiosk.domain.sightings import Hint
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter

_ICONS = {
    Hint.CLOSER: "closer",
    Hint.FURTHER_AWAY: "back",
    Hint.LOOK_AT_CAMERA: "eye",
    Hint.TO_THE_MIDDLE: "person",
    Hint.HEAD_UPRIGHT: "person",
    Hint.OPEN_EYES: "eye",
    Hint.HOLD_STILL: "still",
    Hint.TOO_DARK: "light",
    Hint.TOO_BRIGHT: "light",
    Hint.ONE_AT_A_TIME: "people",
}


@dataclass(frozen=True, slots=True)
class LookingView:
    """How far the ring is filled (0..1) and the one hint."""

    progress: float = 0.0
    hint: str = ""
    icon: str = "eye"


def looking_view(screen: Looking, words: Catalogue) -> LookingView:
    """Choose the words: the hint, or that it takes a moment."""
    progress = min(1.0, max(0.0, screen.progress))
    if screen.hint is None:
        return LookingView(progress, words("looking.wait"), "still")
    return LookingView(progress, words(f"hint.{screen.hint.value}"), _ICONS[screen.hint])


class LookingPresenter(ViewPresenter[LookingView]):
    """Shows the progress of a recognition."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(LookingView(), words)

    def show(self, screen: Looking) -> None:
        """Show this state."""
        self.replace(looking_view(screen, self._words))
