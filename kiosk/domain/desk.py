"""The desk beside the face: PINs, cards, codes of phones, and the teacher's roll-call."""

import math
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kiosk.domain.arrivals import DoorArrival, Grounds
from kiosk.domain.clock import Clock
from kiosk.domain.codes import problem_of, use_up
from kiosk.domain.credentials import NO_CREDENTIALS, CredentialBook
from kiosk.domain.desk_states import (
    ANSWER_S,
    HELD_S,
    LOOK_ALIKE_S,
    NAME_S,
    PAD_S,
    READ_S,
    ROLL_S,
    TURNED_AWAY_S,
    HeldText,
    NameState,
    PadState,
    RollState,
    purpose_of,
    wait_key,
)
from kiosk.domain.door import Door
from kiosk.domain.ports import UsedCodes
from kiosk.domain.roll_call import RollTaker
from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    CodeRefused,
    ConfirmName,
    PinPurpose,
    RollMark,
    Screen,
)
from kiosk.domain.unsure import FaceQuestions, look_alikes_due
from kiosk.domain.waits import Waits
from kiosk.domain.ways import ways_here
from protocol.v1.checkin import (
    CheckInCodeError,
    is_check_in_code,
    is_printed_card,
    read_card_number,
    read_check_in_code,
)
from protocol.v1.messages import CardKind, EventMethod, Fallback, Holder, HolderKind

_CARD_WAYS = frozenset({Fallback.CARD, Fallback.CARD_ALONE})


@dataclass(slots=True)
class Desk:
    """Turns what is typed, held up or tapped into arrivals. Used by the attendant's thread.

    Attributes:
        door: marks people and shows answers.
        clock: of the kiosk.
        roll: takes the teacher's taps.
        used: codes that were accepted; None: codes of phones are not accepted.
        book: what this kiosk knows of PINs and cards.
        server_key: codes of phones are signed with its private half.
    """

    door: Door
    clock: Clock
    roll: RollTaker
    used: UsedCodes | None = None
    book: CredentialBook = NO_CREDENTIALS
    server_key: Ed25519PublicKey | None = None
    _state: PadState | NameState | RollState | None = None
    _held: HeldText | None = None
    _busy_s: float = -math.inf
    _turned_away_s: float = -math.inf
    _waits: Waits = field(default_factory=Waits)
    _faces: FaceQuestions = field(init=False)
    _tracks: int = -1

    def __post_init__(self) -> None:
        self._faces = FaceQuestions(self, self.door, self.clock, self.roll)

    @property
    def is_open(self) -> bool:
        """Whether something is asked, or the roll is taken."""
        return self._state is not None

    @property
    def screen(self) -> Screen | None:
        """What covers the door; None: nothing."""
        state, timetable = self._state, self.door.timetable
        if isinstance(state, PadState):
            return AskPin(
                purpose=state.purpose,
                ways=self._other_ways(state),
                problem=state.problem,
                wait_s=self._waits.left_s(wait_key(state), self.clock.monotonic_s()),
                attempt=state.attempt,
                takes_pin=self._takes_pin(state),
            )
        if isinstance(state, NameState):
            return ConfirmName(timetable.short_name(state.holder.id), self._is_busy)
        if isinstance(state, RollState):
            roll = self.roll.screen(timetable, state.lesson_id, state.teacher)
            return replace(roll, is_unsaved=state.is_unsaved, is_busy=self._is_busy)
        return None

    @property
    def ways(self) -> tuple[Fallback, ...]:
        """The ways that the policy allows and that can work here now, in a fixed order."""
        reads_codes = self.server_key is not None and self.used is not None
        return ways_here(self.door.timetable.fallbacks, self.book, reads_codes=reads_codes)

    def open_pin(self) -> None:
        """Ask for a PIN."""
        if self._state is None and Fallback.PIN in self.ways:
            self._state = PadState(PinPurpose.CHECK_IN, self._now_s + PAD_S)

    def open_roll_call(self) -> None:
        """Ask a teacher to unlock."""
        if self._state is None and Fallback.TEACHER in self.ways:
            self._state = PadState(PinPurpose.UNLOCK, self._now_s + PAD_S, is_unlocking=True)

    def close(self) -> None:
        """Leave whatever is open; nothing is recorded."""
        if isinstance(self._state, PadState) and self._state.arrival is not None:
            self._faces.note_doubt(self._state.arrival)
        self._state = None

    def touch(self) -> None:
        """A person is at it: the time begins again."""
        if isinstance(self._state, PadState):
            until_s = max(self._state.until_s, self._now_s + PAD_S)
            self._state = self._state.touched(until_s)
        elif isinstance(self._state, RollState):
            self._state = replace(self._state, until_s=self._now_s + ROLL_S)

    def tick(self) -> None:
        """Let time pass: what nobody answers, or is not allowed any more, closes."""
        state = self._state
        if state is not None and (self._now_s >= state.until_s or not self._may_go_on(state)):
            self.close()
        if isinstance(self._state, RollState | NameState):
            self._busy_s = self._now_s
        elif self._state is None and self._held and self._now_s - self._busy_s >= ANSWER_S:
            self._take_held(self._held)
        if self._state is None:
            self._faces.answer_kept()

    def nobody(self) -> None:
        """Nobody is in view: who was kept has gone, and a pad that nobody touched closes."""
        self._faces.kept.clear()
        self._give_way()

    def greeted(self, person_id: str) -> None:
        """A person is greeted by name: their own pad closes, and one that nobody touched."""
        if self.asks(person_id):
            self._state = None
        self._give_way()

    def marked(self, person_id: str, lesson_id: str) -> None:
        """A person was marked, whichever way: nothing is left to ask."""
        self.roll.settle(person_id, lesson_id)
        self._faces.kept.forget(person_id)
        if self.asks(person_id):
            self._state = None

    def asks(self, person_id: str) -> bool:
        """Whether the pad is open for this person's face."""
        arrival = self._state.arrival if isinstance(self._state, PadState) else None
        return arrival is not None and arrival.person_id == person_id

    def _give_way(self) -> None:
        """Close a face's pad that nobody touched, once it could be read."""
        if isinstance(self._state, PadState) and self._state.arrival is not None:
            self._state = self._state.giving_way(self._now_s)

    def _take_held(self, held: HeldText) -> None:
        """Take what was held up meanwhile, now that the answer to the other person was read."""
        self._held = None
        if not self._is_fresh(held):
            return
        if held.is_typed:
            self.swipe(held.text)
        else:
            self.scan(held.text)

    def _hold(self, text: str, *, is_typed: bool) -> None:
        """Keep the first card or code until the question ends; another one is turned away."""
        waiting = self._held if self._held and self._is_fresh(self._held) else None
        if waiting is not None and waiting.text != text:
            self._turned_away_s = self._now_s
            return
        self._held, self._busy_s = HeldText(text, self._now_s, is_typed), self._now_s

    def _is_fresh(self, held: HeldText) -> bool:
        return self._now_s - held.at_s <= HELD_S

    @property
    def _is_busy(self) -> bool:
        """Whether a card was turned away a moment ago."""
        return self._now_s - self._turned_away_s < TURNED_AWAY_S

    def enter_pin(self, pin: str) -> None:
        """Try a PIN, if one is asked for and no wait is left."""
        pad = self._state
        if not isinstance(pad, PadState):
            return
        key = wait_key(pad)
        left_s = self._waits.left_s(key, self._now_s)
        pad = replace(pad, attempt=pad.attempt + 1).touched(self._now_s + left_s + PAD_S)
        self._state = pad
        if left_s:
            return
        holder = self._holder_of(pad, pin)
        if holder is None:
            self._refuse_pin(pad, key)
            return
        if pad.holder is not None:  # else anybody's own PIN would end a row of guesses
            self._waits.right(key)
        if pad.purpose is PinPurpose.CHECK_IN:
            self._state = NameState(holder, self._now_s + NAME_S)
        elif pad.holder is not None:
            self._accept(holder, Grounds(EventMethod.CARD))
        else:
            self._accept(holder, Grounds(EventMethod.PIN))

    def answer_name(self, *, is_yes: bool) -> None:
        """The person said whether the name on the screen is theirs."""
        state = self._state
        if isinstance(state, NameState):
            self._state = None
            if is_yes:
                self._accept(state.holder, Grounds(EventMethod.PIN))

    def scan(self, text: str) -> None:
        """Take the text of a QR that the camera saw; what is not ours is ignored."""
        is_ours = is_printed_card(text) or is_check_in_code(text)
        if isinstance(self._state, RollState | NameState):
            if is_ours:
                self._hold(text, is_typed=False)
        elif is_printed_card(text):
            self._card(text, is_printed=True)
        elif is_check_in_code(text) and Fallback.QR in self.ways:
            self._code(text)

    def swipe(self, text: str) -> None:
        """Take a line that a card reader typed; a handheld reader may read a QR too."""
        line = text.strip()
        if is_check_in_code(line) or is_printed_card(line):
            self.scan(line)
        elif isinstance(self._state, RollState | NameState):
            self._hold(line, is_typed=True)
        else:
            self._card(line, is_printed=False)

    def tap_student(self, person_id: str, seen: RollMark) -> None:
        """A teacher tapped a row of the roll, which stood like that."""
        state = self._state
        if not isinstance(state, RollState) or not self._may_go_on(state):
            return
        lesson = self.door.timetable.lesson(state.lesson_id)
        is_saved = lesson is None or self.roll.tap(lesson, person_id, seen, state.teacher)
        self._state = replace(state, until_s=self._now_s + ROLL_S, is_unsaved=not is_saved)

    def holds_back(self, arrival: DoorArrival) -> bool:
        """Ask for more where a face alone marks nobody; False where the match stands alone."""
        return self._faces.hold_back(arrival)

    def ask_for(self, arrival: DoorArrival, purpose: PinPurpose) -> None:
        """Ask a face for its second factor."""
        self._state = PadState(
            purpose,
            self._now_s + PAD_S,
            arrival=arrival,
            others=look_alikes_due(self.door.timetable, arrival),
            last_s=self._now_s + LOOK_ALIKE_S,
            read_s=self._now_s + READ_S,
        )

    @property
    def _now_s(self) -> float:
        return self.clock.monotonic_s()

    def _may_go_on(self, state: PadState | NameState | RollState) -> bool:
        """Whether the policy and the credentials still allow what is open."""
        timetable = self.door.timetable
        if isinstance(state, NameState):
            holder = self.book.holder(state.holder.id, HolderKind.PERSON)
            return holder is not None and Fallback.PIN in self.ways
        if isinstance(state, RollState):
            is_known = self.book.holder(state.teacher.id, HolderKind.STAFF) is not None
            is_allowed = Fallback.TEACHER in timetable.fallbacks
            return is_known and is_allowed and not self._roll_is_over(state)
        if state.is_unlocking:
            return Fallback.TEACHER in self.ways
        if state.holder is not None:
            return bool(_CARD_WAYS & timetable.fallbacks)
        return bool(self.ways) and (state.arrival is not None or Fallback.PIN in self.ways)

    def _takes_pin(self, pad: PadState) -> bool:
        """Whether a PIN alone is a way here; that of a card goes with the card."""
        if pad.holder is not None or pad.purpose is PinPurpose.UNLOCK:
            return True
        if pad.arrival is not None:
            return self._faces.takes_pin_of(pad.arrival)
        return Fallback.PIN in self.ways

    def _refuse_pin(self, pad: PadState, key: str) -> None:
        """Say that a PIN is wrong, and count it; where nobody is due none can be right."""
        problem = CodeProblem.WRONG_PIN
        if pad.purpose is PinPurpose.CHECK_IN:
            is_anybody = self.door.timetable.expected_at(self.clock.reading().best_at)
            problem = CodeProblem.NOBODYS_PIN if is_anybody else CodeProblem.NO_LESSON
        if problem is not CodeProblem.NO_LESSON:
            self._waits.wrong(key, self._now_s)
        until_s = self._now_s + self._waits.left_s(key, self._now_s) + PAD_S
        self._state = replace(pad, problem=problem).open_until(until_s)

    def _roll_is_over(self, roll: RollState) -> bool:
        """Whether the lesson has ended or is gone: the register would not count a tap."""
        if roll.lesson_id is None:
            return False
        lesson = self.door.timetable.lesson(roll.lesson_id)
        return lesson is None or not lesson.window.is_open(self.clock.reading().best_at)

    def _holder_of(self, pad: PadState, pin: str) -> Holder | None:
        if pad.holder is not None:
            return pad.holder if self.book.has_pin(pad.holder, pin) else None
        if not self._takes_pin(pad):
            return None
        if pad.purpose is PinPurpose.UNLOCK:
            found = self.book.holders_of_pin(pin, HolderKind.STAFF, None)
        else:
            due = self.door.timetable.expected_at(self.clock.reading().best_at)
            if pad.arrival is not None:
                due = frozenset({pad.arrival.person_id}) | pad.others
            found = self.book.holders_of_pin(pin, HolderKind.PERSON, due)
        return found[0] if len(found) == 1 else None

    def _code(self, text: str) -> None:
        if self.server_key is None:
            return
        try:
            code = read_check_in_code(text, self.server_key)
        except CheckInCodeError:
            self._refuse(CodeProblem.FOREIGN)
            return
        holder_id = str(code.holder_id)
        staff = self.book.holder(holder_id, HolderKind.STAFF)
        known = staff or self.book.holder(holder_id, HolderKind.PERSON) or Holder(id=holder_id)
        # Used up last: a code that is refused for another reason can be shown again.
        problem = (
            problem_of(code, self.clock, self.book, self.used)
            or self._misfit(known)
            or use_up(code, self.used)
        )
        if problem is not None:
            self._refuse(problem)
        else:
            self._accept(known, Grounds(EventMethod.QR, code_id=code.code_id))

    def _card(self, typed: str, *, is_printed: bool) -> None:
        if not _CARD_WAYS & self.door.timetable.fallbacks:
            return
        try:
            found = self.book.holder_of_card(read_card_number(typed))
        except CheckInCodeError:
            found = None
        if found is None:
            self._refuse(CodeProblem.UNKNOWN_CARD)
            return
        holder, kind = found
        is_alone = Fallback.CARD_ALONE in self.door.timetable.fallbacks
        if is_alone and not is_printed and kind is CardKind.READER:
            self._accept(holder, Grounds(EventMethod.CARD))
        else:
            self._ask_pin_of(holder)

    def _ask_pin_of(self, holder: Holder) -> None:
        pad = self._state if isinstance(self._state, PadState) else None
        if pad is None:
            pad = PadState(PinPurpose.CARD, 0.0)
        purpose = PinPurpose.CARD if pad.arrival is None else purpose_of(pad)
        pad = replace(pad, purpose=purpose, holder=holder, problem=None)
        self._state = pad.touched(self._now_s + PAD_S)

    def _misfit(self, holder: Holder) -> CodeProblem | None:
        """Say why a holder is not who the desk waits for; None: it is, or anybody may come."""
        pad = self._state if isinstance(self._state, PadState) else None
        is_staff = holder.kind == HolderKind.STAFF
        if pad is not None and pad.arrival is not None:
            asked = pad.others | {pad.arrival.person_id}
            return CodeProblem.OTHER_PERSON if is_staff or holder.id not in asked else None
        is_teacher = is_staff and Fallback.TEACHER in self.ways
        is_unlocking = pad is not None and pad.is_unlocking
        return None if is_teacher or not (is_staff or is_unlocking) else CodeProblem.NOT_STAFF

    def _accept(self, holder: Holder, grounds: Grounds) -> None:
        """A holder was identified: mark a person, unlock for a teacher, or confirm a face."""
        pad = self._state if isinstance(self._state, PadState) else None
        problem = self._misfit(holder)
        if problem is not None:
            self._refuse(problem)
        elif pad is not None and pad.arrival is not None:
            self._state = None
            self._confirm(pad.arrival, holder, grounds)
        elif holder.kind == HolderKind.STAFF:
            lesson = self.roll.lesson_now(self.door.timetable)
            lesson_id = lesson.id if lesson else None
            self._state = RollState(holder, lesson_id, self._now_s + ROLL_S)
        else:
            self._state = None
            self.door.check_in(self._arrival(holder, grounds))

    def _confirm(self, arrival: DoorArrival, holder: Holder, grounds: Grounds) -> None:
        """Mark one of a confusable pair: with the face where it is theirs, else without.

        The face is explained then, so that it is no question about its person any more.
        """
        is_own = holder.id == arrival.person_id
        if is_own:  # an event without the face says what was doubted
            self._faces.note_doubt(arrival)
        if is_own and grounds.code_id is None:
            confirmed = replace(arrival.grounds, second=grounds.method)
            self.door.check_in(replace(arrival, now_s=self._now_s, grounds=confirmed))
        else:  # a code of a phone needs no face beside it
            self.door.check_in(self._arrival(holder, grounds))
        if not is_own or self._faces.is_on_a_list(arrival):
            self._faces.settle(arrival)

    def _arrival(self, holder: Holder, grounds: Grounds) -> DoorArrival:
        return DoorArrival(
            holder.id, self._next_track(), self.clock.reading(), self._now_s, grounds
        )

    def _next_track(self) -> int:
        self._tracks -= 1
        return self._tracks

    def _refuse(self, problem: CodeProblem) -> None:
        """Say why a code does not count: on the pad where one is open, else as an answer.

        A pad stays open no longer for it: anything may hang in the camera's view.
        """
        pad = self._state if isinstance(self._state, PadState) else None
        if pad is None or (purpose_of(pad) is PinPurpose.CHECK_IN and pad.holder is not None):
            self._state = None
            self.door.show_result(CodeRefused(problem, self.ways), self._next_track())
            return
        self._state = replace(pad, purpose=purpose_of(pad), holder=None, problem=problem)

    def _other_ways(self, pad: PadState) -> tuple[Fallback, ...]:
        """What may be held up in place of a PIN."""
        if pad.holder is not None:
            return ()
        return tuple(way for way in self.ways if way in (Fallback.QR, Fallback.CARD))
