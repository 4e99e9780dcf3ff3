"""Camera panel: its picture, or what is wrong with it in words."""

from dataclasses import dataclass, replace

from kiosk.domain.health import CameraHealth
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter

_REMEDIES = {
    CameraHealth.GONE: "camera.remedy.retry",
    CameraHealth.BLACK: "camera.remedy.uncover",
    CameraHealth.FROZEN: "camera.remedy.retry",
}


@dataclass(frozen=True, slots=True)
class CameraView:
    """Whether there is a picture to draw, and otherwise the words in its place."""

    has_picture: bool = False
    starting: str = ""
    trouble: str = ""
    remedy: str = ""


class CameraPresenter(ViewPresenter[CameraView]):
    """Says within a frame what the camera does."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(CameraView(starting=words("camera.starting")), words)

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self.replace(replace(self.current, starting=words("camera.starting")))

    def show(self, camera: CameraHealth) -> None:
        """Show this state; a picture on screen stays until the camera is in trouble."""
        troubled = camera not in (CameraHealth.OK, CameraHealth.STARTING)
        remedy = _REMEDIES.get(camera)
        self.replace(
            replace(
                self.current,
                has_picture=self.current.has_picture and not troubled,
                trouble=self._words(f"camera.{camera.value}") if troubled else "",
                remedy=self._words(remedy) if remedy else "",
            )
        )

    def note_picture(self) -> None:
        """A frame was drawn."""
        if not self.current.has_picture:
            self.replace(replace(self.current, has_picture=True))
