"""A presenter's face to QML: one frozen view, replaced as a whole."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal

from kiosk.ui.catalogue import Catalogue
from kiosk.ui.qml_property import qml_property

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ViewT = TypeVar("ViewT", bound="DataclassInstance")


class ViewPresenter(QObject, Generic[ViewT]):
    """Holds the view of one screen. Lives in the GUI thread.

    Signals:
        changed: the view was replaced by a different one.
    """

    changed = Signal()

    def __init__(self, view: ViewT, words: Catalogue) -> None:
        super().__init__()
        self._view = view
        self._words = words

    @property
    def current(self) -> ViewT:
        """The view now, as Python sees it."""
        return self._view

    def use_words(self, words: Catalogue) -> None:
        """Speak another language, or of another time zone, from the next view on."""
        self._words = words

    def replace(self, view: ViewT) -> None:
        """Show another view; nothing happens when it says the same."""
        if view != self._view:
            self._view = view
            self.changed.emit()

    def _as_map(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value  # QML knows no tuples
            for name, value in asdict(self._view).items()
        }

    view = qml_property("QVariantMap", _as_map, notify=changed)
