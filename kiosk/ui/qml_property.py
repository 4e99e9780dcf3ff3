"""A Qt property for QML. One door, because the type stubs of Property do not know signals."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Property


def qml_property(
    kind: Any,
    fget: Callable[[Any], Any],
    fset: Callable[[Any, Any], None] | None = None,
    *,
    notify: Any = None,
) -> Any:
    """Declare a property; to be assigned in the body of a QObject class.

    Args:
        kind: a Python type or the name of a C++ one.
        fget: reads it.
        fset: writes it; None makes it read-only.
        notify: the Signal emitted when it changes; None makes it constant.
    """
    if notify is None:
        return Property(kind, fget=fget, constant=True)
    return Property(kind, fget=fget, fset=fset, notify=notify)
