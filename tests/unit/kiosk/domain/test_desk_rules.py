"""No sequence of faces, PINs, cards, codes, taps and time marks a person twice or a wrong one."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kiosk.domain.desk import Desk
from kiosk.domain.events import EventDraft
from kiosk.domain.screens import AskPin, ConfirmName, RollCall, RollMark, Screen, Welcome
from protocol.v1.messages import EventKind, EventMethod, Fallback, LivenessLevel
from tests.support.examples import examples
from tests.unit.kiosk.domain.desk_door import (
    ALL,
    ANA,
    ANN,
    CARDS,
    CEM,
    EVA,
    NAMES,
    PINS,
    PRINTED,
    STUDENTS,
    TEACHER,
    DeskDoor,
)

_PINS = st.sampled_from([*PINS.values(), "555555"])
_LEVELS = (LivenessLevel.PASSIVE, LivenessLevel.ACTIVE)
_PEOPLE = st.sampled_from([*STUDENTS, EVA, TEACHER])


class DeskRules(RuleBasedStateMachine):
    """Keeps its own account of who proved what, and compares each event with it."""

    def __init__(self) -> None:
        super().__init__()
        self.door = DeskDoor(ALL | {Fallback.CARD_ALONE})
        self.checked = self.counted = 0
        self.waited = False
        self.retried: set[int] = set()
        self.proofs: set[tuple[str, str]] = set()
        self.unsure: set[str] = set()
        self.card_of: str | None = None
        self.named = ""
        self.codes: list[str] = []
        self.uses: dict[str, int] = {}

    @rule(person=st.sampled_from([*STUDENTS, EVA]))
    def comes(self, person: str) -> None:
        self.proofs.add((person, "face"))
        self.took(self.door.comes(person))

    @rule(person=st.sampled_from([*STUDENTS, EVA]), level=st.sampled_from(_LEVELS))
    def comes_unsure(self, person: str, level: LivenessLevel) -> None:
        """A face that may be a picture is no proof; a face with a second factor is one."""
        self.unsure.add(person)
        self.took(self.door.unsure(person, level))

    @rule()
    def opens_pad(self) -> None:
        self.took(self.door.open_pin())

    @rule()
    def opens_roll(self) -> None:
        self.took(self.door.open_roll_call())

    @rule(pin=_PINS)
    def types(self, pin: str) -> None:
        owner = next((one for one, own in PINS.items() if own == pin), None)
        if owner is not None:
            self.proofs |= {(owner, "pin"), (owner, "card")}
        self.took(self.door.pin(pin))

    @rule(is_yes=st.booleans())
    def answers(self, is_yes: bool) -> None:
        self.took(self.door.says(is_yes=is_yes))

    @rule(person=st.sampled_from([CEM, TEACHER]))
    def swipes(self, person: str) -> None:
        self.proofs.add((person, "card"))
        self.took(self.door.swipes(CARDS[person]))

    @rule(person=st.sampled_from(sorted(PRINTED)))
    def shows_paper(self, person: str) -> None:
        self.took(self.door.scans(PRINTED[person]))

    @rule(person=_PEOPLE)
    def shows_phone(self, person: str) -> None:
        self.codes.append(self.door.code(person))
        self.proofs.add((person, "qr"))
        self.took(self.door.scans(self.codes[-1]))

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def replays(self, data: st.DataObject) -> None:
        self.took(self.door.scans(data.draw(st.sampled_from(self.codes))))

    @rule(person=_PEOPLE)
    def taps(self, person: str) -> None:
        self.took(self.door.taps(person))

    @rule(person=st.sampled_from(STUDENTS), seen=st.sampled_from(list(RollMark)))
    def taps_what_it_saw(self, person: str, seen: RollMark) -> None:
        before = list(self.events)
        stands = self.door.row(person)
        self.took(self.door.taps(person, seen))
        assert seen is stands or [one for one in self.events if one not in before] == []

    @rule()
    def denies(self) -> None:
        self.took(self.door.attendant.not_me())

    @rule()
    def closes(self) -> None:
        self.took(self.door.closes())

    @rule()
    def touches(self) -> None:
        self.took(self.door.attendant.act(Desk.touch))

    @rule()
    def all_go(self) -> None:
        self.took(self.door.nobody())

    @rule(seconds=st.sampled_from([0.5, 6.0, 21.0, 61.0, 400.0]))
    def waits(self, seconds: float) -> None:
        self.took(self.door.later(seconds))

    @rule(is_full=st.booleans())
    def disk(self, is_full: bool) -> None:
        self.door.outbox.is_disk_full = is_full

    def took(self, screen: Screen) -> None:
        """What is shown is in the record, and waits are bounded."""
        if isinstance(screen, AskPin):
            assert 0 <= screen.wait_s <= 30
        if isinstance(screen, Welcome):
            marked = {self.short(person): status for person, status in self.marks().items()}
            is_known = marked.get(screen.display_name) == screen.status
            assert self.door.recorder.unsaved_count or is_known
        if isinstance(screen, ConfirmName):
            assert screen.display_name in {self.short(person) for person in STUDENTS}
        if isinstance(screen, RollCall):
            shown = {row.person_id: row.mark.value for row in screen.rows}
            marked = {who: mark for who, mark in shown.items() if mark != "none"}
            assert self.door.recorder.unsaved_count or marked == self.marks()
            assert screen.teacher == "Mrs Okafor"
            assert (TEACHER, "pin") in self.proofs or {
                (TEACHER, "card"),
                (TEACHER, "qr"),
            } & self.proofs

    def marks(self) -> dict[str, str]:
        """Who is marked how, by the events on disk alone."""
        said: dict[str, dict[str, EventDraft]] = {}
        for number, event in enumerate(self.events, 1):
            mine = said.setdefault(event.person_id, {})
            if event.kind is EventKind.NOT_ME:
                mine.pop(event.refers_to or "", None)
            elif event.shown:
                mine[f"event-{number}"] = event
        return {who: _status(list(mine.values())) for who, mine in said.items() if mine}

    @staticmethod
    def short(person: str) -> str:
        given, family = NAMES[person].split()
        return f"{given} {family[0]}."

    @property
    def events(self) -> list[EventDraft]:
        return self.door.outbox.drafts

    @invariant()
    def every_event_rests_on_a_proof(self) -> None:
        for event in self.events[self.checked :]:
            if event.kind is EventKind.SEEN:
                is_proven = (event.person_id, event.method.value) in self.proofs
                assert is_proven or (event.second and event.person_id in self.unsure)
            if event.second is not None:
                assert (event.person_id, event.second.value) in self.proofs
            if event.method is EventMethod.TEACHER:
                assert event.by == TEACHER
                assert event.person_id in STUDENTS
            else:
                assert event.by is None
        self.checked = len(self.events)

    @invariant()
    def a_code_counts_once(self) -> None:
        seen = [one.code_id for one in self.events if one.code_id and one.kind is EventKind.SEEN]
        assert len(seen) == len(set(seen))

    @invariant()
    def a_look_alike_is_never_marked_by_the_face_alone(self) -> None:
        for number, event in enumerate(self.events):
            is_face = event.kind is EventKind.SEEN and event.method is EventMethod.FACE
            if is_face and event.person_id in (ANA, ANN) and event.shown:
                earlier = self.events[:number]
                is_known = any(one.person_id == event.person_id and one.shown for one in earlier)
                assert event.second or is_known

    @invariant()
    def an_undecided_face_alone_is_in_no_event(self) -> None:
        for event in self.events:
            reading = event.evidence.liveness if event.evidence else None
            if reading is not None and reading.is_undecided:
                assert event.second is not None
            if event.liveness is not None:
                assert event.person_id in self.unsure

    @invariant()
    def nobody_but_the_roster_is_marked(self) -> None:
        marked = {one.person_id for one in self.events if one.shown}
        assert marked <= set(STUDENTS)

    @invariant()
    def a_person_has_one_status(self) -> None:
        """A scan that the disk took later than a teacher's word says what was so before it."""
        if self.waited:
            self.retried |= set(range(self.counted, len(self.events)))
        self.counted, self.waited = len(self.events), self.door.recorder.unsaved_count > 0
        shown: dict[str, str] = {}
        for number, event in enumerate(self.events):
            if number in self.retried and event.kind is EventKind.SEEN:
                continue
            if event.kind is EventKind.SEEN and event.shown:
                assert shown.setdefault(event.person_id, event.shown) == event.shown
            elif event.kind is EventKind.ROLL_CALL:
                shown[event.person_id] = event.shown or ""
            else:
                shown.pop(event.person_id, None)


def _status(standing: list[EventDraft]) -> str:
    """The status of a person by the events that stand: a teacher's newest word, else the first."""
    words = [one for one in standing if one.kind is EventKind.ROLL_CALL]
    return str((words[-1] if words else standing[0]).shown)


TestDeskRules = DeskRules.TestCase
TestDeskRules.settings = settings(
    examples(40),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
