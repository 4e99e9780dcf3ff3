"""The PIN pad without a window: its sentences, its wait, and what it keeps of a PIN."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.screens import AskPin, CodeProblem, ConfirmName, PinPurpose
from kiosk.ui.catalogue import Catalogue, load_catalogue
from kiosk.ui.presenters.check_in import CheckInPresenter
from protocol.v1.checkin import PIN_DIGITS
from protocol.v1.messages import Fallback

ENGLISH = load_catalogue("en", ZoneInfo("UTC"))
ASKED = AskPin(PinPurpose.CHECK_IN)
KEYS = ("0", "4", "9", "erase")


class Pad:
    """A presenter, its clock, and what it reported."""

    def __init__(self, words: Catalogue) -> None:
        self.now_s = 100.0
        self.pins: list[str] = []
        self.answers: list[bool] = []
        self.presenter = CheckInPresenter(words, monotonic_s=lambda: self.now_s)
        self.presenter.pin_entered.connect(self.pins.append)
        self.presenter.name_answered.connect(self.answers.append)

    def type(self, pin: str) -> None:
        for digit in pin:
            self.presenter.press(digit)


@pytest.fixture(params=["en", "ar"])
def pad(request: pytest.FixtureRequest) -> Pad:
    return Pad(load_catalogue(request.param, ZoneInfo("UTC")))


def test_every_purpose_and_problem_has_its_own_sentence(pad: Pad) -> None:
    said, problems = set(), set()
    for purpose in PinPurpose:
        for problem in CodeProblem:
            pad.presenter.show(AskPin(purpose, problem=problem))
            said.add((pad.presenter.current.title, pad.presenter.current.body))
            problems.add(pad.presenter.current.message)
    assert (len(said), len(problems)) == (len(PinPurpose), len(CodeProblem))


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        ((Fallback.QR, Fallback.CARD), "Or show a QR code or card"),
        ((Fallback.QR, Fallback.CARD_ALONE), "Or show a QR code or card"),
        ((Fallback.QR,), "Or show a QR code"),
        ((Fallback.CARD_ALONE,), "Or use your card"),
        ((Fallback.PIN, Fallback.TEACHER), ""),
        ((), ""),
    ],
)
def test_only_what_may_be_shown_is_said(
    words: Catalogue, ways: tuple[Fallback, ...], said: str
) -> None:
    pad = Pad(words)
    pad.presenter.show(AskPin(PinPurpose.CHECK_IN, ways))
    assert pad.presenter.current.hint == said
    assert pad.presenter.current.aims == (Fallback.QR in ways)


@given(keys=st.lists(st.sampled_from(KEYS), max_size=40))
def test_any_keys_enter_whole_pins_of_the_last_digits(keys: list[str]) -> None:
    pad, typed, expected = Pad(ENGLISH), "", []
    attempt = 0
    pad.presenter.show(ASKED)
    for key in keys:
        if key == "erase":
            pad.presenter.erase()
            typed = typed[:-1]
        else:
            pad.presenter.press(key)
            typed += key
        if len(typed) == PIN_DIGITS:
            expected.append(typed)
            typed, attempt = "", attempt + 1
            pad.presenter.show(AskPin(PinPurpose.CHECK_IN, attempt=attempt))
        assert pad.presenter.current.entered == len(typed)
    assert pad.pins == expected


@pytest.mark.parametrize("key", ["", "a", "٣", "12", "Ⅷ", "²", " "])
def test_what_is_no_digit_of_the_pad_is_ignored(words: Catalogue, key: str) -> None:
    pad = Pad(words)
    pad.presenter.show(ASKED)
    pad.presenter.press(key)
    assert pad.presenter.current.entered == 0


def test_a_pin_is_kept_nowhere_once_it_is_entered(words: Catalogue) -> None:
    pad = Pad(words)
    pad.presenter.show(ASKED)
    pad.type("482170")
    kept = [value for value in vars(pad.presenter).values() if "482170" in str(value)]
    assert (pad.pins, kept) == (["482170"], [])


@pytest.mark.parametrize("leave", ["leave", "close"])
def test_digits_are_kept_nowhere_once_the_pad_is_left(words: Catalogue, leave: str) -> None:
    pad = Pad(words)
    pad.presenter.show(ASKED)
    pad.type("4821")
    getattr(pad.presenter, leave)()
    assert [value for value in vars(pad.presenter).values() if "4821" in str(value)] == []
    assert pad.presenter.current.entered == 0


def test_a_name_is_kept_nowhere_once_the_question_is_left(words: Catalogue) -> None:
    pad = Pad(words)
    pad.presenter.show(ConfirmName("Amina K."))
    pad.presenter.leave()
    assert [value for value in vars(pad.presenter).values() if "Amina" in str(value)] == []


@given(wait_s=st.integers(1, 30), passed_s=st.floats(0, 60))
def test_no_digit_is_taken_before_the_wait_is_over(wait_s: int, passed_s: float) -> None:
    pad = Pad(ENGLISH)
    pad.presenter.show(AskPin(PinPurpose.CHECK_IN, (), CodeProblem.WRONG_PIN, wait_s, 1))
    pad.now_s += passed_s
    pad.presenter.tick()
    pad.presenter.press("1")
    is_over = pad.now_s - 100.0 >= wait_s
    assert pad.presenter.current.entered == int(is_over)
    assert bool(pad.presenter.current.wait) != is_over
    assert pad.presenter.current.busy != is_over


def test_a_wait_that_the_kiosk_counts_down_itself_is_followed(words: Catalogue) -> None:
    pad = Pad(words)
    for left_s in (3, 2, 1, 0):
        pad.presenter.show(AskPin(PinPurpose.CHECK_IN, (), CodeProblem.WRONG_PIN, left_s, 1))
        pad.now_s += 1
    pad.type("482170")
    assert pad.pins == ["482170"]


def test_the_same_try_with_other_ways_keeps_what_was_typed(words: Catalogue) -> None:
    pad = Pad(words)
    pad.presenter.show(ASKED)
    pad.type("482")
    pad.presenter.show(AskPin(PinPurpose.CHECK_IN, (Fallback.QR,)))
    pad.type("170")
    assert pad.pins == ["482170"]


def test_nothing_is_typed_or_answered_where_nothing_is_asked(words: Catalogue) -> None:
    pad = Pad(words)
    pad.type("482170")
    pad.presenter.answer(is_yes=True)
    pad.presenter.show(ASKED)
    pad.presenter.answer(is_yes=True)
    pad.presenter.show(ConfirmName("Amina K."))
    pad.type("482170")
    assert (pad.pins, pad.answers) == ([], [])


def test_two_people_in_a_row_answer_for_themselves(words: Catalogue) -> None:
    pad = Pad(words)
    for name, is_yes in (("Amina K.", False), ("Ana L.", True)):
        pad.presenter.show(ConfirmName(name))
        pad.presenter.answer(is_yes=is_yes)
        pad.presenter.answer(is_yes=True)
    assert pad.answers == [False, True]


def test_a_pad_that_wants_a_card_first_says_why(pad: Pad) -> None:
    said = []
    for purpose in (PinPurpose.LOOK_ALIKE, PinPurpose.UNSURE):
        pad.presenter.show(AskPin(purpose, (Fallback.CARD,), takes_pin=False))
        said.append((pad.presenter.current.title, pad.presenter.current.body))
    assert len(set(said)) == 2


def test_a_card_that_was_turned_away_changes_a_sentence_and_no_answer(pad: Pad) -> None:
    pad.presenter.show(ConfirmName("Ana L."))
    quiet = pad.presenter.current.body
    pad.presenter.answer(is_yes=True)
    pad.presenter.show(ConfirmName("Ana L.", is_busy=True))
    pad.presenter.answer(is_yes=False)

    assert pad.presenter.current.body != quiet
    assert pad.answers == [True]


@pytest.mark.parametrize("takes_pin", [False, True])
@pytest.mark.parametrize("purpose", [PinPurpose.LOOK_ALIKE, PinPurpose.UNSURE])
def test_the_pad_of_a_face_says_how_another_person_leaves_it(
    pad: Pad, purpose: PinPurpose, *, takes_pin: bool
) -> None:
    pad.presenter.show(AskPin(purpose, (Fallback.CARD,), takes_pin=takes_pin))
    view = pad.presenter.current
    sentence = {"Back": "Not you? Tap Back.", "رجوع": "لست أنت؟ المس رجوع."}[view.back]
    assert view.body.endswith(sentence)
