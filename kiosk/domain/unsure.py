"""Faces that mark nobody alone: where they are due, what else can prove them, and who waits."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.domain.arrivals import DoorArrival
from kiosk.domain.clock import Clock
from kiosk.domain.credentials import CredentialBook
from kiosk.domain.door import Door
from kiosk.domain.roll_call import RollTaker
from kiosk.domain.screens import (
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    PinPurpose,
)
from kiosk.domain.timetable import Lesson, Timetable
from protocol.v1.messages import CardKind, Fallback, Holder, HolderKind, asks_direction

KEPT_S = 25.0
"""An unsure face that came while the desk was busy is answered so long after, at most."""
_MOST_KEPT = 4


@dataclass(slots=True)
class KeptFaces:
    """Unsure faces that came while the desk was busy with another person, oldest first."""

    _by_track: dict[int, DoorArrival] = field(default_factory=dict)

    def keep(self, arrival: DoorArrival) -> None:
        """Keep a face, in place of an earlier one of its track; of many the newest are kept."""
        self._by_track.pop(arrival.track_id, None)
        self._by_track[arrival.track_id] = arrival
        if len(self._by_track) > _MOST_KEPT:
            del self._by_track[next(iter(self._by_track))]

    def next(self, now_s: float) -> DoorArrival | None:
        """Return who is to be answered next; those who came too long ago are forgotten."""
        kept = self._by_track.items()
        self._by_track = {track: one for track, one in kept if now_s - one.now_s <= KEPT_S}
        return next(iter(self._by_track.values()), None)

    def forget(self, person_id: str) -> None:
        """Forget a person who has an answer."""
        kept = self._by_track.items()
        self._by_track = {track: one for track, one in kept if one.person_id != person_id}

    def clear(self) -> None:
        """Forget all: nobody is there any more."""
        self._by_track.clear()


def lessons_of(timetable: Timetable, arrival: DoorArrival) -> list[Lesson]:
    """Return the lessons open here that the person is due in."""
    open_here = timetable.open_here(arrival.clock.best_at)
    return [lesson for lesson in open_here if arrival.person_id in lesson.roster]


def look_alikes_due(timetable: Timetable, arrival: DoorArrival) -> frozenset[str]:
    """Return who is due here and is easily confused with the person."""
    due = timetable.expected_at(arrival.clock.best_at)
    pairs = (pair for pair in timetable.look_alikes if arrival.person_id in pair)
    return frozenset().union(*pairs) & due - {arrival.person_id}


def takes_pin_of(holder: Holder | None, ways: Collection[Fallback]) -> bool:
    """Return whether a PIN alone proves this person here."""
    return Fallback.PIN in ways and holder is not None and holder.pin is not None


def has_way(
    holder: Holder | None, ways: Collection[Fallback], allowed: Collection[Fallback]
) -> bool:
    """Return whether a PIN or card proves this person here: most cards need a PIN too.

    Args:
        holder: what is known of the person's PIN and cards.
        ways: that exist at this kiosk now.
        allowed: by the policy.
    """
    if holder is None or takes_pin_of(holder, ways):
        return holder is not None
    if Fallback.CARD not in ways:
        return False
    counts_alone = Fallback.CARD_ALONE in allowed
    return any(
        holder.pin is not None or (counts_alone and card.kind != CardKind.PRINTED)
        for card in holder.cards
    )


def words_without_pad(
    timetable: Timetable, arrival: DoorArrival, ways: tuple[Fallback, ...], *, is_leaving: bool
) -> Notice | NotRecognised:
    """Return what an unsure face reads where no pad opens; no name is shown.

    Args:
        timetable: in force.
        arrival: of the face.
        ways: that exist at this kiosk now.
        is_leaving: whether the person is on the list already.
    """
    if not timetable.open_here(arrival.clock.best_at):
        return Notice(NoticeReason.NOTHING_RUNNING)
    if not lessons_of(timetable, arrival):
        return Notice(NoticeReason.NOT_ON_LIST)
    if is_leaving:
        return NotRecognised(NotRecognisedReason.UNSURE_LEAVING, ways)
    return NotRecognised(NotRecognisedReason.UNSURE, ways)


class AskingDesk(Protocol):
    """What asks a face for its second factor."""

    book: CredentialBook

    @property
    def is_open(self) -> bool:
        """Whether something is asked, or the roll is taken."""
        ...

    @property
    def ways(self) -> tuple[Fallback, ...]:
        """The ways that exist here now."""
        ...

    def asks(self, person_id: str) -> bool:
        """Whether the pad is open for this person's face."""
        ...

    def ask_for(self, arrival: DoorArrival, purpose: PinPurpose) -> None:
        """Ask a face for its second factor."""
        ...


@dataclass(slots=True)
class FaceQuestions:
    """Decides what is asked of a face that marks nobody alone. Used by the attendant's thread.

    Attributes:
        desk: asks.
        door: shows answers.
        clock: of the kiosk.
        roll: where a teacher finds what is left open.
        kept: who came while the desk was busy.
    """

    desk: AskingDesk
    door: Door
    clock: Clock
    roll: RollTaker
    kept: KeptFaces = field(default_factory=KeptFaces)

    def hold_back(self, arrival: DoorArrival) -> bool:
        """Ask for more where a face alone marks nobody; False where the match stands alone.

        A face that may be a picture is always held back. One that is easily confused with another
        one due here is, where the person has another way. While the desk is busy with another
        person nothing is asked: an unsure face waits a little, a look-alike goes to the teacher.
        """
        if not arrival.grounds.is_proven:
            self._answer(arrival)
            return True
        others = look_alikes_due(self.door.timetable, arrival)
        if not others or not self._can_prove(arrival) or self._is_marked(arrival):
            return False
        if not self.desk.is_open and not self.door.display.shows(arrival.person_id):
            self.desk.ask_for(arrival, PinPurpose.LOOK_ALIKE)
        elif not self.desk.asks(arrival.person_id):
            self.note_doubt(arrival)
        return True

    def answer_kept(self) -> None:
        """Answer the next unsure face that came while the desk was busy."""
        now_s = self.clock.monotonic_s()
        arrival = self.kept.next(now_s)
        if arrival is not None and self.door.display.is_free_for(arrival.track_id, now_s):
            self.kept.forget(arrival.person_id)
            self._answer(arrival)

    def note_doubt(self, arrival: DoorArrival) -> None:
        """Make the face a question in the roll."""
        for lesson in self._lessons_of(arrival):
            self.roll.doubt(arrival.person_id, lesson.id, arrival.grounds.doubted)

    def settle(self, arrival: DoorArrival) -> None:
        """Take the question about the face out of the roll."""
        for lesson in self._lessons_of(arrival):
            self.roll.settle(arrival.person_id, lesson.id)

    def is_on_a_list(self, arrival: DoorArrival) -> bool:
        """Whether the person is on the list of a lesson that is open here for them."""
        lessons = self._lessons_of(arrival)
        return any(self.roll.book.get(arrival.person_id, lesson.id) for lesson in lessons)

    def takes_pin_of(self, arrival: DoorArrival) -> bool:
        """Whether a PIN alone proves this person here."""
        return takes_pin_of(self._person_of(arrival), self.desk.ways)

    def _answer(self, arrival: DoorArrival) -> None:
        """Ask for a second factor, or say that there is another way; no name is shown.

        The doubt about a face that is asked is noted when its pad closes without an answer.
        """
        person_id = arrival.person_id
        if self._is_repeat(arrival) or self.desk.asks(person_id):
            return
        is_free = not self.desk.is_open and not self.door.display.shows(person_id)
        if is_free and self._lessons_of(arrival) and self._can_prove(arrival):
            self.kept.forget(person_id)
            self.desk.ask_for(arrival, PinPurpose.UNSURE)
            return
        self.note_doubt(arrival)
        if self.desk.is_open:
            self.kept.keep(arrival)
        elif is_free:
            is_leaving = self._is_marked(arrival)
            timetable, ways = self.door.timetable, self.desk.ways
            screen = words_without_pad(timetable, arrival, ways, is_leaving=is_leaving)
            self.door.show_result(screen, arrival.track_id, person_id)

    def _is_repeat(self, arrival: DoorArrival) -> bool:
        """Whether a scan now would only repeat what is on the list."""
        if not self._is_marked(arrival):
            return False
        lesson = self._lessons_of(arrival)[0]
        mark = self.roll.book.get(arrival.person_id, lesson.id)
        window_s = self.door.duplicate_window_s(lesson)
        is_soon = mark is not None and arrival.now_s - mark.at_s < window_s
        return is_soon or not asks_direction(lesson.policy)

    def _can_prove(self, arrival: DoorArrival) -> bool:
        return has_way(self._person_of(arrival), self.desk.ways, self.door.timetable.fallbacks)

    def _person_of(self, arrival: DoorArrival) -> Holder | None:
        return self.desk.book.holder(arrival.person_id, HolderKind.PERSON)

    def _is_marked(self, arrival: DoorArrival) -> bool:
        """Whether the person is on the list of every lesson that is open here for them."""
        lessons = self._lessons_of(arrival)
        return bool(lessons) and all(
            self.roll.book.get(arrival.person_id, lesson.id) for lesson in lessons
        )

    def _lessons_of(self, arrival: DoorArrival) -> list[Lesson]:
        return lessons_of(self.door.timetable, arrival)
