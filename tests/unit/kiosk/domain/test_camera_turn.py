"""Which turn counts, and what "swap left and right" means for a picture that is turned too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kiosk.domain.camera_turn import TURNS_DEG, CameraTurn, KeptTurn, turn_in_force
from kiosk.domain.ports import BGRImage
from kiosk.vision.turning import turned

PICTURES = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 9),
)
TURNS = st.builds(CameraTurn, st.sampled_from(TURNS_DEG), st.booleans())


def seen(picture: BGRImage, turn: CameraTurn) -> BGRImage:
    return turned(picture, turn.rotation_deg, is_mirrored=turn.is_mirrored)


@given(PICTURES, TURNS)
def test_a_swap_changes_the_sides_and_nothing_else(picture: BGRImage, turn: CameraTurn) -> None:
    swapped = seen(picture, turn.swapped())
    np.testing.assert_array_equal(swapped, seen(picture, turn)[:, ::-1])
    assert turn.swapped().swapped() == turn
    assert turn.swapped().rotation_deg in TURNS_DEG


@pytest.mark.parametrize(
    ("settings", "kept", "wanted"),
    [
        (CameraTurn(), None, CameraTurn()),
        (CameraTurn(90), None, CameraTurn(90)),
        (CameraTurn(), KeptTurn(CameraTurn(180), CameraTurn()), CameraTurn(180)),
        (CameraTurn(90), KeptTurn(CameraTurn(180), CameraTurn()), CameraTurn(90)),
        (
            CameraTurn(0, is_mirrored=True),
            KeptTurn(CameraTurn(180), CameraTurn()),
            CameraTurn(0, is_mirrored=True),
        ),
        (CameraTurn(90), KeptTurn(CameraTurn(), CameraTurn(90)), CameraTurn()),
    ],
    ids=["neither", "settings", "choice", "settings-later", "mirror-later", "choice-of-default"],
)
def test_the_last_change_counts(
    settings: CameraTurn, kept: KeptTurn | None, wanted: CameraTurn
) -> None:
    assert turn_in_force(settings, kept) == wanted
