"""The roll-call without a window: rows, places, and taps that wait for the disk."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import RollCall, RollMark, RollRow, RunningLesson
from kiosk.ui.catalogue import Catalogue, load_catalogue
from kiosk.ui.presenters.roll_call import PENDING_S, RollCallPresenter, roll_call_view
from kiosk.ui.presenters.roll_rows import RollRowModel, RollRowView

AT = datetime(2026, 11, 23, 8, 6, tzinfo=UTC)
LESSON = RunningLesson("Maths", AT - timedelta(minutes=6), AT + timedelta(minutes=44))
ENGLISH = load_catalogue("en", ZoneInfo("UTC"))
ROWS = (
    RollRow("b", "Ben K.", needs_teacher=True),
    RollRow("a", "Ana L.", RollMark.PRESENT),
    RollRow("c", "Cem T.", RollMark.LATE),
)
ROLL = RollCall(LESSON, "Mr Okafor", ROWS)


class Roll:
    """A presenter, its clock, and what it reported."""

    def __init__(self, words: Catalogue) -> None:
        self.now_s = 100.0
        self.tapped: list[str] = []
        self.presenter = RollCallPresenter(words, monotonic_s=lambda: self.now_s)
        self.presenter.student_tapped.connect(lambda person, _mark: self.tapped.append(person))

    @property
    def pending(self) -> set[str]:
        return {row.person_id for row in self.presenter.row_model.rows if row.pending}

    def marks(self) -> dict[str, str]:
        return {row.person_id: row.mark for row in self.presenter.row_model.rows}


@pytest.fixture
def roll(words: Catalogue) -> Roll:
    roll = Roll(words)
    roll.presenter.show(ROLL)
    return roll


def test_the_head_says_lesson_teacher_and_how_many_are_marked(words: Catalogue) -> None:
    view = roll_call_view(ROLL, words)
    assert (view.title, view.teacher) == ("Maths", "Roll-call by Mr Okafor")
    assert (view.count, view.hours) == ("2 of 3", "09:00 \u2013 09:50")
    assert not view.failed


def test_the_hint_says_what_was_not_taken(words: Catalogue) -> None:
    busy = roll_call_view(replace(ROLL, is_busy=True), words)
    unsaved = roll_call_view(replace(ROLL, is_busy=True, is_unsaved=True), words)
    assert (busy.failed, unsaved.failed) == (True, True)
    assert len({roll_call_view(ROLL, words).hint, busy.hint, unsaved.hint}) == 3


@pytest.mark.parametrize("language", ["en", "ar"])
def test_an_empty_list_says_why(language: str) -> None:
    words = load_catalogue(language, ZoneInfo("UTC"))
    nobody = roll_call_view(replace(ROLL, rows=()), words)
    closed = roll_call_view(replace(ROLL, lesson=None), words)
    assert nobody.empty
    assert closed.empty
    assert nobody.empty != closed.empty
    assert closed.done


def test_marks_and_questions_have_words(roll: Roll) -> None:
    rows = roll.presenter.row_model.rows
    assert [(row.status, row.note) for row in rows] == [
        ("", "Please check"),
        ("Present", ""),
        ("Late", ""),
    ]


def test_a_tap_on_nobody_is_ignored(roll: Roll) -> None:
    roll.presenter.tap("")
    roll.presenter.tap("x")
    assert (roll.tapped, roll.pending) == ([], set())


def test_taps_on_several_rows_wait_side_by_side(roll: Roll) -> None:
    roll.presenter.tap("a")
    roll.presenter.tap("b")
    first = replace(ROLL, rows=(ROWS[0], replace(ROWS[1], mark=RollMark.LATE), ROWS[2]))
    roll.presenter.show(first)
    assert roll.tapped == ["a", "b"]
    assert roll.pending == {"b"}


def test_a_language_that_changes_leaves_what_waits(roll: Roll, arabic: Catalogue) -> None:
    roll.presenter.tap("a")
    roll.presenter.use_words(arabic)
    roll.presenter.show(ROLL)
    assert roll.pending == {"a"}
    assert roll.presenter.current.done == "تم"


def test_a_list_that_was_left_is_forgotten(roll: Roll) -> None:
    roll.presenter.tap("a")
    roll.presenter.leave()
    roll.presenter.tap("b")
    roll.presenter.show(ROLL)
    assert roll.tapped == ["a"]
    assert roll.pending == set()


def test_a_list_that_is_opened_again_has_its_given_order(roll: Roll) -> None:
    roll.presenter.leave()
    roll.presenter.show(replace(ROLL, rows=ROWS[::-1]))
    assert list(roll.marks()) == ["c", "a", "b"]


@given(
    steps=st.lists(
        st.one_of(
            st.sampled_from(["a", "b", "c", "wait"]),
            st.tuples(
                st.permutations(["a", "b", "c"]),
                st.lists(st.sampled_from(RollMark), min_size=3, max_size=3),
                st.booleans(),
            ),
        ),
        max_size=20,
    )
)
def test_only_the_disk_marks_and_rows_never_move(
    steps: list[str | tuple[list[str], list[RollMark], bool]],
) -> None:
    roll, shown = Roll(ENGLISH), ROLL
    roll.presenter.show(ROLL)
    for step in steps:
        if step == "wait":
            roll.now_s += PENDING_S + 0.1
            roll.presenter.tick()
            assert roll.pending == set()
        elif isinstance(step, str):
            was_waiting, count = step in roll.pending, len(roll.tapped)
            roll.presenter.tap(step)
            assert step in roll.pending
            assert len(roll.tapped) == count + (not was_waiting)
        else:
            order, marks, is_unsaved = step
            rows = tuple(RollRow(one, one, mark) for one, mark in zip(order, marks, strict=True))
            shown = RollCall(LESSON, "Mr Okafor", rows, is_unsaved)
            roll.presenter.show(shown)
        assert roll.marks() == {row.person_id: row.mark.value for row in shown.rows}
        assert list(roll.marks()) == ["b", "a", "c"]


def test_the_rows_are_a_sound_model(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    del qtbot
    model = RollRowModel()
    changed: list[int] = []
    model.dataChanged.connect(lambda first, last, _roles: changed.append(first.row()))
    qtmodeltester.check(model)  # type: ignore[no-untyped-call]
    rows = tuple(RollRowView(str(n), f"Student {n}", "none") for n in range(64))
    model.replace(rows)
    model.replace((*rows[:9], replace(rows[9], mark="late"), *rows[10:]))
    names = {bytes(name.data()).decode() for name in model.roleNames().values()}
    assert names == {one.name for one in fields(RollRowView)}
    assert changed == [9]
    assert model.rowCount(model.index(0)) == 0
    assert model.data(QModelIndex(), min(model.roleNames())) is None
