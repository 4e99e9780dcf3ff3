"""Ready screen: the room's lesson and an invitation, nobody's name."""

from dataclasses import dataclass

from kiosk.domain.health import CameraHealth, Health
from kiosk.domain.screens import Ready
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class ReadyView:
    """What the Ready screen says; an empty instruction is not drawn."""

    title: str = ""
    hours: str = ""
    instruction: str = ""
    icon: str = "eye"
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Senses:
    """What the Ready screen may promise.

    Attributes:
        sees: the camera gives a picture; nobody is told to look at one that does not.
        compares: the models are there, and the camera shows faces upright.
        has_faces: the kiosk knows at least one person.
    """

    sees: bool = True
    compares: bool = True
    has_faces: bool = True


def ready_view(screen: Ready, words: Catalogue, senses: Senses) -> ReadyView:
    """Choose the words for a lesson or none."""
    title, hours = words("ready.holiday" if screen.is_holiday else "ready.no_lesson"), ""
    if screen.lesson is not None:
        title = screen.lesson.title
        hours = words.time_range(screen.lesson.starts_at, screen.lesson.ends_at)
    if not senses.compares:
        return ReadyView(title, hours, words("ready.no_recognition"), "alert", "calm")
    if not senses.has_faces:
        return ReadyView(title, hours, words("ready.no_faces"), "person", "calm")
    is_inviting = senses.sees and screen.lesson is not None
    return ReadyView(title, hours, words("ready.look") if is_inviting else "")


class ReadyPresenter(ViewPresenter[ReadyView]):
    """Shows what is going on in the room."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(ReadyView(), words)
        self._senses = Senses()
        self._screen: Ready | None = None

    def show(self, screen: Ready) -> None:
        """Show this state."""
        self._screen = screen
        self.replace(ready_view(screen, self._words, self._senses))

    def show_health(self, health: Health) -> None:
        """Take into account what works and whether anybody is known here."""
        self._senses = Senses(
            sees=health.camera in (CameraHealth.OK, CameraHealth.STARTING),
            compares=not (health.recognition.is_off or health.mounting.fault),
            has_faces=health.templates > 0,
        )
        if self._screen is not None:
            self.show(self._screen)
