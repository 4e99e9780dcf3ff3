"""The states of check-in without a face that scripts/screens.py draws."""

from collections.abc import Iterator
from dataclasses import replace

from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    CodeRefused,
    ConfirmName,
    NotRecognised,
    NotRecognisedReason,
    PinPurpose,
    RollCall,
    RollMark,
    RollRow,
    RunningLesson,
    Screen,
)
from protocol.v1.messages import Fallback

WAYS = (Fallback.QR, Fallback.CARD, Fallback.PIN, Fallback.TEACHER)
SHOWN = (Fallback.QR, Fallback.CARD)
LATIN_NAMES = (
    "Aisha B.", "Amina K.", "Andrei P.", "Beatriz S.", "Chen W.", "Dmitri V.", "Elif D.",
    "Farah N.", "Giulia R.", "Hugo M.", "Ines C.", "Jonas F.", "Khadija A.", "Liam O.",
    "Maximiliane-Antoinette W.", "Noor H.", "Oluwaseun T.", "Priya G.", "Rafael L.", "Sofia E.",
)  # fmt: skip
ARABIC_NAMES = (
    "أمينة ك.", "أحمد س.", "إيمان ع.", "بلال ح.", "جميلة ر.", "خالد م.", "رانيا ف.", "زياد ط.",
    "سارة ب.", "سليم ن.", "عائشة د.", "عمر ق.", "فاطمة الزهراء ي.", "كريم و.", "ليلى م.",
    "محمد ت.", "مريم ج.", "نور د.", "هالة ش.", "يوسف غ.",
)  # fmt: skip
_MARKS = (RollMark.PRESENT, RollMark.NONE, RollMark.LATE, RollMark.PRESENT, RollMark.NONE)


def check_in_states(
    name: str, lesson: RunningLesson, *, is_arabic: bool
) -> Iterator[tuple[str, Screen, str]]:
    """Return name, state and what was typed: the pad, the name, refused codes, the roll-call."""
    yield "pin", AskPin(PinPurpose.CHECK_IN, SHOWN), "4821"
    wrong = AskPin(PinPurpose.CHECK_IN, SHOWN, CodeProblem.WRONG_PIN, attempt=1)
    yield "pin-wrong", wrong, ""
    yield "pin-wait", replace(wrong, wait_s=20, attempt=3), ""
    used = AskPin(PinPurpose.CHECK_IN, SHOWN, CodeProblem.USED)
    yield "pin-used", used, ""
    card = AskPin(PinPurpose.LOOK_ALIKE, (Fallback.CARD,), takes_pin=False)
    yield "pin-card-first", card, ""
    yield "pin-card", AskPin(PinPurpose.CARD), ""
    yield "pin-look-alike", AskPin(PinPurpose.LOOK_ALIKE, (Fallback.CARD,)), ""
    yield "pin-unsure", AskPin(PinPurpose.UNSURE, (Fallback.CARD,)), ""
    unsure = AskPin(PinPurpose.UNSURE, (Fallback.CARD,), takes_pin=False)
    yield "pin-unsure-card-first", unsure, ""
    for state, ways in (("unsure", WAYS), ("unsure-no-ways", ())):
        yield state, NotRecognised(NotRecognisedReason.UNSURE, ways), ""
    yield "unsure-leaving", NotRecognised(NotRecognisedReason.UNSURE_LEAVING, WAYS), ""
    yield "pin-unlock", AskPin(PinPurpose.UNLOCK, SHOWN), ""
    yield "confirm-name", ConfirmName(name), ""
    yield "confirm-name-busy", ConfirmName(name, is_busy=True), ""
    for problem in CodeProblem:
        yield f"code-{problem.value}", CodeRefused(problem, WAYS), ""
    names = ARABIC_NAMES if is_arabic else LATIN_NAMES
    rows = tuple(
        RollRow(str(n), one, RollMark.NONE if n < 2 else _MARKS[n % 5], needs_teacher=n < 2)
        for n, one in enumerate(names)
    )
    yield "roll-call", RollCall(lesson, names[-1], rows), ""
    yield "roll-call-unsaved", RollCall(lesson, names[-1], rows, is_unsaved=True), ""
    yield "roll-call-busy", RollCall(lesson, names[-1], rows, is_busy=True), ""
    yield "roll-call-no-lesson", RollCall(None, names[-1]), ""
