"""Who is on site, by example and for everything hypothesis can think of."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.on_site.rules import Seen, SiteLesson, SitePlace, whereabouts

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ADA, BEN, CHI, DAN = (uuid.UUID(int=number) for number in range(1, 5))
FIRST, SECOND, LATER = (uuid.UUID(int=number) for number in range(11, 14))
LESSONS = [
    SiteLesson(LATER, NOW + timedelta(hours=1), {ADA, DAN}),
    SiteLesson(FIRST, NOW - timedelta(hours=2), {ADA, BEN}),
    SiteLesson(SECOND, NOW, {BEN, CHI}),
]


def test_people_are_listed_with_the_lesson_that_began_last() -> None:
    seen = {ADA: Seen(NOW, "R1"), BEN: Seen(NOW, "R1", "out"), DAN: Seen(NOW, "R2", "in")}
    found = whereabouts(LESSONS, seen, set(), at=NOW)
    assert found.places == {
        ADA: SitePlace.ON_SITE,
        BEN: SitePlace.CHECKED_OUT,
        CHI: SitePlace.NOT_SEEN,
        DAN: SitePlace.ON_SITE,
    }
    assert found.lessons == {ADA: FIRST, BEN: SECOND, CHI: SECOND, DAN: LATER}


def test_one_who_is_due_later_is_not_missing_yet() -> None:
    assert DAN not in whereabouts(LESSONS, {}, set(), at=NOW).places


def test_who_was_reported_absent_is_counted_and_listed_only_once_seen() -> None:
    excused = {(SECOND, CHI), (FIRST, BEN)}  # Ben is due again since
    found = whereabouts(LESSONS, {}, excused, at=NOW)
    assert (found.places.get(CHI), found.places[BEN], found.reported) == (
        None,
        SitePlace.NOT_SEEN,
        1,
    )
    came = whereabouts(LESSONS, {CHI: Seen(NOW, "R1")}, excused, at=NOW)
    assert (came.places[CHI], came.reported) == (SitePlace.ON_SITE, 0)


_people = st.sampled_from([ADA, BEN, CHI, DAN])
_moments = st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours))
_lessons = st.lists(
    st.builds(
        SiteLesson,
        lesson_id=st.integers(20, 40).map(lambda number: uuid.UUID(int=number)),
        starts_at=_moments,
        people=st.frozensets(_people),
    ),
    max_size=6,
    unique_by=lambda one: one.lesson_id,
)
_directions = st.sampled_from([None, "in", "out"])
_seen = st.dictionaries(
    _people, st.builds(Seen, at=_moments, room=st.just("R"), direction=_directions)
)


@given(_lessons, _seen, st.sets(st.tuples(st.just(FIRST), _people)), st.randoms())
def test_nobody_who_was_seen_is_ever_left_out(
    lessons: list[SiteLesson],
    seen: dict[uuid.UUID, Seen],
    excused: set[tuple[uuid.UUID, uuid.UUID]],
    order: random.Random,
) -> None:
    excused |= {(one.lesson_id, person) for one in lessons for _, person in excused}
    found = whereabouts(lessons, seen, excused, at=NOW)
    assert seen.keys() <= found.places.keys()
    missing = {person for person, place in found.places.items() if place == SitePlace.NOT_SEEN}
    due = {person for one in lessons if one.starts_at <= NOW for person in one.people}
    assert missing <= due - seen.keys()
    assert len(missing) + found.reported == len(due - seen.keys())
    shuffled = lessons[:]
    order.shuffle(shuffled)
    assert whereabouts(shuffled, seen, excused, at=NOW) == found
