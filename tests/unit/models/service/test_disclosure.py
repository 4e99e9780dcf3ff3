"""No figures, and no sums or differences of them, of fewer than 30 people."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.service.disclosure import LEAST_PEOPLE, showable


def rows(*parts: range) -> NDArray[np.intp]:
    return np.array(sorted({one for part in parts for one in part}), np.intp)


def shown(count: int, **cohorts: NDArray[np.intp]) -> set[str]:
    return set(showable(cohorts, np.ones(count, np.bool_)))


def test_a_course_and_the_same_with_one_more_are_not_shown_together() -> None:
    assert shown(100, a=rows(range(30)), b=rows(range(31))) == {"b"}


def test_all_of_the_school_but_one_is_not_shown() -> None:
    assert shown(31, a=rows(range(30))) == set()
    assert shown(30, a=rows(range(30))) == {"a"}
    assert shown(60, a=rows(range(30))) == {"a"}


def test_two_courses_that_leave_one_of_a_third_are_not_shown_beside_it() -> None:
    cohorts = {"whole": rows(range(61)), "a": rows(range(30)), "b": rows(range(30, 60))}

    assert shown(200, **cohorts) == {"whole", "a"}


def test_classes_that_leave_a_small_one_of_the_school_are_not_all_shown() -> None:
    assert shown(65, a=rows(range(30)), b=rows(range(30, 60)), c=rows(range(60, 65))) == {"a"}


def test_courses_of_the_same_people_are_shown_together() -> None:
    assert shown(90, a=rows(range(30)), b=rows(range(30)), c=rows(range(30, 90))) == {"a", "b", "c"}


def test_only_those_count_whom_the_figure_is_about() -> None:
    measured = np.ones(100, np.bool_)
    measured[[3, 40]] = False

    assert showable({"a": rows(range(30)), "b": rows(range(40, 71))}, measured) == {"b"}


@given(
    people=st.integers(0, 150),
    spans=st.lists(st.tuples(st.integers(0, 149), st.integers(0, 149)), max_size=8),
)
def test_nobody_is_in_the_same_cohorts_as_fewer_than_29_others(
    people: int, spans: list[tuple[int, int]]
) -> None:
    cohorts = {
        f"c{number}": rows(range(min(span), min(max(span), people)))
        for number, span in enumerate(spans)
    }
    found = sorted(shown(people, **cohorts))

    cells = [tuple(person in cohorts[name] for name in found) for person in range(people)]
    assert not found or all(cells.count(cell) >= LEAST_PEOPLE for cell in set(cells))
    assert all(len(cohorts[name]) >= LEAST_PEOPLE for name in found)
