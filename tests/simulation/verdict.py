"""What must stand in the register, whatever went wrong."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, select

from protocol.v1.fields import parse_message
from protocol.v1.messages import AttendanceEvent, EventKind
from server.attendance.register import AttendanceStatus
from server.attendance.service import Register, registers_between
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.kiosks.tables import LostSpan
from tests.simulation.oracle import Key, Mark, Oracle
from tests.simulation.school import PlannedLesson
from tests.simulation.world import START

_ATTENDED = {AttendanceStatus.PRESENT, AttendanceStatus.LATE}


class Verdict:
    """Compares the register at a moment with what happened until then."""

    def __init__(self, db: Session, oracle: Oracle, *, at: datetime) -> None:
        self._oracle = oracle
        self._at = at
        self._stored = _stored_events(db)
        self._keys = {key for key, _ in self._stored}
        self._kept = {row for row in db.exec(select(QuarantinedEvent.event_id)) if row}
        self._registers = {
            str(one.view.lesson.id): one
            for one in registers_between(db, START, at + timedelta(days=1), at=at)
        }
        self._lines = {key: _lines_of(one) for key, one in self._registers.items()}
        self._lost = [row for row in db.exec(select(LostSpan)) if row.closed_at is None]

    def check_invented(self) -> list[str]:
        """Return events that nobody recorded, and those that are stored more than once."""
        problems = []
        counts = Counter(key for key, _ in self._stored)
        for key, event_id in dict.fromkeys(self._stored):
            if key not in self._oracle.marks:
                problems.append(f"invented: {key} {event_id}")
            elif counts[key] > 1:
                problems.append(f"stored {counts[key]} times: {key} {event_id}")
        return problems

    def check_marks(self, *, is_final: bool) -> list[str]:
        """Return marks that were shown as recorded and that the register denies.

        Args:
            is_final: everything is repaired, so each mark has arrived or is known to be lost.
        """
        marks = [
            mark
            for mark in self._oracle.marks.values()
            if mark.event_id is not None and mark.event_id not in self._oracle.voided
        ]
        found = [self._problem_of(mark, is_final=is_final) for mark in marks if mark.is_shown]
        found += [self._absence_of(mark, is_final=is_final) for mark in marks]
        return [problem for problem in found if problem]

    def _absence_of(self, mark: Mark, *, is_final: bool) -> str:
        """Return that a person is absent whom the kiosk recorded by a wrong clock."""
        line = self._line(mark.true_lesson_id, mark.person_id)
        is_excused = self._oracle.is_excused(mark, is_final=is_final)
        if line is not AttendanceStatus.NOT_SEEN or is_excused:
            return ""
        return f"recorded at {mark.at:%d %H:%M:%S} and absent: {mark.host} {mark.person_id[-4:]}"

    def _problem_of(self, mark: Mark, *, is_final: bool) -> str:
        line = self._line(mark.lesson_id, mark.person_id)
        is_stored = mark.key in self._keys
        name = f"{mark.host} {mark.occurred_at} {mark.person_id[-4:]} {mark.event_id}"
        if line is None or line is AttendanceStatus.EXPECTED:
            return ""
        if line in _ATTENDED:
            is_founded = is_stored or self._has_other(mark)
            return "" if is_founded else f"present without an event: {name}"
        if line is not AttendanceStatus.PENDING:
            is_excused = self._oracle.is_excused(mark, is_final=is_final)
            return "" if is_excused else f"recorded and shown as {line}: {name}"
        is_kept = is_stored or mark.event_id in self._kept or bool(mark.fate)
        is_kept = is_kept or self._is_in_lost_span(mark.lesson_id or "")
        return f"never arrived, shown as {line}: {name}" if is_final and not is_kept else ""

    def _is_in_lost_span(self, lesson_id: str) -> bool:
        """Whether a kiosk of the lesson's room signed that events of this time are lost."""
        register = self._registers[lesson_id]
        lesson = register.view.lesson
        kiosks = {one.kiosk.id for one in register.kiosks}
        return any(
            span.kiosk_id in kiosks
            and span.from_at <= lesson.ends_at
            and span.through_at >= lesson.starts_at
            for span in self._lost
        )

    def _has_other(self, mark: Mark) -> bool:
        """Whether another event says the same of the person in this lesson."""
        return any(
            one.lesson_id == mark.lesson_id and one.person_id == mark.person_id and one is not mark
            for one in self._oracle.marks.values()
        )

    def check_settled(self, lessons: Iterable[PlannedLesson]) -> list[str]:
        """Return what is not decided in lessons that were held without faults."""
        return [problem for lesson in lessons for problem in self._unsettled(lesson)]

    def _unsettled(self, lesson: PlannedLesson) -> list[str]:
        problems = []
        seen = {
            mark.person_id
            for mark in self._oracle.marks.values()
            if mark.is_shown and mark.lesson_id == lesson.id
        }
        for person_id in lesson.students:
            line = self._line(lesson.id, person_id)
            fitting = _ATTENDED if person_id in seen else {AttendanceStatus.NOT_SEEN}
            if line not in fitting:
                problems.append(
                    f"later lesson of door {lesson.door} is not settled:"
                    f" {person_id[-4:]} is {line}, seen: {person_id in seen}"
                )

        return problems

    def _line(self, lesson_id: str | None, person_id: str) -> AttendanceStatus | None:
        return self._lines.get(lesson_id or "", {}).get(person_id)


def _lines_of(register: Register) -> dict[str, AttendanceStatus]:
    return {str(line.person.id): line.mark.status for line in register.lines}


def _stored_events(db: Session) -> list[tuple[Key, str]]:
    found = []
    for body in db.exec(select(StoredEvent.body)):
        event = parse_message(AttendanceEvent, body.encode())
        if event.kind in (EventKind.SEEN, EventKind.NOT_ME):
            occurred_at = event.occurred_at.isoformat(timespec="milliseconds")
            found.append(((str(event.kind), event.person_id or "", occurred_at), event.id))
    return found
