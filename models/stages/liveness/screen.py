"""Signs of a screen or a sheet in a single frame: fine regular patterns, and edges all round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.stages.images import FloatArray
    from models.stages.liveness.small import GreyImage, SmallView

_PATCH_PX = 64
_WINDOW = np.outer(np.hanning(_PATCH_PX), np.hanning(_PATCH_PX)).astype(np.float32)
_FREQUENCY = np.hypot(
    *np.meshgrid(np.fft.fftfreq(_PATCH_PX), np.fft.rfftfreq(_PATCH_PX), indexing="ij")
)
_FINE = (_FREQUENCY > 0.14) & (_FREQUENCY < 0.48)  # cycles a pixel; coarser is the face itself
_RING = np.digitize(_FREQUENCY, np.linspace(0.14, 0.48, 7))
_RINGS = [np.flatnonzero((ring == _RING) & _FINE) for ring in range(1, 7)]
_OVAL = (10, 152, 234, 454)
_EDGES_WIDTH_PX = 160  # edges are sought at this width
_SLANT_DEG = 14.0  # an edge may lean so far
_LONG = 1.5  # face widths; so are those below
_CLUTTER = 0.2  # of the view; where so much is edges, some make a frame by chance
_MOST_LINES = 16  # of one side
_CORNER = 1.2  # from an end to where the lines cross
_BELOW, _ABOVE, _BESIDE = 0.8, 0.8, 0.75  # nearer to the face's centre is the face


@dataclass(frozen=True)
class ScreenSigns:
    """What a frame shows of a carrier.

    Attributes:
        moire: strongest fine frequency on the face over the middle one of its ring, >= 1.
        enclosing_sides: see `enclosing_sides`, 0 to 4.
    """

    moire: float
    enclosing_sides: int


def screen_signs(frame_green: GreyImage, view: SmallView, points_px: FloatArray) -> ScreenSigns:
    """Look for a carrier.

    Args:
        frame_green: (H, W) uint8, the green of a frame: cameras have most of it. Not modified.
        view: the last frames made small. Not modified.
        points_px: (468, 3) of the face in the frame.
    """
    oval = points_px[list(_OVAL), :2]
    centre = (float(oval[:, 0].mean()), float(oval[:, 1].mean()))
    width = max(float(np.ptp(oval[:, 0])), 1.0)
    pattern = moire(frame_green, centre) if width >= _PATCH_PX else 0.0  # else edges beside it
    return ScreenSigns(pattern, enclosing_sides(view, centre, width))


def moire(frame_green: GreyImage, centre: tuple[float, float]) -> float:
    """How far one fine frequency stands out, at the frame's own resolution.

    Args:
        frame_green: (H, W) uint8. Not modified.
        centre: x, y of the face.

    Returns:
        Ratio, 0 where the face is at the frame's edge.
    """
    left, top = round(centre[0]) - _PATCH_PX // 2, round(centre[1]) - _PATCH_PX // 2
    patch = frame_green[max(top, 0) : top + _PATCH_PX, max(left, 0) : left + _PATCH_PX]
    if patch.shape != _WINDOW.shape:
        return 0.0
    level = patch.astype(np.float32)
    spectrum = np.abs(np.fft.rfft2((level - level.mean()) * _WINDOW)).ravel()
    best = 0.0
    for places in _RINGS:
        ordered = np.sort(spectrum[places])
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        best = max(best, float(ordered[-1] / max(middle, 1e-6)))
    return best


def enclosing_sides(view: SmallView, centre: tuple[float, float], width: float) -> int:
    """Count the sides of a quadrilateral around a face.

    A room has edges too, but those behind a person end at the body; the lower edge of a sheet or
    a screen runs through below the face. Without it there are no sides.

    Args:
        view: the frame made small. Not modified.
        centre: x, y of the face in the frame.
        width: of the face, frame pixels.
    """
    shrink = _EDGES_WIDTH_PX / view.grey.shape[1]
    scale = view.scale * shrink
    size = (_EDGES_WIDTH_PX, max(1, round(view.grey.shape[0] * shrink)))
    edges = cv2.Canny(cv2.resize(view.grey, size, interpolation=cv2.INTER_AREA), 40, 120)
    if np.count_nonzero(edges) > _CLUTTER * edges.size:
        return 0
    length = _LONG * width * scale
    found = cv2.HoughLinesP(edges, 1, np.pi / 120, max(int(length * 0.6), 12), None, length, 5)
    if found is None:
        return 0
    lines = found.reshape(-1, 4).astype(np.float64) - np.tile(np.array(centre) * scale, 2)
    return _chained(lines / (width * scale))


def _chained(lines: NDArray[np.float64]) -> int:
    """Sides that meet the lower edge, or a side that does.

    Args:
        lines: (N, 4): ends, from the face's centre, in face widths.
    """
    x0, y0, x1, y1 = lines.T
    slant = np.degrees(np.arctan2(np.abs(y1 - y0), np.abs(x1 - x0)))
    upright, level = slant > 90 - _SLANT_DEG, slant < _SLANT_DEG
    spans_x = np.minimum(x0, x1) * np.maximum(x0, x1) < 0
    spans_y = (np.minimum(y0, y1) < 1.0) & (np.maximum(y0, y1) > -1.0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    bottom = lines[level & spans_x & (y > _BELOW)]
    top = lines[level & spans_x & (y < -_ABOVE)]
    walls = [lines[upright & spans_y & (x * side > _BESIDE)] for side in (-1.0, 1.0)]
    if not len(bottom):
        return 0
    beside = [wall for wall in walls if _meet(wall, bottom)]
    return 1 + len(beside) + any(_meet(top, wall) for wall in beside)


def _meet(ones: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether two lines, drawn on a little where an edge is faint, make a corner."""
    if not len(ones) or not len(others):
        return False
    a, b = ones[:_MOST_LINES, None].reshape(-1, 1, 2, 2), others[:_MOST_LINES].reshape(1, -1, 2, 2)
    along, across = a[..., 1, :] - a[..., 0, :], b[..., 1, :] - b[..., 0, :]
    between = b[..., 0, :] - a[..., 0, :]
    turn = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    turn = np.where(np.abs(turn) < 1e-9, np.inf, turn)
    share = (between[..., 0] * across[..., 1] - between[..., 1] * across[..., 0]) / turn
    place = (a[..., 0, :] + share[..., None] * along)[..., None, :]
    gaps = [np.linalg.norm(ends - place, axis=-1).min(axis=-1) for ends in (a, b)]
    return bool((np.maximum(*gaps) < _CORNER).any())
