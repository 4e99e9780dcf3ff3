"""The attendant at the door: turns what vision sees into marks on disk and words on the screen."""

from collections import deque
from dataclasses import dataclass, replace

from kiosk.domain.clock import Clock, ClockReading
from kiosk.domain.display import Display, Result
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.liveness import Motion
from kiosk.domain.marks import Mark, MarkBook
from kiosk.domain.recorder import Recorder, Stored
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
    WelcomeStatus,
)
from kiosk.domain.sightings import Recognition, Sighting, SightingKind
from kiosk.domain.timetable import Lesson, Standing, Timetable
from protocol.v1.messages import EventKind

_ANSWERED_KEPT = 64
"""Answered (track, person) pairs remembered, so that one who stays is not greeted for ever."""


@dataclass(frozen=True, slots=True)
class AttendantTimings:
    """How long things stay, in seconds.

    Attributes:
        result_s: a result stays on screen at least this long, and as long as "Not me" is offered.
        hold_s: a result is not covered by the next person's screen before this.
        looking_s: Looking ends when nothing was heard of the face for so long: no camera, say.
        not_me_pause_s: after "Not me", how long a match with the same person is not believed.
        duplicate_window_s: overrides the policy's where set.
    """

    result_s: float = 3.0
    hold_s: float = 1.5
    looking_s: float = 2.0
    not_me_pause_s: float = 10.0
    duplicate_window_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A believed recognition: who, on which track, and the clock at the moment of capture."""

    found: Recognition
    track_id: int
    clock: ClockReading
    now_s: float


class Attendant:
    """Decides what a sighting means. Used by one thread; waits for nothing but the outbox.

    Every call returns the screen to show from now on, which is also in ``screen``.
    """

    def __init__(
        self, clock: Clock, recorder: Recorder, timetable: Timetable, timings: AttendantTimings
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._timetable = timetable
        self._timings = timings
        self._book = MarkBook(timings.not_me_pause_s)
        self._display = Display(
            self._ready(),
            hold_s=timings.hold_s,
            looking_s=timings.looking_s,
            now_s=clock.monotonic_s(),
        )
        self._answered: deque[tuple[int, str]] = deque(maxlen=_ANSWERED_KEPT)
        self.unmatched_count = 0
        self.refused_count = 0

    @property
    def screen(self) -> Screen:
        """What to show."""
        return self._display.screen

    def configure(self, timetable: Timetable) -> Screen:
        """Take over a new configuration; a result on screen stays until its time is up."""
        self._timetable = timetable
        self._book.keep_only(frozenset(lesson.id for lesson in timetable.lessons))
        return self.tick()

    def handle(self, sighting: Sighting) -> Screen:
        """Take in what vision saw; a mark is on disk before its Welcome is returned."""
        self._let_time_pass()
        if sighting.recognition is not None:
            self._recognised(sighting, sighting.recognition)
        elif sighting.kind is SightingKind.LOOKING:
            self._looking(sighting)
        elif sighting.motion is not None:
            self._proving(sighting, sighting.motion)
        elif sighting.kind in (SightingKind.UNKNOWN, SightingKind.REFUSED):
            self._nobody_known(sighting)
        else:
            self._display.nobody(self._clock.monotonic_s())
        return self.screen

    def tick(self) -> Screen:
        """Let time pass: results leave the screen, lessons begin and end, the disk is retried."""
        self._let_time_pass()
        for stored in self._recorder.retry(self._clock.monotonic_s()):
            self._marked(stored, track_id=-1)
        return self.screen

    def not_me(self, event_id: str = "") -> Screen:
        """Void a mark while that is offered, also when its Welcome has just left the screen.

        Args:
            event_id: of the mark, as in the Welcome that was tapped; empty for that on screen.
        """
        self._let_time_pass()
        now_s = self._clock.monotonic_s()
        result = self._display.offered(event_id, now_s, self._timetable.not_me_s)
        if result is not None and result.mark is not None:
            self._display.take_back(result, self._voided(result.mark, now_s), now_s)
        return self.screen

    def _voided(self, mark: Mark, now_s: float) -> Screen:
        """Record that a mark was wrong; what to show."""
        draft = EventDraft(
            kind=EventKind.NOT_ME,
            clock=self._clock.reading(),
            lesson_id=mark.lesson_id,
            person_id=mark.person_id,
            policy_version=self._timetable.policy.version,
            refers_to=mark.event_id,
        )
        self._book.void(mark, now_s)
        if self._recorder.record(draft, now_s) is None:
            return Notice(NoticeReason.NOT_SAVED)
        return NotRecognised(NotRecognisedReason.NOT_ME)

    def _recognised(self, sighting: Sighting, found: Recognition) -> None:
        now_s = self._clock.monotonic_s()
        answered = (sighting.track_id, found.person_id)
        if answered in self._answered:
            return
        self._answered.append(answered)
        if self._book.is_distrusted(found.person_id, now_s):
            self._show(NotRecognised(NotRecognisedReason.NOT_ME), sighting.track_id)
            return
        clock = self._clock.reading().earlier(max(0.0, now_s - sighting.at_s))
        arrival = _Arrival(found, sighting.track_id, clock, now_s)
        lesson = self._lesson_for(found.person_id, clock)
        if lesson is None:
            self._not_due_here(arrival)
        else:
            self._arrived(arrival, lesson)

    def _lesson_for(self, person_id: str, clock: ClockReading) -> Lesson | None:
        """The open lesson here that this person is due in; one without a mark comes first."""
        here = self._timetable.open_here(clock.best_at)
        due = [lesson for lesson in here if person_id in lesson.roster]
        unmarked = [lesson for lesson in due if self._book.get(person_id, lesson.id) is None]
        return next(iter(unmarked + due), None)

    def _arrived(self, arrival: _Arrival, lesson: Lesson) -> None:
        earlier = self._book.get(arrival.found.person_id, lesson.id)
        window_s = self._duplicate_window_s(lesson)
        if earlier is not None and arrival.now_s - earlier.at_s < window_s:
            self._show(self._welcome(earlier, already_marked=True), arrival.track_id)
        elif earlier is None and lesson.standing(arrival.clock.best_at) is Standing.CLOSED:
            self._note(arrival, Notice(NoticeReason.CHECK_IN_CLOSED), lesson.id)
        else:
            self._mark(arrival, lesson)

    def _mark(self, arrival: _Arrival, lesson: Lesson) -> None:
        stored = self._recorder.record(self._draft(arrival, lesson.id), arrival.now_s)
        mark = self._marked(stored, arrival.track_id) if stored else None
        if mark is None:
            self._show(Notice(NoticeReason.NOT_SAVED), arrival.track_id)
            return
        can_undo = self._timetable.not_me_s > 0
        welcome = self._welcome(mark, already_marked=False)
        self._show(welcome, arrival.track_id, mark if can_undo else None)

    def _marked(self, stored: Stored, track_id: int) -> Mark | None:
        """Enter a stored event in the book; None when it marks nobody in a lesson known here."""
        draft = stored.draft
        lesson = self._timetable.lesson(draft.lesson_id)
        if lesson is None or draft.kind is not EventKind.SEEN:
            return None
        arrived_at = draft.clock.best_at
        is_late = lesson.standing(arrived_at) is not Standing.PRESENT
        mark = Mark(
            event_id=stored.event.event_id,
            person_id=draft.person_id,
            lesson_id=lesson.id,
            track_id=track_id,
            at_s=self._clock.monotonic_s(),
            status=WelcomeStatus.LATE if is_late else WelcomeStatus.PRESENT,
            late_min=lesson.late_min(arrived_at) if is_late else 0,
        )
        earlier = self._book.get(draft.person_id, lesson.id)
        if earlier is not None:
            mark = replace(mark, status=earlier.status, late_min=earlier.late_min)
        self._book.add(mark)
        return mark

    def _not_due_here(self, arrival: _Arrival) -> None:
        person_id, at = arrival.found.person_id, arrival.clock.best_at
        elsewhere = self._timetable.due_elsewhere(person_id, at)
        if elsewhere is not None:
            name = self._timetable.short_name(person_id)
            self._note(arrival, Elsewhere(name, elsewhere.room_name), None)
        elif self._timetable.open_here(at):
            self._note(arrival, Notice(NoticeReason.NOT_ON_LIST), None)
        else:
            self._note(arrival, Notice(NoticeReason.NOTHING_RUNNING), None)

    def _note(self, arrival: _Arrival, screen: Screen, lesson_id: str | None) -> None:
        """Keep the event, once per window: the server may know of a change we have not heard of."""
        window_s = self._duplicate_window_s(None)
        if self._book.note(arrival.found.person_id, arrival.now_s, window_s):
            self._recorder.record(self._draft(arrival, lesson_id), arrival.now_s)
        self._show(screen, arrival.track_id)

    def _draft(self, arrival: _Arrival, lesson_id: str | None) -> EventDraft:
        found = arrival.found
        return EventDraft(
            kind=EventKind.SEEN,
            clock=arrival.clock,
            lesson_id=lesson_id,
            person_id=found.person_id,
            policy_version=self._timetable.policy.version,
            evidence=MatchEvidence(
                distance=found.distance,
                margin=found.margin,
                threshold=found.threshold,
                quality=found.quality,
                model_id=found.model_id,
                liveness=found.liveness,
            ),
        )

    def _looking(self, sighting: Sighting) -> None:
        if self._has_answer(sighting.track_id):
            return
        looking = Looking(sighting.progress, sighting.hint)
        self._display.look(looking, sighting.track_id, self._clock.monotonic_s())

    def _proving(self, sighting: Sighting, motion: Motion) -> None:
        if not self._has_answer(sighting.track_id):
            now_s = self._clock.monotonic_s()
            self._display.look(ProveAlive(motion), sighting.track_id, now_s)

    def _nobody_known(self, sighting: Sighting) -> None:
        """A picture of somebody gets the answer of a stranger, so that nothing is learnt."""
        if self._has_answer(sighting.track_id):
            return
        self._answered.append((sighting.track_id, ""))
        if sighting.kind is SightingKind.REFUSED:
            self.refused_count += 1
        else:
            self.unmatched_count += 1
        self._show(NotRecognised(), sighting.track_id)

    def _has_answer(self, track_id: int) -> bool:
        return any(answered_track == track_id for answered_track, _ in self._answered)

    def _welcome(self, mark: Mark, *, already_marked: bool) -> Welcome:
        return Welcome(
            display_name=self._timetable.short_name(mark.person_id),
            status=mark.status,
            late_min=mark.late_min,
            can_undo=not already_marked and self._timetable.not_me_s > 0,
            already_marked=already_marked,
            event_id=mark.event_id,
        )

    def _duplicate_window_s(self, lesson: Lesson | None) -> float:
        if self._timings.duplicate_window_s is not None:
            return self._timings.duplicate_window_s
        return (lesson or self._timetable).policy.duplicate_window_s

    def _let_time_pass(self) -> None:
        stay_s = max(self._timings.result_s, self._timetable.not_me_s)
        self._display.turn(self._ready(), self._clock.monotonic_s(), stay_s=stay_s)

    def _show(self, screen: Screen, track_id: int, mark: Mark | None = None) -> None:
        self._display.answer(Result(screen, track_id, mark), self._clock.monotonic_s())

    def _ready(self) -> Ready:
        lessons = self._timetable.open_here(self._clock.reading().best_at)
        running = None
        if lessons:
            first = lessons[0]
            running = RunningLesson(first.title, first.starts_at, first.ends_at)
        return Ready(self._timetable.room_name, running)
