"""How a scan counts in the comparison of two networks."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.shadow import ShadowOutcome, counted, outcome_of
from protocol.v1.messages import ShadowCounts

PEOPLE = ["ana", "ben", "eva"]
PERSON = st.none() | st.sampled_from(PEOPLE)
SINCE = datetime(2026, 11, 26, tzinfo=UTC)


@given(PERSON, PERSON, st.sets(st.sampled_from(PEOPLE)))
def test_nobody_counts_who_could_not_be_recognised_by_both(
    current: str | None, following: str | None, comparable: set[str]
) -> None:
    outcome = outcome_of(current, following, comparable)

    named = {current, following} - {None}
    assert (outcome is None) == (not named <= comparable)


@given(PERSON, PERSON)
def test_each_pair_of_answers_has_one_outcome(current: str | None, following: str | None) -> None:
    outcome = outcome_of(current, following, PEOPLE)

    assert outcome is not None
    assert (outcome is ShadowOutcome.NOBODY) == (current is None and following is None)
    assert (outcome is ShadowOutcome.AGREED) == (current is not None and current == following)
    assert (outcome is ShadowOutcome.MISSED) == (current is not None and following is None)
    assert (outcome is ShadowOutcome.ONLY_NEXT) == (current is None and following is not None)


@given(st.lists(st.sampled_from(ShadowOutcome)))
def test_counts_add_up(outcomes: list[ShadowOutcome]) -> None:
    counts = ShadowCounts(model_id="sface-2021dec", since=SINCE)
    for outcome in outcomes:
        counts = counted(counts, outcome)

    for outcome in ShadowOutcome:
        assert getattr(counts, outcome.value) == outcomes.count(outcome)
    assert (counts.model_id, counts.since) == ("sface-2021dec", SINCE)
