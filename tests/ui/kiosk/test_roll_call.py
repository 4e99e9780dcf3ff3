"""A teacher takes the roll on the screen: every row is reached, and only the disk marks."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtQuick import QQuickItem
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import RollCall, RollMark, RollRow
from kiosk.ui.presenters.roll_rows import RollRowView
from kiosk.ui.shell import KioskWindow
from tests.ui.kiosk.check_in_screens import READY, ROLL, ROWS, Calls, Desk, swipe_up
from tests.ui.kiosk.legible import place
from tests.ui.kiosk.test_window import find, middle_of, tap, tap_at
from tests.ui.kiosk.windows import OpenWindow, Seconds, Touched, still


@pytest.fixture
def calls(touched: Touched) -> Calls:
    calls = Calls()
    touched.check_in = calls.callbacks()
    return calls


def row_of(window: KioskWindow, person_id: str) -> RollRowView:
    rows = window.shell.roll_call_presenter.row_model.rows
    return next(row for row in rows if row.person_id == person_id)


def marked(mark: RollMark, person_id: str) -> RollCall:
    rows = tuple(replace(row, mark=mark) if row.person_id == person_id else row for row in ROWS)
    return replace(ROLL, rows=rows)


def is_at_rest(rows: QQuickItem) -> bool:
    return not rows.property("moving")


def scroll_to_end(window: KioskWindow, qtbot: QtBot) -> QQuickItem:
    rows = find(window, "rows")
    assert rows is not None
    for _ in range(60):
        if rows.property("atYEnd"):
            break
        swipe_up(window, 200)
        qtbot.waitUntil(lambda: is_at_rest(rows), timeout=10_000)
    return rows


@pytest.mark.parametrize("size", [(800, 480), (480, 800)], ids=["landscape", "portrait"])
def test_the_last_of_many_students_is_reached_with_a_finger_and_stays_under_it(
    open_window: OpenWindow, qtbot: QtBot, calls: Calls, size: tuple[int, int]
) -> None:
    window = open_window(still("en", size))
    window.post_screen(ROLL)
    was_there = find(window, "row-p63") is not None
    rows = scroll_to_end(window, qtbot)
    before = rows.property("contentY")
    tap(window, "row-p63")
    window.post_screen(marked(RollMark.LATE, "p63"))
    QCoreApplication.processEvents()
    assert not was_there
    assert calls.named("tap_student") == [("p63", "none")]
    assert calls.named("touch")
    assert rows.property("contentY") == before > 0


def test_a_swipe_over_the_list_marks_nobody(
    open_window: OpenWindow, qtbot: QtBot, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    rows = find(window, "rows")
    assert rows is not None
    swipe_up(window, 120)
    qtbot.waitUntil(lambda: is_at_rest(rows), timeout=10_000)
    assert rows.property("contentY") > 0
    assert calls.named("tap_student") == []


def test_a_tap_is_seen_at_once_and_marks_when_it_is_on_disk(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    tap(window, "row-p0")
    tapped = row_of(window, "p0")
    tap(window, "row-p0")
    window.post_screen(marked(RollMark.PRESENT, "p0"))
    saved = row_of(window, "p0")
    assert (tapped.mark, tapped.pending) == ("none", True)
    assert (saved.mark, saved.pending) == ("present", False)
    assert calls.named("tap_student") == [("p0", "none")]


def test_a_tap_that_was_not_saved_is_said_and_may_be_repeated(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    tap(window, "row-p0")
    window.post_screen(replace(ROLL, is_unsaved=True))
    view = window.shell.roll_call_presenter.current
    tap(window, "row-p0")
    assert (view.failed, view.hint) == (True, "The last tap was not saved. Please try again.")
    assert row_of(window, "p0").mark == "none"
    assert calls.named("tap_student") == [("p0", "none"), ("p0", "none")]


def test_a_tap_that_nothing_answers_may_be_repeated_after_a_while(
    open_window: OpenWindow, calls: Calls, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(replace(ROLL, is_unsaved=True))
    tap(window, "row-p0")
    clock.now_s += 3.1
    window.shell.tick()
    tap(window, "row-p0")
    assert calls.named("tap_student") == [("p0", "none"), ("p0", "none")]


def test_a_row_keeps_its_place_when_its_question_is_decided(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    first = find(window, "row-p0")
    assert first is not None
    middle = middle_of(first)
    decided = marked(RollMark.PRESENT, "p0").rows
    rows = (*decided[1:], replace(decided[0], needs_teacher=False))
    window.post_screen(replace(ROLL, rows=rows))
    QCoreApplication.processEvents()
    tap_at(window, middle)
    assert calls.named("tap_student") == [("p0", "present")]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_marks_go_round(open_window: OpenWindow, touched: Touched, language: str) -> None:
    desk = Desk()
    touched.check_in = desk.callbacks()
    window = open_window(still(language))
    desk.start(window, ROLL)
    seen = []
    for _ in range(3):
        tap(window, "row-p0")
        seen.append(row_of(window, "p0").mark)
    assert seen == ["present", "late", "none"]


def test_done_leaves_the_roll_call_and_its_names_are_forgotten(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    tap(window, "done")
    window.post_screen(READY)
    QCoreApplication.processEvents()
    assert calls.named("close") == [None]
    assert window.shell.roll_call_presenter.row_model.rows == ()
    assert find(window, "row-p0") is None


def test_done_works_where_no_lesson_is_open(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still("ar", (480, 800)))
    window.post_screen(RollCall(None, "Mr Okafor"))
    tap(window, "done")
    assert calls.named("close") == [None]


def test_another_lesson_begins_with_its_own_list(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(ROLL)
    other = RollRow("x1", "Zoe A."), RollRow("p5", "Abel B.")
    window.post_screen(replace(ROLL, rows=other))
    QCoreApplication.processEvents()
    rows = window.shell.roll_call_presenter.row_model.rows
    first, second = find(window, "row-x1"), find(window, "row-p5")
    assert [row.person_id for row in rows] == ["x1", "p5"]
    assert first is not None
    assert second is not None
    assert place(first).left() < place(second).left()
