"""A face that shows too little to be compared: another way to check in, and nothing on record."""

import logging

import pytest

from kiosk.domain.liveness import Motion
from kiosk.domain.screens import NotRecognised, NotRecognisedReason, ProveAlive, Screen
from kiosk.domain.sightings import Sighting
from tests.unit.kiosk.domain.door import ON_TIME, READY, Door

OTHER_WAY = NotRecognised(NotRecognisedReason.OTHER_WAY)


def sent_on(door: Door, track: int) -> Screen:
    return door.attendant.handle(Sighting.other_way(track, door.clock.monotonic_s()))


def test_another_way_is_offered_and_nothing_is_counted_recorded_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    door = Door()

    assert sent_on(door, 1) == OTHER_WAY

    assert (door.attendant.unmatched_count, door.attendant.refused_count) == (0, 0)
    assert door.outbox.drafts == []
    assert caplog.records == []


def test_the_offer_leaves_the_screen_when_its_time_is_up() -> None:
    door = Door()
    sent_on(door, 1)
    door.clock.advance(60)

    assert door.attendant.tick() == READY


def test_who_was_sent_on_is_not_counted_as_unknown_afterwards() -> None:
    door = Door()
    sent_on(door, 1)

    assert door.stranger(1) == OTHER_WAY
    assert door.attendant.unmatched_count == 0


def test_who_was_sent_on_may_be_recognised_afterwards() -> None:
    door = Door()
    sent_on(door, 1)

    assert door.comes("p1", track=1) == ON_TIME
    assert len(door.outbox.drafts) == 1


def test_the_offer_does_not_cover_another_persons_result_at_once() -> None:
    door = Door()
    door.comes("p1", track=1)

    assert sent_on(door, 2) == ON_TIME
    door.clock.advance(2)
    assert door.attendant.tick() == OTHER_WAY


def test_who_was_sent_on_is_still_asked_to_prove_that_they_are_alive() -> None:
    door = Door()
    sent_on(door, 1)
    door.clock.advance(60)

    shown = door.attendant.handle(Sighting.proving(1, door.clock.monotonic_s(), Motion.BLINK))

    assert shown == ProveAlive(Motion.BLINK)


def test_a_picture_of_a_face_counts_as_refused_though_it_was_covered_first() -> None:
    door = Door()
    sent_on(door, 1)

    door.attendant.handle(Sighting.refused(1, door.clock.monotonic_s()))

    assert door.attendant.refused_count == 1
