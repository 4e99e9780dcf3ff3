"""Erasing one person also erases what a decision about marks wrote on another person's line."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import select

from server.attendance.tables import Correction
from server.mark_reviews.tables import MarkReview
from tests.integration.server.test_enrolment_moves import Mixup, mixup
from tests.integration.server.test_mark_reviews import Door, door

__all__ = ["door", "mixup"]
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
TYPED = "Lovelace and Okafor were mixed up"


@pytest.mark.parametrize("who", ["named", "other"])
def test_the_reason_goes_from_both_lines_and_what_others_typed_stays(
    mixup: Mixup, door: Door, who: str
) -> None:
    ada, ben, lesson = door.desk.ada, door.desk.ben, door.lesson
    assert door.review(door.see(ada), answer="other", other_person_id=ben, reason=TYPED).is_success
    both = [{"person_id": one} for one in (ada, ben)]
    trip = door.desk.post(
        f"/lessons/{lesson}/corrections/bulk", lines=both, status="excused", reason="Trip"
    )
    door.desk.post(f"/lessons/{lesson}/corrections/{trip['id']}/undo")  # writes the reason again
    erased, stays = (ada, ben) if who == "named" else (ben, ada)
    path = f"/api/v1/people/{erased}/erase"
    assert mixup.admin.post(path, json={"reason": "asked"}).is_success
    with door.desk.database.reading() as db:
        found = [(str(one.person_id), one.reason) for one in db.exec(select(Correction))]
        assert db.exec(select(MarkReview)).one().reason == "erased"
    assert sorted(found) == sorted(
        [(erased, "erased")] * 3 + [(stays, "erased")] * 2 + [(stays, "Trip")]
    )
    assert TYPED not in door.office.get(f"/lessons/{lesson}/people/{stays}").text


def _erase(mixup: Mixup, person: str) -> None:
    path = f"/api/v1/people/{person}/erase"
    assert mixup.admin.post(path, json={"reason": "asked"}).is_success


def _texts(mixup: Mixup) -> set[str]:
    """Return every reason of a correction and of a decision."""
    with mixup.database.reading() as db:
        return {*db.exec(select(Correction.reason)), *db.exec(select(MarkReview.reason))} - {""}


@on_sqlite
@pytest.mark.parametrize("who", ["named", "other"])
def test_the_reason_of_a_decision_that_was_undone_goes_too(
    mixup: Mixup, door: Door, who: str
) -> None:
    ada, ben = door.desk.ada, door.desk.ben
    made = door.review(door.see(ada), answer="other", other_person_id=ben, reason=TYPED)
    assert door.undo(made) == 204
    assert TYPED in _texts(mixup)
    _erase(mixup, ada if who == "named" else ben)
    assert _texts(mixup) == {"erased"}


def _act(mixup: Mixup, door: Door, made: Any, act: str) -> None:
    """Erase Ada, or undo the decision."""
    if act == "erased":
        _erase(mixup, door.desk.ada)
    else:
        door.undo(made)


@on_sqlite
@pytest.mark.parametrize("first", ["erased", "undone"])
def test_a_line_that_a_further_decision_keeps_has_no_reason_of_an_erased_person(
    mixup: Mixup, door: Door, first: str
) -> None:
    """The line of Ben keeps a word when the decision about Ada's mark is undone."""
    ada, ben = door.desk.ada, door.desk.ben
    late = door.began + timedelta(minutes=9)
    made = door.review(door.see(ada), answer="other", other_person_id=ben, reason=TYPED)
    assert door.review(door.see(ben, late), answer="theirs", reason="").is_success
    assert door.review(door.see(ada, late), answer="other", other_person_id=ben).is_success
    acts = [partial(_act, mixup, door, made, act) for act in ("erased", "undone")]
    for act in acts if first == "erased" else acts[::-1]:
        act()
    assert _texts(mixup) == {"erased"}


@on_sqlite
def test_a_decision_after_the_erasure_writes_no_text(mixup: Mixup, door: Door) -> None:
    ada, ben = door.desk.ada, door.desk.ben
    mark = door.see(ada)
    _erase(mixup, ada)
    made = door.review(mark, answer="other", other_person_id=ben, reason=TYPED)
    assert (made.json()[0]["reason"], door.statuses()[1]) == ("erased", "present")
    assert _texts(mixup) == {"erased"}
    assert TYPED not in door.office.get(f"/lessons/{door.lesson}/people/{ben}").text
    assert door.undo(made) == 204
    assert _texts(mixup) == {"erased"}


def test_a_reason_for_three_people_goes_with_each_of_them(mixup: Mixup, door: Door) -> None:
    """One request decides that marks of Ada and of Cara are Ben's; both have one reason."""
    body = {"student_number": "S3", "given_name": "Cara", "family_name": "Diaz"}
    cara: str = door.desk.post("/people", **body)["id"]
    door.desk.always_on_roster(cara)
    marks = [door.see(door.desk.ada), door.see(cara, door.began + timedelta(minutes=1))]
    made = door.review(*marks, answer="other", other_person_id=door.desk.ben, reason=TYPED)
    assert len(made.json()) == 2
    _erase(mixup, cara)
    assert _texts(mixup) == {"erased"}
