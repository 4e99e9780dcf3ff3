"""The attendant at the door: turns what vision sees into marks on disk and words on the screen."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kiosk.domain.arrivals import DoorArrival, face_grounds
from kiosk.domain.clock import Clock, ClockReading
from kiosk.domain.credentials import CredentialBook
from kiosk.domain.desk import Desk
from kiosk.domain.display import Display, Offer, Result
from kiosk.domain.events import EventDraft
from kiosk.domain.liveness import LivenessReading, Motion
from kiosk.domain.marking import mark_of, remembered_mark, with_first_status
from kiosk.domain.marks import Denial, Mark, MarkBook, MarkMemory
from kiosk.domain.ports import MarkListener, UsedCodes
from kiosk.domain.recorder import Recorder, Stored
from kiosk.domain.roll_call import RollTaker
from kiosk.domain.screens import (
    Elsewhere,
    Looking,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    ProveAlive,
    Ready,
    RunningLesson,
    Screen,
    Welcome,
)
from kiosk.domain.sightings import Recognition, Sighting, SightingKind
from kiosk.domain.timetable import Lesson, Timetable
from kiosk.domain.welcomes import welcome_for
from protocol.v1.messages import (
    ArrivalStatus,
    Direction,
    EventKind,
    asks_direction,
    assumed_direction,
)

_ANSWERED_KEPT = 64
"""Answered (track, person) pairs remembered, so that one who stays is not greeted for ever."""


@dataclass(frozen=True, slots=True)
class AttendantTimings:
    """How long things stay, in seconds.

    Attributes:
        result_s: a result stays on screen at least this long, and as long as "Not me" is offered.
        hold_s: a result is not covered by the next person's screen before this.
        looking_s: Looking ends when nothing was heard of the face for so long: no camera, say.
        duplicate_window_s: overrides the policy's where set.
    """

    result_s: float = 3.0
    hold_s: float = 1.5
    looking_s: float = 2.0
    duplicate_window_s: float | None = None


class Attendant:
    """Decides what a sighting means. Used by one thread; waits for nothing but the outbox.

    Every call returns the screen to show from now on, which is also in ``screen``.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        timetable: Timetable,
        timings: AttendantTimings,
        *,
        memory: MarkMemory | None = None,
        listener: MarkListener | None = None,
    ) -> None:
        self._listener = listener
        self._clock = clock
        self._recorder = recorder
        self._timetable = timetable
        self._timings = timings
        self._book = MarkBook()
        self._recall(memory or MarkMemory())
        self._display = Display(
            Ready(timetable.room_name, None),
            hold_s=timings.hold_s,
            looking_s=timings.looking_s,
            now_s=clock.monotonic_s(),
            stands=self._stands,
        )
        self._answered: deque[tuple[int, str]] = deque(maxlen=_ANSWERED_KEPT)
        self._sent_on: deque[int] = deque(maxlen=_ANSWERED_KEPT)
        self.desk = Desk(self, clock, RollTaker(clock, recorder, self._book, self._marked))
        self._repeats = 0
        self.unmatched_count = 0
        self.refused_count = 0

    @property
    def screen(self) -> Screen:
        """What to show."""
        covering = self.desk.screen
        return self._display.screen if covering is None else covering

    @property
    def timetable(self) -> Timetable:
        """The configuration in force."""
        return self._timetable

    @property
    def display(self) -> Display:
        """What the desk covers while it is open."""
        return self._display

    def configure(self, timetable: Timetable) -> Screen:
        """Take over a new configuration; a result on screen stays until its time is up."""
        self._timetable = timetable
        known = frozenset(lesson.id for lesson in timetable.lessons)
        self._book.keep_only(known)
        self.desk.roll.keep_only(known)
        return self.tick()

    def equip(
        self, book: CredentialBook, server_key: Ed25519PublicKey | None, used: UsedCodes | None
    ) -> Screen:
        """Take over what is known of PINs and cards, and what codes of phones are checked with."""
        self.desk.book, self.desk.server_key, self.desk.used = book, server_key, used
        return self.tick()

    def act(self, action: Callable[[Desk], None]) -> Screen:
        """Do something at the desk, such as trying a PIN."""
        self._let_time_pass()
        action(self.desk)
        return self.tick()

    def handle(self, sighting: Sighting) -> Screen:
        """Take in what vision saw; a mark is on disk before its Welcome is returned."""
        self._let_time_pass()
        was_open = self.desk.is_open
        if sighting.kind is SightingKind.EMPTY:
            self.desk.nobody()
        if sighting.recognition is not None:
            self._recognised(sighting, sighting.recognition)
        elif self.desk.is_open:
            pass  # who types or takes the roll is not told about their face
        elif sighting.kind is SightingKind.LOOKING:
            self._looking(sighting)
        elif sighting.motion is not None:
            self._proving(sighting, sighting.motion)
        elif sighting.kind in (SightingKind.UNKNOWN, SightingKind.REFUSED):
            self._nobody_known(sighting)
        elif sighting.kind is SightingKind.OTHER_WAY:
            self._other_way(sighting)
        else:
            self._display.nobody(self._clock.monotonic_s())
        return self.tick() if was_open else self.screen

    def tick(self) -> Screen:
        """Let time pass: results leave the screen, lessons begin and end, the disk is retried."""
        self.desk.tick()
        self._let_time_pass()
        for stored in self._recorder.retry(self._clock.monotonic_s()):
            self._marked(stored)
        return self.screen

    def not_me(self, answer_id: str = "") -> Screen:
        """Take back an answer while that is offered, also just after it left the screen.

        Args:
            answer_id: of the Welcome that was tapped; empty for that on screen.
        """
        self._let_time_pass()
        now_s = self._clock.monotonic_s()
        result = self._display.offered(answer_id, now_s, self._timetable.not_me_s)
        can_undo = self._timetable.not_me_s > 0  # a button of another kind may be there
        if can_undo and result is not None and result.offer is not None:
            self._display.take_back(result, self._denied(result.offer, now_s), now_s)
        return self.screen

    def change_direction(self, answer_id: str = "") -> Screen:
        """Record that the person leaves now, or stays after all, while an answer offers that.

        Args:
            answer_id: of the Welcome that was tapped; empty for that on screen.
        """
        self._let_time_pass()
        now_s = self._clock.monotonic_s()
        result = self._display.offered(answer_id, now_s, self._stay_s)
        if result is not None and result.offer is not None:
            welcome = result.screen
            if isinstance(welcome, Welcome) and welcome.offers is not None:
                self._turn(result, result.offer, welcome.offers)
        return self.screen

    def _turn(self, result: Result, offer: Offer, direction: Direction) -> None:
        """Record the opposite direction, then say so; the scan's own event stays as it was."""
        now_s = self._clock.monotonic_s()
        clock, shown = self._clock.reading(), offer.mark.status
        lesson = self._timetable.lesson(offer.mark.lesson_id)
        is_open = lesson is not None and lesson.window.is_open(clock.best_at)
        if lesson is None or not is_open or not asks_direction(lesson.policy):  # it would not count
            self._display.take_back(result, self._ready(), now_s)
            return
        draft = replace(offer.draft, clock=clock, direction=direction, shown=shown)
        stored = self._recorder.record(draft, now_s)
        mark = self._marked(stored) if stored else None
        if mark is None:
            self._display.take_back(result, Notice(NoticeReason.NOT_SAVED), now_s)
            return
        others = (*offer.others, offer.mark.event_id) if offer.is_recorded else ()
        new = Offer(mark, draft, offer.earlier, others=others)
        welcome = welcome_for(new, self._timetable, is_changed=True)
        self._display.take_back(result, welcome, now_s, new)

    def _recall(self, memory: MarkMemory) -> None:
        """Take over what the disk remembers from before a restart."""
        now_s, now = self._clock.monotonic_s(), self._clock.reading().best_at
        for kept in memory.marks:
            lesson = self._timetable.lesson(kept.lesson_id)
            mark = remembered_mark(kept, lesson, now, now_s)
            earlier = self._book.get(mark.person_id, mark.lesson_id)
            self._book.add(with_first_status(mark, earlier))
        for denial in memory.denials:
            self._book.deny(denial)

    def _denied(self, offer: Offer, now_s: float) -> Screen:
        """Record that a match was wrong; return what to show.

        A repeat may follow a mark that was right: another person was there before. So the scan of
        now is recorded and voided, and the earlier mark stays.
        """
        if self._listener is not None:
            self._listener.taken_back(offer.mark.person_id)
        event_id: str | None = offer.mark.event_id
        if not offer.is_recorded:
            stored = self._recorder.record(replace(offer.draft, shown=None, direction=None), now_s)
            event_id = stored.event.event_id if stored else None
        for other in offer.others:
            self._book.forget_event(offer.mark.person_id, offer.mark.lesson_id, other)
        self._book.void(offer.mark)
        if offer.earlier is not None:
            self._book.add(offer.earlier)
        evidence = offer.draft.evidence
        if evidence is not None:
            denial = Denial(offer.mark.person_id, offer.mark.lesson_id, evidence.distance)
            self._book.deny(denial)
        draft = replace(
            offer.draft,
            kind=EventKind.NOT_ME,
            clock=self._clock.reading(),
            refers_to=event_id,
            shown=None,
            direction=None,
        )
        voiding = [replace(draft, refers_to=other) for other in offer.others]
        if None in [self._recorder.record(one, now_s) for one in (draft, *voiding)]:
            return Notice(NoticeReason.NOT_SAVED)
        return self._not_recognised(NotRecognisedReason.NOT_ME)

    def _recognised(self, sighting: Sighting, found: Recognition) -> None:
        now_s = self._clock.monotonic_s()
        answered = (sighting.track_id, found.person_id)
        if answered in self._answered:
            return
        self._answered.append(answered)
        clock = self._clock.reading().earlier(max(0.0, now_s - sighting.at_s))
        arrival = DoorArrival(found.person_id, sighting.track_id, clock, now_s, face_grounds(found))
        open_here = [one.id for one in self._timetable.open_here(clock.best_at)]
        if self._book.is_denied(found, open_here):
            self._show(self._not_recognised(NotRecognisedReason.NOT_ME), sighting.track_id)
        elif not self.desk.holds_back(arrival):
            self.check_in(arrival)

    def check_in(self, arrival: DoorArrival) -> None:
        """Mark a person who was identified, or say why not; the same for every way."""
        lesson = self._lesson_for(arrival.person_id, arrival.clock)
        if lesson is None:
            self._not_due_here(arrival)
        else:
            self._arrived(arrival, lesson)

    def _lesson_for(self, person_id: str, clock: ClockReading) -> Lesson | None:
        """The open lesson here that this person is due in.

        One without a mark comes first, and of those one whose check-in is still open.
        """
        here = self._timetable.open_here(clock.best_at)
        due = [lesson for lesson in here if person_id in lesson.roster]
        unmarked = [lesson for lesson in due if self._book.get(person_id, lesson.id) is None]
        unmarked.sort(key=lambda lesson: lesson.window.arrival(clock.best_at) is None)
        return next(iter(unmarked + due), None)

    def _arrived(self, arrival: DoorArrival, lesson: Lesson) -> None:
        earlier = self._book.get(arrival.person_id, lesson.id)
        window_s = self.duplicate_window_s(lesson)
        if earlier is not None and arrival.now_s - earlier.at_s < window_s:
            self._repeat(arrival, lesson, earlier)
        elif self._shown_status(arrival, lesson) is None:
            self._note(arrival, Notice(NoticeReason.CHECK_IN_CLOSED), lesson)
        else:
            self._mark(arrival, lesson, earlier)

    def _repeat(self, arrival: DoorArrival, lesson: Lesson, earlier: Mark) -> None:
        """Say "already on the list"; "Not me" takes back this scan, not the earlier one."""
        draft = self._draft(arrival, lesson)
        self._show_mark(Offer(earlier, draft, earlier, is_recorded=False), arrival.track_id)

    def _mark(self, arrival: DoorArrival, lesson: Lesson, earlier: Mark | None) -> None:
        draft = self._draft(arrival, lesson)
        stored = self._recorder.record(draft, arrival.now_s)
        mark = self._marked(stored) if stored else None
        if mark is None:
            self.show_result(Notice(NoticeReason.NOT_SAVED), arrival.track_id, arrival.person_id)
        else:
            self._show_mark(Offer(mark, draft, earlier), arrival.track_id)
            if stored is not None and stored.draft is draft:  # not one that waited for the disk
                self._tell_marked(mark, draft, arrival.track_id)

    def _stands(self, offer: Offer) -> bool:
        """Whether what an answer says is still so: a teacher may have decided otherwise."""
        mark = offer.mark
        kept = self._book.get(mark.person_id, mark.lesson_id)
        events = self._book.events_of(mark.person_id, mark.lesson_id)
        if kept is None or mark.event_id not in events:
            return False
        return (kept.status, kept.direction) == (mark.status, mark.direction)

    def _tell_marked(self, mark: Mark, draft: EventDraft, track_id: int) -> None:
        if self._listener is not None:
            self._listener.marked(track_id, mark.event_id, draft, self._timetable.not_me_s)

    def _show_mark(self, offer: Offer, track_id: int) -> None:
        welcome = welcome_for(offer, self._timetable)
        if not offer.is_recorded:
            self._repeats += 1
            welcome = replace(welcome, answer_id=f"{welcome.answer_id}.{self._repeats}")
        has_button = welcome.can_undo or welcome.offers is not None
        self.desk.greeted(offer.mark.person_id)
        self._show(welcome, track_id, offer if has_button else None, offer.mark.person_id)

    def _marked(self, stored: Stored) -> Mark | None:
        """Enter a stored event in the book; None when it marks nobody in a lesson known here."""
        draft = stored.draft
        lesson = self._timetable.lesson(draft.lesson_id)
        if lesson is None:
            return None
        earlier = self._book.get(draft.person_id, lesson.id)
        mark = mark_of(stored, lesson, earlier, self._clock.monotonic_s())
        if mark is None:
            return None
        self._book.add(mark)
        self.desk.marked(draft.person_id, lesson.id)
        self._display.drop_unsure(draft.person_id)
        return mark

    def _not_due_here(self, arrival: DoorArrival) -> None:
        person_id, at = arrival.person_id, arrival.clock.best_at
        elsewhere = self._timetable.due_elsewhere(person_id, at)
        if elsewhere is not None:
            name = self._timetable.short_name(person_id)
            self._note(arrival, Elsewhere(name, elsewhere.room_name), None)
        elif self._timetable.open_here(at):
            self._note(arrival, Notice(NoticeReason.NOT_ON_LIST), None)
        else:
            self._note(arrival, Notice(NoticeReason.NOTHING_RUNNING), None)

    def _note(self, arrival: DoorArrival, screen: Screen, lesson: Lesson | None) -> None:
        """Keep the event, once per window: the server may know of a change we have not heard of."""
        window_s = self.duplicate_window_s(None)
        if self._book.note(arrival.person_id, arrival.now_s, window_s):
            self._recorder.record(self._draft(arrival, lesson), arrival.now_s)
        self.show_result(screen, arrival.track_id, arrival.person_id)

    def _draft(self, arrival: DoorArrival, lesson: Lesson | None) -> EventDraft:
        grounds = arrival.grounds
        return EventDraft(
            kind=EventKind.SEEN,
            clock=arrival.clock,
            lesson_id=lesson.id if lesson else None,
            person_id=arrival.person_id,
            policy_version=(lesson or self._timetable).policy_version,
            evidence=grounds.evidence,
            liveness=None if grounds.evidence else self._doubt_about(arrival, lesson),
            shown=self._shown_status(arrival, lesson),
            method=grounds.method,
            second=grounds.second,
            code_id=grounds.code_id,
            by=grounds.by,
            direction=self._direction(arrival, lesson),
        )

    def _doubt_about(self, arrival: DoorArrival, lesson: Lesson | None) -> LivenessReading | None:
        """Return what was said of a face of this person that marked nobody before."""
        return self.desk.roll.doubt_about(arrival.person_id, lesson.id) if lesson else None

    def _direction(self, arrival: DoorArrival, lesson: Lesson | None) -> Direction | None:
        """Whether the person comes or leaves, by the time alone; None where nobody asks."""
        if lesson is None:
            return None
        return assumed_direction(lesson.window, lesson.policy, arrival.clock.best_at)

    def _shown_status(self, arrival: DoorArrival, lesson: Lesson | None) -> ArrivalStatus | None:
        """Return what the person is shown: the first status in this lesson never changes."""
        if lesson is None:
            return None
        earlier = self._book.get(arrival.person_id, lesson.id)
        direction = self._direction(arrival, lesson)
        at = arrival.clock.best_at
        return earlier.status if earlier else lesson.window.arrival(at, direction)

    def _looking(self, sighting: Sighting) -> None:
        if self._has_answer(sighting.track_id) or sighting.track_id in self._sent_on:
            return
        looking = Looking(sighting.progress, sighting.hint)
        self._display.look(looking, sighting.track_id, self._clock.monotonic_s())

    def _proving(self, sighting: Sighting, motion: Motion) -> None:
        if not self._has_answer(sighting.track_id):
            asked = ProveAlive(motion, sighting.progress)
            self._display.look(asked, sighting.track_id, self._clock.monotonic_s())

    def _nobody_known(self, sighting: Sighting) -> None:
        """Show "not recognised"; a picture of a face gets the same answer, to reveal nothing."""
        is_refused = sighting.kind is SightingKind.REFUSED
        is_sent_on = sighting.track_id in self._sent_on and not is_refused
        if self._has_answer(sighting.track_id) or is_sent_on:
            return
        self._answered.append((sighting.track_id, ""))
        if is_refused:
            self.refused_count += 1
        else:
            self.unmatched_count += 1
        self._show(self._not_recognised(), sighting.track_id)

    def _other_way(self, sighting: Sighting) -> None:
        """Offer the other ways to check in. Nothing is counted, recorded or logged.

        The face may be seen after all: the person is then recognised, and asked to prove it.
        """
        if not self._has_answer(sighting.track_id) and sighting.track_id not in self._sent_on:
            self._sent_on.append(sighting.track_id)
            self._show(self._not_recognised(NotRecognisedReason.OTHER_WAY), sighting.track_id)

    def _has_answer(self, track_id: int) -> bool:
        return any(answered_track == track_id for answered_track, _ in self._answered)

    def duplicate_window_s(self, lesson: Lesson | None) -> float:
        """How long a second scan in a lesson is a repeat."""
        if self._timings.duplicate_window_s is not None:
            return self._timings.duplicate_window_s
        return (lesson or self._timetable).policy.duplicate_window_s

    def show_result(self, screen: Screen, track_id: int, person_id: str = "") -> None:
        """Show an answer that marks nobody."""
        self._show(screen, track_id, None, person_id)

    def _not_recognised(
        self, reason: NotRecognisedReason = NotRecognisedReason.NO_MATCH
    ) -> NotRecognised:
        return NotRecognised(reason, self.desk.ways)

    def _let_time_pass(self) -> None:
        self._display.is_covered = self.desk.is_open
        self._display.turn(self._ready(), self._clock.monotonic_s(), stay_s=self._stay_s)

    @property
    def _stay_s(self) -> float:
        """How long a result stays on screen."""
        return max(self._timings.result_s, self._timetable.not_me_s)

    def _show(
        self, screen: Screen, track_id: int, offer: Offer | None = None, person_id: str = ""
    ) -> None:
        result = Result(screen, track_id, offer, person_id)
        self._display.answer(result, self._clock.monotonic_s())

    def _ready(self) -> Ready:
        at = self._clock.reading().best_at
        lessons = self._timetable.open_here(at)
        running = None
        if lessons:
            first = lessons[0]
            running = RunningLesson(first.title, first.starts_at, first.ends_at)
        is_holiday = self._timetable.is_holiday(at)
        return Ready(self._timetable.room_name, running, self.desk.ways, is_holiday)
