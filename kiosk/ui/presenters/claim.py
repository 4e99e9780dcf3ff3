"""Set-up screen: the claim code, typed on the screen, and how the claim goes."""

from dataclasses import dataclass, replace

from PySide6.QtCore import Signal, Slot

from kiosk.domain.identity import IdentityFault
from kiosk.domain.screens import SettingUp, SetupStage
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter

CODE_LENGTH = 8
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Source: protocol.md, Identity: 8 characters of Crockford base32."""
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


@dataclass(frozen=True, slots=True)
class ClaimView:
    """What the set-up screen says; ``cursor`` is the box to fill next, -1 when none.

    ``words`` are six to compare while that is asked; then there is no keypad.
    """

    title: str = ""
    body: str = ""
    connect: str = ""
    back: str = ""
    letters: tuple[str, ...] = ("",) * CODE_LENGTH
    keys: tuple[str, ...] = tuple(ALPHABET)
    cursor: int = 0
    complete: bool = False
    busy: bool = False
    failed: bool = False
    message: str = ""
    message_icon: str = "alert"
    scan: str = ""
    words: tuple[str, ...] = ()
    question: str = ""
    yes: str = ""
    no: str = ""


class ClaimPresenter(ViewPresenter[ClaimView]):
    """Takes a claim code from touch or keyboard.

    Signals:
        code_entered: a complete code (str) to claim with.
        words_answered: whether the six words are the same (bool).
    """

    code_entered = Signal(str)
    words_answered = Signal(bool)

    def __init__(self, words: Catalogue) -> None:
        super().__init__(ClaimView(), words)
        self.use_words(words)
        self._code = ""

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._explain(IdentityFault.NONE)

    def _explain(self, fault: IdentityFault) -> None:
        """Say why a code is needed; a new kiosk needs one because it is new."""
        words = self._words
        title, body = words("claim.title"), words("claim.body")
        if fault is not IdentityFault.NONE:
            title, body = words("claim.again"), words(f"claim.fault.{fault.value}")
        self.replace(
            replace(
                self.current,
                title=title,
                body=body,
                connect=words("claim.connect"),
                back=words("claim.back"),
                scan=words("claim.scan"),
                words=(),
                question=words("claim.words.question"),
                yes=words("claim.words.yes"),
                no=words("claim.words.no"),
            )
        )

    def show_setup(self, setup: SettingUp) -> None:
        """Show a step of the claim, with the words to compare or what is wrong with the link."""
        self.show(setup.stage, setup.fault)
        if setup.stage is SetupStage.COMPARE_WORDS:
            self._ask(setup)
        elif setup.stage is SetupStage.UNTRUSTED:
            words = self._words(f"claim.untrusted.{setup.link.value}")
            self._say(words, icon="alert", busy=False, failed=True)
        elif setup.stage is SetupStage.CLAIMING and setup.address:
            words = self._words("claim.connecting_to", address=setup.address)
            self._say(words, icon="online", busy=True, failed=False)

    def _ask(self, setup: SettingUp) -> None:
        title, body = self._words("claim.words"), self._words("claim.words.body")
        self.replace(replace(self.current, title=title, body=body, words=setup.words))
        self._say(setup.address, icon="online", busy=True, failed=False)

    def show(self, stage: SetupStage, fault: IdentityFault = IdentityFault.NONE) -> None:
        """Show how the claim stands; a refused code is cleared, an unanswered one is kept."""
        self._explain(fault)
        if stage is SetupStage.CLAIMING:
            self._say(self._words("claim.connecting"), icon="online", busy=True, failed=False)
        elif stage is SetupStage.WORDS_DIFFER:
            self._say(self._words("claim.words_differ"), icon="alert", busy=False, failed=True)
        elif stage is SetupStage.SERVER_AWAY:
            self._say(self._words("claim.server_away"), icon="offline", busy=False, failed=True)
        elif stage is SetupStage.FOREIGN_ANSWER:
            self._say(self._words("claim.foreign_answer"), icon="alert", busy=False, failed=True)
        elif stage is SetupStage.CLAIM_REFUSED:
            self._code = ""
            self._say(self._words("claim.refused"), icon="alert", busy=False, failed=True)
        else:
            self._say("", icon="alert", busy=False, failed=False)

    def clear(self) -> None:
        """Forget what was typed."""
        self._code = ""
        self.show(SetupStage.NEEDS_CLAIM_CODE)

    @Slot(str)
    def press(self, text: str) -> None:
        """A key was pressed; letters that Crockford base32 leaves out are read as digits."""
        letter = text.upper().translate(_LOOK_ALIKES)
        is_letter = len(letter) == 1 and letter in ALPHABET
        if self.current.busy or not is_letter or len(self._code) == CODE_LENGTH:
            return
        self._code += letter
        self._say("", icon="alert", busy=False, failed=False)

    @Slot()
    def erase(self) -> None:
        """Take the last letter back."""
        if not self.current.busy:
            self._code = self._code[:-1]
            self._say("", icon="alert", busy=False, failed=False)

    @Slot()
    def submit(self) -> None:
        """Claim with the code, if it is complete and no claim is under way."""
        if self.current.complete and not self.current.busy:
            self._say(self._words("claim.connecting"), icon="online", busy=True, failed=False)
            self.code_entered.emit(self._code)

    @Slot(bool)
    def answer(self, are_same: bool) -> None:
        """Say whether the six words are the same, once."""
        if self.current.words:
            self.replace(replace(self.current, words=()))
            self.words_answered.emit(are_same)

    def _say(self, message: str, *, icon: str, busy: bool, failed: bool) -> None:
        entered = len(self._code)
        self.replace(
            replace(
                self.current,
                letters=tuple(self._code.ljust(CODE_LENGTH)[n].strip() for n in range(CODE_LENGTH)),
                cursor=entered if entered < CODE_LENGTH and not busy else -1,
                complete=entered == CODE_LENGTH,
                busy=busy,
                failed=failed,
                message=message,
                message_icon=icon,
            )
        )
