"""The rule of consent: examples, then properties over everything that can be said."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.people.consent import ConsentState, Statement, consent_state

TODAY = date(2026, 11, 23)
START = datetime(2026, 9, 1, tzinfo=UTC)


def said(
    decision: str = "given",
    *,
    by: str = "Parent",
    role: str = "parent",
    day: int = 0,
    until: date | None = None,
    taken_back: bool = False,
) -> Statement:
    at = START + timedelta(days=day)
    return Statement(role, by, decision, at, until, at if taken_back else None)


CHILD_REFUSES = said("refused", by="Child", role="student", day=5)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], ConsentState.NONE),
        ([said()], ConsentState.LIVE),
        ([said(until=TODAY)], ConsentState.LIVE),
        ([said(until=TODAY - timedelta(days=1))], ConsentState.EXPIRED),
        ([said(taken_back=True)], ConsentState.WITHDRAWN),
        ([said("refused")], ConsentState.REFUSED),
        ([said("refused", taken_back=True)], ConsentState.NONE),
        ([said(), CHILD_REFUSES], ConsentState.REFUSED),
        ([said(), said("refused", by="Other parent")], ConsentState.REFUSED),
        ([said(), said(by="Other parent", taken_back=True)], ConsentState.WITHDRAWN),
        ([said("refused"), said(day=1)], ConsentState.LIVE),
        ([said(), said("refused", by=" PARENT ", day=1)], ConsentState.REFUSED),
        ([said(taken_back=True), said(day=1)], ConsentState.LIVE),
        ([said(until=TODAY - timedelta(days=1)), said(by="Other")], ConsentState.LIVE),
        ([said(by="Child", role="student")], ConsentState.LIVE),
        (
            [CHILD_REFUSES, said(by="Kid", role="student", day=6)],
            ConsentState.LIVE,
        ),
    ],
)
def test_examples(statements: list[Statement], expected: ConsentState) -> None:
    assert consent_state(statements, TODAY) is expected


statements = st.builds(
    said,
    st.sampled_from(["given", "refused"]),
    by=st.sampled_from(["A", "B", "a "]),
    role=st.sampled_from(["student", "parent"]),
    day=st.integers(0, 60),
    until=st.none() | st.dates(date(2026, 10, 1), date(2027, 2, 1)),
    taken_back=st.booleans(),
)
histories = st.lists(statements, max_size=8)


@given(histories, st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(history: list[Statement], random: object) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert consent_state(shuffled, TODAY) is consent_state(history, TODAY)


@given(histories)
def test_childs_last_word_of_refusal_always_wins(history: list[Statement]) -> None:
    refusal = said("refused", by="Child", role="student", day=61)
    assert consent_state([*history, refusal], TODAY) is ConsentState.REFUSED


@given(histories)
def test_consent_is_live_only_if_somebody_gave_it_and_it_stands(history: list[Statement]) -> None:
    state = consent_state(history, TODAY)
    stands = [s for s in history if s.decision == "given" and s.withdrawn_at is None]
    unexpired = [s for s in stands if s.expires_on is None or s.expires_on >= TODAY]
    assert state is not ConsentState.LIVE or unexpired


@given(histories)
def test_taking_everything_back_ends_it(history: list[Statement]) -> None:
    withdrawn = [
        Statement(s.role, s.given_by, s.decision, s.decided_at, s.expires_on, s.decided_at)
        for s in history
    ]
    assert consent_state(withdrawn, TODAY) is not ConsentState.LIVE


@given(histories, st.integers(0, 400))
def test_time_alone_never_brings_consent_back(history: list[Statement], days: int) -> None:
    later = consent_state(history, TODAY + timedelta(days=days))
    assert later is not ConsentState.LIVE or consent_state(history, TODAY) is ConsentState.LIVE
