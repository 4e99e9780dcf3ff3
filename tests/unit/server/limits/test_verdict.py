"""The rules of a measured limit, without a database."""

from hypothesis import given
from hypothesis import strategies as st

from server.limits.service import MOST_RAISED, LimitVerdict, effective, verdict

SHARES = st.floats(0.0, 1.0)
DISTANCES = st.floats(0.01, 10.0)


@given(card=DISTANCES, measured=st.none() | DISTANCES)
def test_a_measured_limit_is_never_looser_than_the_cards(
    card: float, measured: float | None
) -> None:
    found = effective(card, measured)
    assert found <= card
    assert measured is None or found <= measured


@given(share=SHARES, distance=DISTANCES, declined=st.none() | DISTANCES)
def test_only_what_costs_more_than_a_fifth_is_not_applied(
    share: float, distance: float, declined: float | None
) -> None:
    found = verdict(share, distance, declined)
    assert (found is LimitVerdict.APPLY) == (share <= MOST_RAISED)


@given(share=st.floats(0.2001, 1.0), distance=DISTANCES, declined=DISTANCES)
def test_a_declined_limit_is_asked_again_only_when_it_is_stricter(
    share: float, distance: float, declined: float
) -> None:
    found = verdict(share, distance, declined)
    assert found is (LimitVerdict.ASK if distance < declined else LimitVerdict.KEEP)


@given(share=st.floats(0.2001, 1.0), distance=DISTANCES)
def test_a_costly_limit_is_asked_about_where_nobody_declined_one(
    share: float, distance: float
) -> None:
    assert verdict(share, distance, None) is LimitVerdict.ASK
