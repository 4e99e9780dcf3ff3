import pytest
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import SetupStage
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.claim import ALPHABET, ClaimPresenter


@pytest.fixture
def presenter(words: Catalogue, qtbot: QtBot) -> ClaimPresenter:
    return ClaimPresenter(words)


def enter(presenter: ClaimPresenter, code: str) -> None:
    for letter in code:
        presenter.press(letter)


def test_a_complete_code_is_handed_over(presenter: ClaimPresenter, qtbot: QtBot) -> None:
    enter(presenter, "7KQ2M9TX")
    assert presenter.current.complete
    with qtbot.waitSignal(presenter.code_entered, timeout=0) as caught:
        presenter.submit()
    assert caught.args == ["7KQ2M9TX"]
    assert presenter.current.busy
    assert presenter.current.message == "Connecting…"


def test_an_incomplete_code_is_not_handed_over(presenter: ClaimPresenter, qtbot: QtBot) -> None:
    enter(presenter, "7KQ2")
    with qtbot.assertNotEmitted(presenter.code_entered):
        presenter.submit()


def test_letters_appear_and_can_be_taken_back(presenter: ClaimPresenter) -> None:
    enter(presenter, "7KQ")
    presenter.erase()
    assert presenter.current.letters == ("7", "K", "", "", "", "", "", "")
    assert presenter.current.cursor == 2


def test_look_alikes_are_read_as_digits_and_the_rest_is_ignored(presenter: ClaimPresenter) -> None:
    enter(presenter, "oiL u-é")
    presenter.press("")
    presenter.press("AB")
    assert "".join(presenter.current.letters) == "011"


def test_a_ninth_letter_is_ignored(presenter: ClaimPresenter) -> None:
    enter(presenter, "7KQ2M9TXZ")
    assert "".join(presenter.current.letters) == "7KQ2M9TX"


def test_nothing_is_typed_while_it_connects(presenter: ClaimPresenter, qtbot: QtBot) -> None:
    enter(presenter, "7KQ2M9TX")
    presenter.submit()
    presenter.erase()
    presenter.press("A")
    with qtbot.assertNotEmitted(presenter.code_entered):
        presenter.submit()
    assert "".join(presenter.current.letters) == "7KQ2M9TX"


def test_a_refused_code_is_cleared_with_the_reason(presenter: ClaimPresenter) -> None:
    enter(presenter, "7KQ2M9TX")
    presenter.submit()
    presenter.show(SetupStage.CLAIM_REFUSED)
    assert presenter.current.failed
    assert "not valid" in presenter.current.message
    assert "".join(presenter.current.letters) == ""


def test_a_code_the_server_never_saw_is_kept(presenter: ClaimPresenter) -> None:
    enter(presenter, "7KQ2M9TX")
    presenter.submit()
    presenter.show(SetupStage.SERVER_AWAY)
    assert presenter.current.failed
    assert "does not answer" in presenter.current.message
    assert presenter.current.complete


def test_typing_again_clears_the_error(presenter: ClaimPresenter) -> None:
    presenter.show(SetupStage.CLAIM_REFUSED)
    presenter.press("7")
    assert presenter.current.message == ""
    assert not presenter.current.failed


def test_the_keys_are_crockfords() -> None:
    assert len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)
