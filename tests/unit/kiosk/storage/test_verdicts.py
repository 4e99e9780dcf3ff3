"""What an ack covers, what the server has of it, and what it misses, against sets of numbers."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from kiosk.storage.verdicts import SeqSpan, Verdicts
from protocol.v1.messages import Ack, SeqRange
from tests.fakes.kiosk_clock import START

_MOST = 40

spans = st.tuples(st.integers(1, _MOST), st.integers(0, 8)).map(
    lambda pair: SeqSpan(pair[0], min(pair[0] + pair[1], _MOST))
)


def numbers(found: Iterable[SeqSpan]) -> set[int]:
    return {number for span in found for number in range(span.first, span.last + 1)}


def ranges(found: Iterable[SeqSpan]) -> tuple[SeqRange, ...]:
    return tuple(SeqRange(first=span.first, last=span.last) for span in found)


@given(
    through=st.integers(0, _MOST),
    beyond=st.lists(spans, max_size=4),
    lost=st.lists(spans, max_size=4),
    most=st.integers(0, _MOST),
)
def test_spans_equal_set_arithmetic(
    through: int, beyond: list[SeqSpan], lost: list[SeqSpan], most: int
) -> None:
    ack = Ack(
        kiosk_id="k1",
        stored_through=through,
        stored_beyond=ranges(sorted(beyond)),
        lost=ranges(lost),
        server_time=START,
    )
    verdicts = Verdicts(ack, own_seq=_MOST)
    covered = set(range(1, through + 1)) | numbers(beyond)
    asked = set(range(1, most + 1))

    assert numbers(verdicts.covered(most)) == covered & asked
    assert numbers(verdicts.held(most)) == (covered - numbers(lost)) & asked
    assert numbers(verdicts.missing(most)) == asked - covered
    assert numbers(verdicts.lost) == numbers(lost)
