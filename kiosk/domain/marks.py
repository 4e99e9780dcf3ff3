"""Who was marked when: what makes a repeat a repeat, and what "Not me" may undo."""

from dataclasses import dataclass, field

from kiosk.domain.screens import WelcomeStatus


@dataclass(frozen=True, slots=True)
class Mark:
    """A person recorded as seen in a lesson.

    Attributes:
        event_id: of the newest event.
        track_id: of the newest event.
        at_s: monotonic, of the newest event.
        status: of the first event in this lesson; later ones never change it.
        late_min: likewise.
    """

    event_id: str
    person_id: str
    lesson_id: str
    track_id: int
    at_s: float
    status: WelcomeStatus
    late_min: int


@dataclass(slots=True)
class MarkBook:
    """The marks this process made, newest per person and lesson.

    After a restart it is empty: a repeat then makes one more event, which the server folds.
    """

    not_me_pause_s: float
    _marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    _noted_s: dict[str, float] = field(default_factory=dict)
    _voided_at_s: dict[str, float] = field(default_factory=dict)

    def get(self, person_id: str, lesson_id: str) -> Mark | None:
        """The mark of this person in this lesson, if there is one."""
        return self._marks.get((person_id, lesson_id))

    def add(self, mark: Mark) -> None:
        """Remember a mark in place of the one before."""
        self._marks[(mark.person_id, mark.lesson_id)] = mark

    def void(self, mark: Mark, now_s: float) -> None:
        """Forget a mark, and do not believe the same match again at once."""
        self._marks.pop((mark.person_id, mark.lesson_id), None)
        self._voided_at_s[mark.person_id] = now_s

    def is_distrusted(self, person_id: str, now_s: float) -> bool:
        """Whether a match with this person was called wrong just now."""
        voided_at_s = self._voided_at_s.get(person_id)
        return voided_at_s is not None and now_s - voided_at_s < self.not_me_pause_s

    def note(self, person_id: str, now_s: float, window_s: float) -> bool:
        """Note a person who is not marked. False when that was already done within the window."""
        noted_s = self._noted_s.get(person_id)
        if noted_s is not None and now_s - noted_s < window_s:
            return False
        self._noted_s[person_id] = now_s
        return True

    def keep_only(self, lesson_ids: frozenset[str]) -> None:
        """Drop the marks of lessons that are over."""
        self._marks = {key: mark for key, mark in self._marks.items() if key[1] in lesson_ids}
