"""A plane leaves nothing over whatever the camera does; a head that turns does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.planarity import central, plane_residuals, rigid_shapes
from tests.unit.models.stages.head_mesh import Points, at, flat, head, seen, turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMITS = LivenessLimits()
ANGLES = st.lists(
    st.tuples(st.floats(-35, 35), st.floats(-35, 35), st.floats(-40, 40)), min_size=3, max_size=20
)


def plane_residual(shapes: NDArray[np.float64]) -> float:
    residuals = plane_residuals(shapes, central(shapes))
    return float(np.sqrt((residuals**2).mean()))


def bent(points: Points, radius: float) -> Points:
    angle = points[:, 0] / radius
    shape = [radius * np.sin(angle), points[:, 1], radius * (1 - np.cos(angle))]
    return np.asarray(np.stack(shape, axis=1), np.float32)


def drawn_flat_with_depth(points: Points) -> Points:
    """The network says that a picture of a head is deep; only x and y tell."""
    return np.asarray(np.concatenate([points[:, :2], head()[:, 2:]], axis=1), np.float32)


@given(angles=ANGLES, distance=st.floats(250, 2000))
def test_a_plane_under_any_motion_is_a_plane(
    angles: list[tuple[float, float, float]], distance: float
) -> None:
    track = [seen(turned(flat(head()), *turn), distance) for turn in angles]

    assert plane_residual(rigid_shapes(np.stack(track))) < 0.1 * LIMITS.min_mesh_depth


@pytest.mark.parametrize("swing", [(20, 0), (0, 20), (14, 14)])
def test_a_turning_head_is_no_plane(swing: tuple[float, float]) -> None:
    track = [seen(turned(head(), swing[0] * s, swing[1] * s)) for s in np.linspace(-1, 1, 20)]

    assert plane_residual(rigid_shapes(np.stack(track))) > 1.5 * LIMITS.min_mesh_depth


def test_a_head_that_only_moves_sideways_leans_or_comes_nearer_shows_no_depth() -> None:
    track = [
        seen(at(turned(head(), roll_deg=3 * step), 0.5 * step, 0), 3000 - 20 * step)
        for step in range(12)
    ]

    assert plane_residual(rigid_shapes(np.stack(track))) < LIMITS.min_mesh_depth


def test_a_picture_stays_a_plane_where_the_network_makes_up_depth() -> None:
    track = [
        seen(drawn_flat_with_depth(turned(flat(head()), yaw)), 100_000)
        for yaw in np.linspace(-30, 30, 20)
    ]

    assert plane_residual(rigid_shapes(np.stack(track))) < LIMITS.min_mesh_depth


def test_a_sheet_bent_once_and_held_still_is_not_a_turning_head() -> None:
    track = [seen(turned(bent(flat(head()), 150), roll_deg=step)) for step in range(12)]

    assert plane_residual(rigid_shapes(np.stack(track))) < LIMITS.min_mesh_depth
