"""Rates in words: an estimate is rounded, an upper end never sounds rarer than it is."""

import pytest

from server.web.figures import one_in, percent, percents, upper_end
from server.web.translations import translator

T = translator("en")


@pytest.mark.parametrize(
    ("rate", "words"), [(0.0, "0"), (1e-4, "1 in 10,000"), (0.002, "1 in 500"), (0.6, "1 in 2")]
)
def test_an_estimate_is_rounded(rate: float, words: str) -> None:
    assert one_in(T, rate) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.62, "62 %"), (0.521, "53 %"), (0.1, "1 in 10"), (0.0026, "1 in 384"), (1.0, "100 %")],
)
def test_an_upper_end_never_sounds_rarer_than_it_is(rate: float, words: str) -> None:
    assert upper_end(T, rate) == words


@pytest.mark.parametrize(("share", "words"), [(0.0, "0.0 %"), (0.0432, "4.3 %"), (0.1, "10 %")])
def test_a_share_has_as_many_digits_as_it_deserves(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.0024, 0.0008, 0.0071), ("0.2 %", "0.1 %", "0.7 %")),
        ((0.0, 0.0, 0.79), ("0.0 %", "0.0 %", "79.0 %")),
        ((1 / 450_000, 4e-7, 1.3e-5), ("0.0002 %", "0.0000 %", "0.0013 %")),
    ],
)
def test_shares_beside_each_other_have_as_many_digits_as_the_largest_needs(
    shares: tuple[float, ...], words: tuple[str, ...]
) -> None:
    assert percents(*shares) == words
