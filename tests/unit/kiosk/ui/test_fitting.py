"""Sizes of texts: the largest that fits, words whole, baselines equally far apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QSizeF

from kiosk.ui.fitting import TextFitter, ascent_em, fits, fitting_px, line_drops_px

pytestmark = pytest.mark.usefixtures("qapp")

ENDLESS = QSizeF(1e6, 1e6)
TEXTS = st.text(st.sampled_from("aW -.ŞЩשع김張ク\n\u2068"), max_size=60)
BOXES = st.builds(QSizeF, st.floats(1, 600), st.floats(1, 300))


def test_a_text_with_space_enough_has_the_largest_size() -> None:
    assert fitting_px("Amina K.", ENDLESS, range(16, 57), is_bold=True) == 56


def test_a_text_that_never_fits_has_the_smallest_size() -> None:
    assert fitting_px("W" * 120, QSizeF(100, 20), range(16, 57), is_bold=True) == 16


def test_a_word_is_made_smaller_rather_than_broken() -> None:
    word = "Biotechnologielaboratorium"
    size = fitting_px(word, QSizeF(300, 300), range(10, 41), is_bold=False)
    assert 10 < size < 40
    assert fits(word, QSizeF(300, 300), size, is_bold=False)
    assert not fits(word, QSizeF(300, 300), size + 1, is_bold=False)


def test_a_line_more_needs_its_height() -> None:
    assert fits("a a", QSizeF(12, 54), 20, is_bold=False)
    assert not fits("a a", QSizeF(12, 53), 20, is_bold=False)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, box=BOXES, smallest=st.integers(8, 20), more=st.integers(0, 60))
def test_the_size_is_one_of_those_allowed_and_fits_where_the_smallest_does(
    text: str, box: QSizeF, smallest: int, more: int
) -> None:
    sizes = range(smallest, smallest + more + 1)
    size = fitting_px(text, box, sizes, is_bold=True)
    assert size in sizes
    if fits(text, box, smallest, is_bold=True):
        assert fits(text, box, size, is_bold=True)


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, width_px=st.floats(0, 600), size_px=st.integers(8, 60))
def test_a_line_is_lowered_by_what_it_lacks_and_the_highest_stays(
    text: str, width_px: float, size_px: int
) -> None:
    drops = line_drops_px(text, width_px, size_px, is_bold=False)
    assert min(drops) == 0
    assert max(drops) <= ascent_em(text, is_bold=False) * size_px + 2


def test_the_fitter_answers_for_each_line_and_for_one_that_is_not_there() -> None:
    fitter, is_bold = TextFitter(), False
    drops = [fitter.drop("One\nTwo", is_bold, 100.0, 20, line) for line in range(3)]
    assert drops == [0, 0, 0]
    assert not fitter.mixes("One Two", is_bold)
    assert fitter.size("a", is_bold, ENDLESS, 12, 16) == 12
