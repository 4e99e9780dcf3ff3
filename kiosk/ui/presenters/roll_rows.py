"""The rows of the roll-call as a Qt model: a change of one row keeps the place in the list."""

from dataclasses import dataclass, fields
from typing import Any

from PySide6.QtCore import QAbstractListModel, QByteArray, QModelIndex, QObject, Qt

_ROOT = QModelIndex()


@dataclass(frozen=True, slots=True)
class RollRowView:
    """One row: what the disk holds, and whether a tap is still on its way there."""

    person_id: str
    name: str
    mark: str
    status: str = ""
    note: str = ""
    pending: bool = False


_ROLE_NAMES = {
    Qt.ItemDataRole.UserRole + 1 + number: one.name
    for number, one in enumerate(fields(RollRowView))
}
"""QML reads each field of a row by its name."""


class RollRowModel(QAbstractListModel):
    """Holds the rows for a QML view."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[RollRowView, ...] = ()

    @property
    def rows(self) -> tuple[RollRowView, ...]:
        """The rows now."""
        return self._rows

    def replace(self, rows: tuple[RollRowView, ...]) -> None:
        """Show these rows; with the same people in the same order only what changed is redrawn."""
        if [row.person_id for row in rows] != [row.person_id for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        before, self._rows = self._rows, rows
        for number, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(number), self.index(number))

    def rowCount(self, parent: Any = _ROOT) -> int:  # noqa: N802
        """See ``QAbstractListModel.rowCount``."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """See ``QAbstractListModel.data``."""
        name = _ROLE_NAMES.get(role)
        if name is None or not 0 <= index.row() < len(self._rows):
            return None
        return getattr(self._rows[index.row()], name)

    def roleNames(self) -> dict[int, QByteArray]:  # noqa: N802
        """See ``QAbstractListModel.roleNames``."""
        return {role: QByteArray(name.encode()) for role, name in _ROLE_NAMES.items()}
