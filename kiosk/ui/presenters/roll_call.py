"""Roll-call: the roster of the lesson, and the teacher's taps."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from kiosk.domain.screens import RollCall, RollMark, RollRow
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.roll_rows import RollRowModel, RollRowView
from kiosk.ui.presenters.view import ViewPresenter
from kiosk.ui.qml_property import qml_property

PENDING_S = 3.0
"""A tap that nothing answered within this time may be repeated."""


@dataclass(frozen=True, slots=True)
class RollCallView:
    """What stands above the rows; ``empty`` is said in place of rows."""

    title: str = ""
    teacher: str = ""
    hours: str = ""
    count: str = ""
    hint: str = ""
    failed: bool = False
    empty: str = ""
    done: str = ""


def roll_call_view(screen: RollCall, words: Catalogue) -> RollCallView:
    """Choose the words above the rows."""
    done, lesson = words("roll.done"), screen.lesson
    teacher = words("roll.by", teacher=screen.teacher)
    if lesson is None:
        empty = words("ready.no_lesson")
        return RollCallView(words("roll.title"), teacher, empty=empty, done=done)
    marked = sum(row.mark is not RollMark.NONE for row in screen.rows)
    return RollCallView(
        title=lesson.title,
        teacher=teacher,
        hours=words.time_range(lesson.starts_at, lesson.ends_at),
        count=words("roll.count", marked=str(marked), total=str(len(screen.rows))),
        hint=words(_hint(screen)),
        failed=screen.is_unsaved or screen.is_busy,
        empty="" if screen.rows else words("roll.nobody"),
        done=done,
    )


def _hint(screen: RollCall) -> str:
    if screen.is_unsaved:
        return "roll.unsaved"
    return "roll.busy" if screen.is_busy else "roll.hint"


class RollCallPresenter(ViewPresenter[RollCallView]):
    """Shows who is marked on disk, and which taps are on their way there.

    Signals:
        student_tapped: a row that may be changed now: the person's id, and its mark (str, str).
    """

    student_tapped = Signal(str, str)

    def __init__(self, words: Catalogue, *, monotonic_s: Callable[[], float]) -> None:
        super().__init__(RollCallView(), words)
        self._monotonic_s = monotonic_s
        self._screen: RollCall | None = None
        self._pending: dict[str, float] = {}
        self.row_model = RollRowModel(self)

    def show(self, screen: RollCall) -> None:
        """Show this state. Rows keep their places, so that nobody taps a row that just moved."""
        if screen != self._screen:
            self._settle(screen)
        self._screen = screen
        self.replace(roll_call_view(screen, self._words))
        self._draw()

    def leave(self) -> None:
        """Forget the roster: another screen is there."""
        self._screen = None
        self._pending.clear()
        self.row_model.replace(())
        self.replace(RollCallView())

    def tick(self) -> None:
        """Let time pass: a tap that nothing answered may be repeated."""
        now_s = self._monotonic_s()
        late = [name for name, at_s in self._pending.items() if now_s - at_s > PENDING_S]
        for name in late:
            del self._pending[name]
        if late:
            self._draw()

    @Slot(str)
    def tap(self, person_id: str) -> None:
        """Report a tap at once; a row whose last tap is not answered takes no other."""
        marks = {row.person_id: row.mark for row in self.row_model.rows}
        if person_id not in marks or person_id in self._pending:
            return
        self._pending[person_id] = self._monotonic_s()
        self._draw()
        self.student_tapped.emit(person_id, marks[person_id])

    def _settle(self, screen: RollCall) -> None:
        """Forget the taps that this state answers."""
        if screen.is_unsaved:
            self._pending.clear()
            return
        before = {row.person_id: row.mark for row in self._screen.rows} if self._screen else {}
        for row in screen.rows:
            if before.get(row.person_id) is not row.mark:
                self._pending.pop(row.person_id, None)

    def _draw(self) -> None:
        if self._screen is not None:
            rows = [self._row(row) for row in self._screen.rows]
            places = {row.person_id: n for n, row in enumerate(self.row_model.rows)}
            if places.keys() == {row.person_id for row in rows}:
                rows.sort(key=lambda row: places[row.person_id])
            self.row_model.replace(tuple(rows))

    def _row(self, row: RollRow) -> RollRowView:
        words, mark = self._words, row.mark
        note = words("roll.needs_teacher") if row.needs_teacher else ""
        status = "" if mark is RollMark.NONE else words(f"roll.{mark.value}")
        return RollRowView(
            person_id=row.person_id,
            name=row.display_name,
            mark=mark.value,
            status=f"{status} · {note}" if status and note else status,
            note=note,
            pending=row.person_id in self._pending,
        )

    rows = qml_property(QObject, lambda self: self.row_model)
