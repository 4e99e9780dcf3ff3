"""How many face marks students took back, from events as kiosks send them."""

from datetime import timedelta
from typing import Any

import pytest

from protocol.v1.messages import RawEvent
from server.attendance.false_matches import FalseMatches, count_false_matches
from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration


def _counted(school: School) -> FalseMatches:
    with school.database.reading() as db:
        return count_false_matches(db, at=now())


def _not_me(device: SimulatedKiosk, mark: RawEvent | None, **fields: Any) -> RawEvent:
    refers_to = None if mark is None else mark["id"]
    return device.event(now(), kind="not_me", refers_to=refers_to, **fields)


def test_without_events_there_are_no_marks(school: School) -> None:
    assert _counted(school) == FalseMatches(0, 0)


def test_marks_and_those_taken_back_are_counted(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    marks = device.events(5, now(), person_id=ada)
    school.send(device, *marks, _not_me(device, marks[1], person_id=ada))
    assert _counted(school) == FalseMatches(5, 1)


def test_two_objections_to_one_mark_count_once(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    (mark,) = device.events(1, now(), person_id=ada)
    school.send(device, mark, _not_me(device, mark), _not_me(device, mark))
    assert _counted(school) == FalseMatches(1, 1)


def test_an_objection_that_names_no_event_stands_for_a_mark_that_was_not_stored(
    school: School,
) -> None:
    device, ada = school.kiosk(), school.person()
    marks = device.events(2, now(), person_id=ada)
    school.send(device, *marks, _not_me(device, None, person_id=ada))
    assert _counted(school) == FalseMatches(3, 1)


def test_other_methods_and_marks_of_nobody_do_not_count(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    by_hand = device.event(now(), person_id=ada, kind="roll_call", method="teacher")
    by_code = device.event(now(), person_id=ada, method="qr")
    of_nobody = device.event(now())
    objections = [_not_me(device, one) for one in (by_hand, by_code, of_nobody)]
    school.send(device, by_hand, by_code, of_nobody, *objections)
    assert _counted(school) == FalseMatches(0, 0)


def test_a_kiosk_takes_back_its_own_marks_only(school: School) -> None:
    device, other, ada = school.kiosk(), school.kiosk(), school.person()
    (mark,) = device.events(1, now(), person_id=ada)
    school.send(device, mark)
    school.send(other, _not_me(other, mark))
    assert _counted(school) == FalseMatches(1, 0)


def test_only_the_last_ninety_days_count(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    old, recent = (device.event(now() - timedelta(days=days), person_id=ada) for days in (91, 89))
    objections = [
        device.event(now() - timedelta(days=days), kind="not_me", refers_to=mark["id"])
        for days, mark in ((91, old), (89, recent))
    ]
    school.send(device, old, recent, *objections)
    assert _counted(school) == FalseMatches(1, 1)


def test_marks_of_a_revoked_kiosk_still_count(school: School) -> None:
    device, ada = school.kiosk(), school.person()
    school.send(device, *device.events(2, now(), person_id=ada))
    school.revoke(device)
    assert _counted(school) == FalseMatches(2, 0)
