"""Roll-call: a teacher's taps become events; each is on disk before its row changes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kiosk.domain.clock import Clock
from kiosk.domain.events import EventDraft
from kiosk.domain.liveness import LivenessReading
from kiosk.domain.marks import Mark, MarkBook
from kiosk.domain.recorder import Recorder, Stored
from kiosk.domain.screens import RollCall, RollMark, RollRow, RunningLesson
from kiosk.domain.timetable import Lesson, Timetable
from protocol.v1.messages import ArrivalStatus, EventKind, EventMethod, Holder

_NEXT = {
    None: ArrivalStatus.PRESENT,
    ArrivalStatus.PRESENT: ArrivalStatus.LATE,
    ArrivalStatus.LATE: None,
}
"""What a tap makes of a row: present, late, then nothing again."""


@dataclass(slots=True)
class RollTaker:
    """Marks the students of one lesson by a teacher's word. Used by the attendant's thread.

    Attributes:
        clock: for the events.
        recorder: where they go.
        book: what this kiosk has marked.
        on_stored: enters a stored mark in the book.
        doubted: by lesson and person, the faces that marked nobody and that a teacher must decide
            about, with what the liveness check said; None where the face was alive but may be a
            look-alike's.
    """

    clock: Clock
    recorder: Recorder
    book: MarkBook
    on_stored: Callable[[Stored], Mark | None]
    doubted: dict[str, dict[str, LivenessReading | None]] = field(default_factory=dict)

    def doubt(
        self, person_id: str, lesson_id: str, liveness: LivenessReading | None = None
    ) -> None:
        """Note that a face was seen that may have been this person's."""
        if self.book.get(person_id, lesson_id) is None:
            people = self.doubted.setdefault(lesson_id, {})
            people[person_id] = liveness or people.get(person_id)

    def doubt_about(self, person_id: str, lesson_id: str) -> LivenessReading | None:
        """Return what the liveness check said of a face that marked nobody."""
        return self.doubted.get(lesson_id, {}).get(person_id)

    def settle(self, person_id: str, lesson_id: str) -> None:
        """Forget a doubt: the person was marked."""
        self.doubted.get(lesson_id, {}).pop(person_id, None)

    def keep_only(self, lesson_ids: frozenset[str]) -> None:
        """Forget the doubts about lessons that are over."""
        self.doubted = {key: who for key, who in self.doubted.items() if key in lesson_ids}

    def lesson_now(self, timetable: Timetable) -> Lesson | None:
        """Return the lesson whose roll is taken: the one that runs here, else the next one."""
        return next(iter(timetable.open_here(self.clock.reading().best_at)), None)

    def screen(self, timetable: Timetable, lesson_id: str | None, teacher: Holder) -> RollCall:
        """Return the roster as it stands."""
        lesson = timetable.lesson(lesson_id)
        if lesson is None:
            return RollCall(None, teacher.name)
        rows = [self._row(timetable, lesson, person_id) for person_id in lesson.roster]
        rows.sort(key=lambda row: (not row.needs_teacher, row.display_name, row.person_id))
        running = RunningLesson(lesson.title, lesson.starts_at, lesson.ends_at)
        return RollCall(running, teacher.name, tuple(rows))

    def tap(self, lesson: Lesson, person_id: str, seen: RollMark, teacher: Holder) -> bool:
        """Change a row. False where the disk refused and nothing changed.

        Args:
            lesson: whose roll is taken.
            person_id: of the row.
            seen: how the row stood when it was tapped. Where the person was marked meanwhile, the
                tap was meant for another state, and only shows the new one.
            teacher: who tapped.
        """
        mark = self.book.get(person_id, lesson.id)
        if person_id not in lesson.roster or _roll_mark(mark) is not seen:
            return True
        status = _NEXT[mark.status if mark else None]
        draft = EventDraft(
            kind=EventKind.ROLL_CALL,
            clock=self.clock.reading(),
            lesson_id=lesson.id,
            person_id=person_id,
            policy_version=lesson.policy_version,
            liveness=self.doubt_about(person_id, lesson.id),
            shown=status,
            method=EventMethod.TEACHER,
            by=teacher.id,
        )
        return self._take_back(draft) if status is None else self._state(draft)

    def _state(self, draft: EventDraft) -> bool:
        stored = self.recorder.record(draft, self.clock.monotonic_s(), is_patient=False)
        if stored is None:
            return False
        self.on_stored(stored)
        return True

    def _take_back(self, draft: EventDraft) -> bool:
        """Void every event of the person in the lesson; what the disk refuses stays marked."""
        lesson_id = draft.lesson_id or ""
        for event_id in self.book.events_of(draft.person_id, lesson_id):
            voiding = EventDraft(
                kind=EventKind.NOT_ME,
                clock=draft.clock,
                lesson_id=draft.lesson_id,
                person_id=draft.person_id,
                policy_version=draft.policy_version,
                refers_to=event_id,
                method=EventMethod.TEACHER,
                by=draft.by,
            )
            now_s = self.clock.monotonic_s()
            if self.recorder.record(voiding, now_s, is_patient=False) is None:
                return False
            self.book.forget_event(draft.person_id, lesson_id, event_id)
        return True

    def _row(self, timetable: Timetable, lesson: Lesson, person_id: str) -> RollRow:
        mark = self.book.get(person_id, lesson.id)
        return RollRow(
            person_id=person_id,
            display_name=timetable.short_name(person_id),
            mark=_roll_mark(mark),
            needs_teacher=mark is None and person_id in self.doubted.get(lesson.id, ()),
        )


def _roll_mark(mark: Mark | None) -> RollMark:
    return RollMark(mark.status.value) if mark else RollMark.NONE
