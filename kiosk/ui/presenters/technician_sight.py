"""What the camera sees, for a technician: the box of the face, its size, and times."""

from dataclasses import dataclass

from kiosk.domain.health import CameraHealth, Health
from kiosk.domain.technician import Inspection
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class SightView:
    """The face in the mirrored picture, in shares of its width and height.

    Attributes:
        left: of the box; width 0: there is no face.
        is_good: the face is good enough to be recognised.
        face: how large it is, or why there is none.
        hint: what it needs.
        times: how long each step takes.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0
    is_good: bool = False
    face: str = ""
    hint: str = ""
    times: tuple[str, ...] = ()


def sight_view(inspection: Inspection | None, health: Health, words: Catalogue) -> SightView:
    """Say what one picture shows; without one, why recognition does not look."""
    if health.camera not in (CameraHealth.OK, CameraHealth.STARTING):
        return SightView()  # the picture's place says what is wrong
    if inspection is None or health.recognition.is_off:
        state = "off" if health.recognition.is_off else "starting"
        return SightView(face=words(f"tech.recognition.{state}"))
    times = tuple(
        words(f"tech.stage.{stage.value}", ms=f"{taken_ms:.0f}")
        for stage, taken_ms in inspection.stages_ms
    )
    if inspection.box_px is None:
        return SightView(face=words("tech.face.none"), times=times)
    left, top, right, bottom = _inside(inspection)
    return SightView(
        left=1.0 - right,  # the picture is a mirror
        top=top,
        width=right - left,
        height=bottom - top,
        is_good=inspection.hint is None,
        face=words("tech.face.size", px=f"{inspection.box_px[2]:.0f}"),
        hint=words(f"hint.{inspection.hint.value}" if inspection.hint else "tech.face.good"),
        times=times,
    )


def _inside(inspection: Inspection) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the box, cut at the edges, in shares of the picture."""
    left, top, width, height = inspection.box_px or (0.0, 0.0, 0.0, 0.0)
    ends = (
        left / inspection.width_px,
        top / inspection.height_px,
        (left + width) / inspection.width_px,
        (top + height) / inspection.height_px,
    )
    first, second, third, fourth = (min(1.0, max(0.0, end)) for end in ends)
    return first, second, third, fourth


class SightPresenter(ViewPresenter[SightView]):
    """Keeps box and figures current while the technician screen is open."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(SightView(), words)

    def show(self, inspection: Inspection | None, health: Health) -> None:
        """Show this picture's figures."""
        self.replace(sight_view(inspection, health, self._words))
