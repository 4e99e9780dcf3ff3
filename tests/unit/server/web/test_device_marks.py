"""A browser keeps one mark for each of the last few names, and each ends with its password."""

from hypothesis import given
from hypothesis import strategies as st

from server.web.device_marks import (
    MOST_MARKS,
    is_of_password,
    joined,
    mark_of,
    name_mark,
    new_mark,
    parted,
    with_mark,
)

NAMES = st.lists(st.sampled_from([f"teacher-{number}" for number in range(12)]), min_size=1)


@given(NAMES)
def test_the_last_names_are_known_and_no_others(names: list[str]) -> None:
    marks: list[str] = []
    for name in names:
        marks = parted(joined(with_mark(marks, new_mark(name, f"hash of {name}"))))
    last = list(dict.fromkeys(reversed(names)))[:MOST_MARKS]
    assert [one.partition("-")[0] for one in marks] == [name_mark(name) for name in last]
    for name in last:
        found = mark_of(marks, name_mark(name))
        assert is_of_password(found, f"hash of {name}")
        assert not is_of_password(found, "hash of another password")


def test_what_is_no_mark_is_of_no_password() -> None:
    for text in ("", "a", "a-", "-", "a-b-c"):
        assert not is_of_password(text, "hash")
        assert mark_of(parted(text), name_mark("somebody")) == ""
