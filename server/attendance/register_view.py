"""What the pages of a register show: its lines as a reader sees them, and what is to be done."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from server.accounts.names import actor_names
from server.attendance.codes.code_list import Code, CodeList
from server.attendance.codes.service import codes_of
from server.attendance.codes.words import CodeWords, Look
from server.attendance.decisions.confirmations import ChangedLine, changed_since, unconfirmed
from server.attendance.decisions.corrections import everyone_left, has_begun
from server.attendance.decisions.doubts import doubts_of
from server.attendance.decisions.remarks import Notes, notes_of
from server.attendance.register import AttendanceStatus, minutes_present
from server.attendance.service import Register, RegisterLine
from server.attendance.today import is_running
from server.db.types import now
from server.people.tables import Person
from server.web.translations import Translator


class LineView(NamedTuple):
    """One line as a reader sees it.

    Attributes:
        look: its word, tone and symbol.
        state: what a tap says that it saw.
        following: the code that a tap sets; None where there is no other.
        following_word: its name.
        files: how many files the line has.
        minutes: how long the student was there, where the kiosks saw when they left.
    """

    line: RegisterLine
    look: Look
    state: str
    following: Code | None
    following_word: str
    remark: str
    files: int
    minutes: int | None


class ChangedView(NamedTuple):
    """A line that changed since the register was confirmed, in words.

    Attributes:
        before: None where there was no such line.
        after: None where there is no such line any more.
    """

    person_id: uuid.UUID
    name: str
    before: Look | None
    after: Look | None


@dataclass(frozen=True)
class RegisterView:
    """A register for one reader.

    Attributes:
        has_begun: check-in has begun; before that, people can only be excused.
    """

    register: Register
    codes: CodeList
    words: CodeWords
    notes: Notes
    has_begun: bool

    @classmethod
    def of(cls, db: Session, register: Register, t: Translator) -> "RegisterView":
        """Read what stands beside the lines."""
        notes = notes_of(db, register.view.lesson.id)
        begun = has_begun(register, now())
        return cls(register, codes_of(db), CodeWords(t), notes, begun)

    def choices(self) -> list[tuple[Code, Look]]:
        """Return the codes that a line can get now, in the school's order."""
        return [
            (one, self.words.look(one))
            for one in self.codes.usable
            if self.has_begun or one.category == AttendanceStatus.EXCUSED
        ]

    def lines(self, only: uuid.UUID | None = None) -> list[LineView]:
        """Return the lines, or one of them, as the reader sees them."""
        looks: dict[str, tuple[Look, Code | None, str]] = {}
        return [
            self._line(line, looks)
            for line in self.register.lines
            if only is None or line.person.id == only
        ]

    def _line(
        self, line: RegisterLine, looks: dict[str, tuple[Look, Code | None, str]]
    ) -> LineView:
        mark = line.mark
        state = self.codes.state_of(mark)
        if state not in looks:
            shown = self.codes.shown_on(mark)
            following = self.codes.after(shown) if self.has_begun else None
            word = self.words.name(following) if following else ""
            looks[state] = self.words.look_of(self.codes, mark), following, word
        minutes = minutes_present(mark, self.register.window) if mark.left_at else None
        remark = self.notes.remarks.get(line.person.id, "")
        files = self.notes.files.get(line.person.id, 0)
        return LineView(line, looks[state][0], state, *looks[state][1:], remark, files, minutes)

    def parts(self) -> list[tuple[int, Look]]:
        """Return how many lines there are of each code and of each open status, in order."""
        counts: dict[str, int] = {}
        looks: dict[str, Look] = {}
        for one in self.register.lines:
            state = self.codes.state_of(one.mark)
            counts[state] = counts.get(state, 0) + 1
            looks.setdefault(state, self.words.look_of(self.codes, one.mark))
        order = [*(str(one.id) for one in self.codes.all), *AttendanceStatus]
        return [(counts[state], looks[state]) for state in order if state in counts]

    def changed(self, db: Session) -> list[ChangedView]:
        """Return what changed since the register was confirmed."""
        found = changed_since(self.register, self.codes)
        gone = [one.person_id for one in found if one.line is None]
        names = _names(db, gone) if gone else {}
        return [self._changed(one, names) for one in found]

    def _changed(self, one: ChangedLine, names: dict[uuid.UUID, str]) -> ChangedView:
        before = self.words.state(self.codes, one.before) if one.before else None
        if one.line is None:
            return ChangedView(one.person_id, names.get(one.person_id, ""), before, None)
        after = self.words.look_of(self.codes, one.line.mark)
        return ChangedView(one.person_id, one.line.person.display_name, before, after)


def live_context(db: Session, register: Register, t: Translator) -> dict[str, Any]:
    """Return what the live part of a register shows, and its version."""
    at = now()
    view = RegisterView.of(db, register, t)
    cancellation = register.view.cancellation
    confirmation = register.confirmation
    undoable = view.notes.undoable(at, confirmation.made_at if confirmation else None)
    context: dict[str, Any] = {
        "lines": view.lines(),
        "parts": [] if cancellation else view.parts(),
        "left": everyone_left(register) if view.has_begun else [],
        "left_codes": _left_codes(view),
        "undoable": undoable,
        "undoable_word": _name(view, undoable.code_id) if undoable else "",
        "open_lines": unconfirmed(register).lines,
        "may_confirm": view.has_begun,
        "changed": view.changed(db),
        "doubts": doubts_of(db, register),
    } | frame_context(db, register, at)
    shown = repr(
        (
            [
                (
                    one.line.mark,
                    one.line.person.display_name,
                    one.look,
                    one.remark,
                    one.files,
                    one.following,
                )
                for one in context["lines"]
            ],
            [
                (one.kiosk.id, one.synced_through, one.lost_events, one.is_forked)
                for one in register.waiting_for
            ],
            context["is_running"],
            context["is_over"],
            context["may_confirm"],
            register.policy_version,
            cancellation.id if cancellation else None,
            confirmation.id if confirmation else None,
            undoable,
        )
    )
    return context | {"version": hashlib.sha256(shown.encode()).hexdigest()[:16]}


def frame_context(db: Session, register: Register, at: datetime) -> dict[str, Any]:
    """Return what every page about a register needs."""
    cancellation = register.view.cancellation
    return {
        "register": register,
        "is_running": is_running(register, at),
        "is_over": at >= register.window.judged_at,
        "kiosk_names": {one.kiosk.id: one.kiosk.name for one in register.kiosks},
        "names": actor_names(db, [cancellation.cancelled_by if cancellation else None]),
    }


def offered_reasons(entered: Sequence[str], t: Translator) -> list[str]:
    """Return the reasons that a list offers: those of the school, else the usual ones."""
    usual = ("illness", "appointment", "trip", "family", "transport")
    return list(entered) or [t(f"codes.reason.{one}") for one in usual]


def _left_codes(view: RegisterView) -> list[tuple[Code, str]]:
    """Return the codes that "everyone left" offers: the first present and the first absent one."""
    found = []
    for category in (AttendanceStatus.PRESENT, AttendanceStatus.ABSENT):
        code = next((one for one in view.codes.cycle if one.category == category), None)
        if code is not None:
            found.append((code, view.words.name(code)))
    return found


def _names(db: Session, people: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    query = select(Person.id, Person.display_name).where(col(Person.id).in_(people))
    return dict(db.exec(query).all())


def _name(view: RegisterView, code_id: uuid.UUID | None) -> str:
    code = view.codes.get(code_id)
    return view.words.name(code) if code else ""
