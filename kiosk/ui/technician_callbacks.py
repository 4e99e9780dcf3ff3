"""What the window reports of the technician screen."""

from collections.abc import Callable
from dataclasses import dataclass

from kiosk.domain.camera_turn import CameraTurn


def _ignore(*_arguments: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class TechnicianCallbacks:
    """What a technician does; called in the GUI thread, must return at once.

    Attributes:
        open_changed: pad or screen is in front of everything, or went.
        check: the checks of the machine must run.
        sync: everything must be fetched and delivered now.
        find_wifi: wireless networks must be searched for.
        join_wifi: one must be joined; its name and password.
        read_logs: the newest log lines must be shown.
        show_camera: how pictures are turned must be shown.
        turn_camera: pictures must be turned like this.
        reset_camera: pictures must be turned as the settings say.
    """

    open_changed: Callable[[bool], None] = _ignore
    check: Callable[[], None] = _ignore
    sync: Callable[[], None] = _ignore
    find_wifi: Callable[[], None] = _ignore
    join_wifi: Callable[[str, str], None] = _ignore
    read_logs: Callable[[], None] = _ignore
    show_camera: Callable[[], None] = _ignore
    turn_camera: Callable[[CameraTurn], None] = _ignore
    reset_camera: Callable[[], None] = _ignore
