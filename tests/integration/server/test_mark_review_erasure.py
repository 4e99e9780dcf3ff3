"""Erasing one person also erases what a decision about marks wrote on another person's line."""

import pytest
from sqlmodel import select

from server.attendance.tables import Correction
from server.mark_reviews.tables import MarkReview
from tests.integration.server.test_enrolment_moves import Mixup, mixup
from tests.integration.server.test_mark_reviews import Door, door

__all__ = ["door", "mixup"]
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
