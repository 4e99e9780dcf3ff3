"""What the kiosk shows: one state at a time, as plain values. Presenters turn them into screens."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kiosk.domain.identity import IdentityFault
from kiosk.domain.links import LinkSecurity
from kiosk.domain.liveness import Motion
from kiosk.domain.sightings import Hint
from protocol.v1.messages import ArrivalStatus, Direction, Fallback


@dataclass(frozen=True, slots=True)
class RunningLesson:
    """What the Ready screen says about the lesson. Times are UTC; the UI shows them locally."""

    title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Ready:
    """Waiting for a person.

    Attributes:
        lesson: None when no lesson is open in this room.
        ways: to check in without a face that exist here now.
        is_holiday: the school is closed today.
    """

    room_name: str
    lesson: RunningLesson | None
    ways: tuple[Fallback, ...] = ()
    is_holiday: bool = False


@dataclass(frozen=True, slots=True)
class Looking:
    """A person is in view: a ring fills (progress 0..1), with one hint at a time."""

    progress: float
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class ProveAlive:
    """A person was recognised and must make a motion that a picture cannot make.

    Attributes:
        motion: to make.
        left: share of the time that is left for it, 1..0.
    """

    motion: Motion
    left: float = 1.0


@dataclass(frozen=True, slots=True)
class Welcome:
    """The mark is on disk.

    Attributes:
        display_name: first name and initial, never more.
        status: present or late, of the first mark in this lesson.
        late_min: whole minutes after the start, >= 1 when late, else 0.
        can_undo: whether "Not me" is offered now.
        already_marked: the person was marked in this lesson before; the first status stays.
        direction: whether the person is on the list as here or as gone; None: nobody asks.
        offers: the direction that the one button besides "Not me" records; None: no such button.
        is_changed: this button was tapped.
        is_recorded: an event was recorded for this answer.
        answer_id: names this answer, so that "Not me" takes back the one that was on screen when
            it was tapped and no other. Two people may have one short name: see `is_same`.
    """

    display_name: str
    status: ArrivalStatus
    late_min: int = 0
    can_undo: bool = True
    already_marked: bool = False
    direction: Direction | None = None
    offers: Direction | None = None
    is_changed: bool = False
    is_recorded: bool = field(default=True, compare=False)
    answer_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The person is expected in another room now."""

    display_name: str
    room_name: str


class NotRecognisedReason(StrEnum):
    """Why nobody was recognised.

    OTHER_WAY: the face was not compared with anybody's. UNSURE: it may be a picture, so that it
    marks nobody without a second factor or a teacher. UNSURE_LEAVING: the same for a person who is
    on the list, so that it checks nobody out.
    """

    NO_MATCH = "no_match"
    NOT_ME = "not_me"
    OTHER_WAY = "other_way"
    UNSURE = "unsure"
    UNSURE_LEAVING = "unsure_leaving"


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """Neutral words and the other ways: QR, PIN, the teacher."""

    reason: NotRecognisedReason = NotRecognisedReason.NO_MATCH
    ways: tuple[Fallback, ...] = ()


class CodeProblem(StrEnum):
    """Why a PIN, card or code did not count; each has its own sentence.

    WRONG_PIN: not that of the card, or of no teacher. NOBODYS_PIN: of nobody due in this room now.
    NO_LESSON: nobody is due here now. UNKNOWN_CARD: no card of this school, or of
    nobody due here. EXPIRED, USED, FOREIGN: of a QR. CLOCK: this kiosk does not know the time, so
    that it cannot tell whether a QR is still valid. OTHER_PERSON: the PIN or card is of another
    person than asked for. NOT_STAFF: it is no teacher's who may take this roll. NOT_SAVED: the disk
    refused.
    """

    WRONG_PIN = "wrong_pin"
    NOBODYS_PIN = "nobodys_pin"
    NO_LESSON = "no_lesson"
    UNKNOWN_CARD = "unknown_card"
    EXPIRED = "expired"
    USED = "used"
    FOREIGN = "foreign"
    CLOCK = "clock"
    OTHER_PERSON = "other_person"
    NOT_STAFF = "not_staff"
    NOT_SAVED = "not_saved"


class PinPurpose(StrEnum):
    """What a PIN is asked for.

    CHECK_IN: to find who it is. CARD: to go with a card that was read. LOOK_ALIKE: a second factor
    for a face that is easily confused with another. UNSURE: the same for a face that may be a
    picture. UNLOCK: for a teacher, to take the roll.
    """

    CHECK_IN = "check_in"
    CARD = "card"
    LOOK_ALIKE = "look_alike"
    UNSURE = "unsure"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class AskPin:
    """The PIN pad. A card, or a QR where that is a way here, may be shown instead.

    Attributes:
        purpose: what it is asked for.
        ways: what else may be shown to the same end.
        takes_pin: whether a PIN alone will do; else a card must be shown first.
        problem: of the last try.
        wait_s: whole seconds to wait before the next try; 0: none.
        attempt: counts up with each try, so that the pad empties what was typed.
    """

    purpose: PinPurpose
    ways: tuple[Fallback, ...] = ()
    problem: CodeProblem | None = None
    wait_s: int = 0
    attempt: int = 0
    takes_pin: bool = True


@dataclass(frozen=True, slots=True)
class ConfirmName:
    """A PIN was right: the person says whether this is their name before anything is recorded.

    Attributes:
        display_name: first name and initial.
        is_busy: another person's card was shown and not taken.
    """

    display_name: str
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """A card or QR that was shown does not count; says why and what else there is."""

    problem: CodeProblem
    ways: tuple[Fallback, ...] = ()


class RollMark(StrEnum):
    """How a student stands in the roll-call, as this kiosk knows it."""

    NONE = "none"
    PRESENT = "present"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class RollRow:
    """One student of the roster.

    Attributes:
        person_id: names the row when it is tapped.
        display_name: first name and initial.
        mark: as this kiosk knows it.
        needs_teacher: a face was seen whose liveness or likeness a teacher must decide.
    """

    person_id: str
    display_name: str
    mark: RollMark = RollMark.NONE
    needs_teacher: bool = False


@dataclass(frozen=True, slots=True)
class RollCall:
    """A teacher takes the roll of a lesson; a tap on a row: present, late, then nothing again.

    Attributes:
        lesson: whose roster it is; None: no lesson is open here.
        teacher: short name of who unlocked it.
        rows: by name.
        is_unsaved: the disk refused the last tap.
        is_busy: a card was shown and not taken: another one waits already.
    """

    lesson: RunningLesson | None
    teacher: str
    rows: tuple[RollRow, ...] = ()
    is_unsaved: bool = False
    is_busy: bool = False


class NoticeReason(StrEnum):
    """Why a known person was not marked here; each has its own neutral sentence."""

    NOTHING_RUNNING = "nothing_running"
    NOT_ON_LIST = "not_on_list"
    CHECK_IN_CLOSED = "check_in_closed"
    NOT_SAVED = "not_saved"


@dataclass(frozen=True, slots=True)
class Notice:
    """The person was recognised but is not marked: say why and what to do next."""

    reason: NoticeReason


class SetupStage(StrEnum):
    """Where the kiosk stands on its way to being claimed and filled.

    FOREIGN_ANSWER: something answers, and it is no server of this version.
    COMPARE_WORDS: a person compares six words with those on the kiosk's page.
    WORDS_DIFFER: they were not the same; nothing was sent.
    UNTRUSTED: the connection must not be used, see `SettingUp.link`; nothing was sent.
    """

    NEEDS_CLAIM_CODE = "needs_claim_code"
    CLAIMING = "claiming"
    SERVER_AWAY = "server_away"
    FOREIGN_ANSWER = "foreign_answer"
    CLAIM_REFUSED = "claim_refused"
    COMPARE_WORDS = "compare_words"
    WORDS_DIFFER = "words_differ"
    UNTRUSTED = "untrusted"
    LOADING = "loading"
    STORAGE_FAULT = "storage_fault"


SCANNED_STAGES = frozenset(
    {
        SetupStage.NEEDS_CLAIM_CODE,
        SetupStage.SERVER_AWAY,
        SetupStage.FOREIGN_ANSWER,
        SetupStage.CLAIM_REFUSED,
        SetupStage.WORDS_DIFFER,
        SetupStage.UNTRUSTED,
    }
)
"""The stages in which a code is asked for, by touch or QR."""


@dataclass(frozen=True, slots=True)
class SettingUp:
    """Not ready for people yet.

    Attributes:
        stage: what is missing.
        fault: why a claimed kiosk needs a new code.
        file: name of the file that the disk refuses, for a technician.
        words: to compare.
        address: of the server, where a QR code named another than the settings.
        link: why the connection must not be used.
    """

    stage: SetupStage
    fault: IdentityFault = IdentityFault.NONE
    file: str = ""
    words: tuple[str, ...] = ()
    address: str = ""
    link: LinkSecurity = LinkSecurity.TLS


Screen = (
    Ready
    | Looking
    | ProveAlive
    | Welcome
    | Elsewhere
    | NotRecognised
    | Notice
    | AskPin
    | ConfirmName
    | CodeRefused
    | RollCall
    | SettingUp
)


def is_same(first: Screen | None, second: Screen) -> bool:
    """Whether showing the second after the first would change nothing, "Not me" included."""
    if isinstance(first, Welcome) and isinstance(second, Welcome):
        return first == second and first.answer_id == second.answer_id
    return first == second
