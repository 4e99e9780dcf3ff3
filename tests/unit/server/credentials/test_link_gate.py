"""The limits of the page behind a link: bounded, and nobody locks anybody out."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from server.credentials.link_gate import (
    MOST_OF_A_LINK,
    MOST_WRONG_OF_AN_ADDRESS,
    WINDOW_S,
    LinkGate,
)


@dataclass
class Clock:
    at_s: float = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_a_link_is_answered_so_often_and_again_after_the_window() -> None:
    clock = Clock()
    gate = LinkGate(clock)
    waits = [gate.wait_of_link("a") for _ in range(MOST_OF_A_LINK + 1)]
    assert waits == [0] * MOST_OF_A_LINK + [WINDOW_S]
    clock.at_s = WINDOW_S
    assert gate.wait_of_link("a") == 0


def test_wrong_links_of_an_address_keep_no_link_out() -> None:
    gate = LinkGate(Clock())
    for _ in range(MOST_WRONG_OF_AN_ADDRESS):
        assert gate.wait_of_wrong_link("10.0.0.1") == 0
    assert gate.wait_of_wrong_link("10.0.0.1") > 0
    assert gate.wait_of_wrong_link("10.0.0.2") == 0
    assert gate.wait_of_link("a") == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 90))))
def test_waits_end_within_the_window_and_memory_is_bounded(
    looks: list[tuple[str, float]],
) -> None:
    clock = Clock()
    gate = LinkGate(clock, most_remembered=3)
    for token, passes_s in looks:
        clock.at_s += passes_s
        assert 0 <= gate.wait_of_link(token) <= WINDOW_S
        assert len(gate._counts) <= 3
