"""The mirrored camera picture: the newest frame crosses the threads, the rest is let go."""

import math
import threading

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath
from PySide6.QtQml import qmlRegisterType
from PySide6.QtQuick import QQuickItem, QQuickPaintedItem

from kiosk.domain.ports import Frame
from kiosk.ui.qml_property import qml_property

_USUAL_ASPECT = 4 / 3


class PreviewFeed(QObject):
    """Takes frames from any thread and tells the GUI thread about the newest.

    A slow GUI sees fewer frames; none are queued.

    Signals:
        frame_posted: (internal) crosses into the GUI thread.
        frame_ready: a newer frame can be drawn; emitted in the GUI thread.
        shape_changed: pictures have another shape from now on; likewise.
    """

    frame_posted = Signal()
    frame_ready = Signal()
    shape_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._newest: Frame | None = None
        self._is_announced = False
        self._shown: Frame | None = None
        self.shown_count = 0
        self._aspect = _USUAL_ASPECT
        self.frame_posted.connect(self._on_frame_posted, Qt.ConnectionType.QueuedConnection)

    @property
    def frame(self) -> Frame | None:
        """The frame to draw now. GUI thread."""
        return self._shown

    def post(self, frame: Frame) -> None:
        """Hand over a frame; from any thread, without waiting for the GUI."""
        with self._lock:
            self._newest = frame
            is_first = not self._is_announced
            self._is_announced = True
        if is_first:
            self.frame_posted.emit()

    def _on_frame_posted(self) -> None:
        with self._lock:
            self._shown = self._newest
            self._is_announced = False
        self.shown_count += 1
        self._note_shape()
        self.frame_ready.emit()

    def _note_shape(self) -> None:
        height_px, width_px = self._shown.frame_bgr.shape[:2] if self._shown else (0, 0)
        aspect = width_px / height_px if height_px else self._aspect
        if aspect != self._aspect:
            self._aspect = aspect
            self.shape_changed.emit()

    aspect = qml_property(float, lambda self: self._aspect, notify=shape_changed)


def mirrored_crop(
    frame_bgr: NDArray[np.uint8], width_px: float, height_px: float
) -> NDArray[np.uint8]:
    """Cut the middle of a frame to the shape of the item and swap left and right.

    Args:
        frame_bgr: (H, W, 3) uint8. Not modified.
        width_px: of the item, > 0; only its ratio to the height counts.
        height_px: of the item, > 0.

    Returns:
        (h, w, 3) uint8, contiguous, h <= H and w <= W.
    """
    height, width = frame_bgr.shape[:2]
    ratio = width_px / height_px
    crop_width = max(1, min(width, round(height * ratio)))
    crop_height = max(1, min(height, round(width / ratio)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    crop = frame_bgr[top : top + crop_height, left : left + crop_width]
    return np.ascontiguousarray(crop[:, ::-1])


class CameraPreview(QQuickPaintedItem):
    """Draws the feed's newest frame, mirrored, filling the item, with rounded corners.

    Signals:
        style_changed: one of the QML properties changed.
    """

    style_changed = Signal()

    def __init__(self, parent: QQuickItem | None = None) -> None:
        super().__init__(parent)
        self._feed: PreviewFeed | None = None
        self._corner_radius = 0.0
        self._backdrop = QColor("white")
        self.setOpaquePainting(True)

    def paint(self, painter: QPainter) -> None:
        """Draw the picture, then its corners in the colour behind it."""
        area = QRectF(0, 0, self.width(), self.height())
        frame = self._feed.frame if self._feed is not None else None
        if frame is None or area.isEmpty():
            painter.fillRect(area, self._backdrop)
            return
        image = self._image(frame)
        is_enlarged = image.width() != math.ceil(area.width())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=is_enlarged)
        painter.drawImage(area, image)
        self._paint_corners(painter, area)

    def _image(self, frame: Frame) -> QImage:
        pixels = mirrored_crop(frame.frame_bgr, self.width(), self.height())
        height, width = pixels.shape[:2]
        borrowed = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_BGR888)
        return borrowed.convertToFormat(QImage.Format.Format_RGB32)  # owns its pixels

    def _paint_corners(self, painter: QPainter, area: QRectF) -> None:
        outside = QPainterPath()
        outside.addRect(area.adjusted(-1, -1, 1, 1))
        outside.addRoundedRect(area, self._corner_radius, self._corner_radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = self._corner_radius
        for corner in (
            QPointF(0, 0),
            QPointF(area.width() - side, 0),
            QPointF(0, area.height() - side),
            QPointF(area.width() - side, area.height() - side),
        ):
            painter.setClipRect(QRectF(corner.x(), corner.y(), side, side))
            painter.fillPath(outside, self._backdrop)

    def _get_feed(self) -> PreviewFeed | None:
        return self._feed

    def _set_feed(self, feed: PreviewFeed | None) -> None:
        if feed is self._feed:
            return
        self._feed = feed
        if feed is not None:
            feed.frame_ready.connect(self.update)
        self.style_changed.emit()

    def _get_corner_radius(self) -> float:
        return self._corner_radius

    def _set_corner_radius(self, radius_px: float) -> None:
        self._corner_radius = radius_px
        self._restyle()

    def _get_backdrop(self) -> QColor:
        return self._backdrop

    def _set_backdrop(self, color: QColor) -> None:
        self._backdrop = color
        self._restyle()

    def _restyle(self) -> None:
        self.style_changed.emit()
        self.update()

    feed = qml_property(QObject, _get_feed, _set_feed, notify=style_changed)
    cornerRadius = qml_property(  # noqa: N815  QML's own spelling
        float, _get_corner_radius, _set_corner_radius, notify=style_changed
    )
    backdrop = qml_property(QColor, _get_backdrop, _set_backdrop, notify=style_changed)


def register_preview() -> None:
    """Make CameraPreview known to QML as ``Rollcall.Preview 1.0``. Repeats do no harm."""
    qmlRegisterType(CameraPreview, "Rollcall.Preview", 1, 0, "CameraPreview")  # type: ignore[call-overload]
