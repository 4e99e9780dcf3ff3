"""Saves a PNG of each screen the first time it is shown, for demos and reports."""

import logging
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtQuick import QQuickWindow

from kiosk.ui.shell_presenter import ShellPresenter

logger = logging.getLogger(__name__)

_WITH_CAMERA = ("ready", "looking")


class ScreenshotTaker(QObject):
    """Watches the shell; writes ``<folder>/<screen>.png`` once for each screen."""

    def __init__(self, window: QQuickWindow, shell: ShellPresenter, folder: Path) -> None:
        super().__init__(window)
        self._window = window
        self._shell = shell
        self._folder = folder
        self._saved: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)
        shell.screen_changed.connect(self.take)
        shell.feed_object.frame_ready.connect(self.take)  # after the preview's own connection

    def take(self) -> None:
        """Save the screen shown now, unless it was saved; camera screens wait for a picture."""
        name = str(self._shell.screen)
        is_blind = name in _WITH_CAMERA and not self._shell.camera_presenter.current.has_picture
        if name in self._saved or is_blind or not self._window.isVisible():
            return
        path = self._folder / f"{name}.png"
        if self._window.grabWindow().save(str(path)):
            self._saved.add(name)
            logger.info("saved a picture of screen %s", name)
        else:
            logger.warning("could not save a picture of screen %s", name)
