"""Elsewhere, Not recognised, refused codes, notices and loading: a sign and a few calm words."""

import re
from dataclasses import dataclass

from kiosk.domain.screens import (
    CodeProblem,
    CodeRefused,
    Elsewhere,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
)
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from kiosk.ui.presenters.ways import WayItem, way_items

_NO_BREAK_SPACE = "\u00a0"
_BEFORE_NUMBER = re.compile(r"(?<=[^\W\d]) (?=\d+\b)")
"""The space between a word and a number: "Room 12", but not within "12 13 14"."""
_NOT_RECOGNISED = {
    NotRecognisedReason.NO_MATCH: ("not_recognised", "ask"),
    NotRecognisedReason.NOT_ME: ("not_me", "undo"),
    NotRecognisedReason.OTHER_WAY: ("other_way", "list"),
    NotRecognisedReason.UNSURE: ("unsure", "ask"),
    NotRecognisedReason.UNSURE_LEAVING: ("unsure_leaving", "ask"),
}
"""Words and sign by reason."""
_NOTICE_ICONS = {
    NoticeReason.NOTHING_RUNNING: "none",
    NoticeReason.NOT_ON_LIST: "list",
    NoticeReason.CHECK_IN_CLOSED: "clock",
    NoticeReason.NOT_SAVED: "disk",
}
_PROBLEM_ICONS = {
    CodeProblem.WRONG_PIN: "keypad",
    CodeProblem.NOBODYS_PIN: "keypad",
    CodeProblem.NO_LESSON: "clock",
    CodeProblem.UNKNOWN_CARD: "card",
    CodeProblem.EXPIRED: "hourglass",
    CodeProblem.USED: "qr",
    CodeProblem.FOREIGN: "qr",
    CodeProblem.CLOCK: "clock",
    CodeProblem.OTHER_PERSON: "person",
    CodeProblem.NOT_STAFF: "people",
    CodeProblem.NOT_SAVED: "disk",
}
Answer = Elsewhere | NotRecognised | CodeRefused | Notice


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The sign on the card and the words beside it; empty words are not drawn.

    ``ways`` are drawn as large as the answer.
    """

    icon: str = "check"
    tone: str = "accent"
    name: str = ""
    title: str = ""
    body: str = ""
    ways: tuple[WayItem, ...] = ()


def answer_view(screen: Answer, words: Catalogue) -> AnswerView:
    """Choose sign, tone and words."""
    if isinstance(screen, Elsewhere):
        room = _BEFORE_NUMBER.sub(_NO_BREAK_SPACE, screen.room_name)  # they stay on one line
        title = words("elsewhere.title", room=room)
        return AnswerView("pin", "calm", screen.display_name, title, words("elsewhere.body"))
    if isinstance(screen, NotRecognised):
        key, icon = _NOT_RECOGNISED[screen.reason]
        ways = way_items(screen.ways, words)
        body = words(f"{key}.ways" if ways else f"{key}.body")
        return AnswerView(icon, "calm", "", words(f"{key}.title"), body, ways)
    if isinstance(screen, CodeRefused):
        key, ways = f"problem.{screen.problem.value}", way_items(screen.ways, words)
        icon = _PROBLEM_ICONS[screen.problem]
        return AnswerView(icon, "calm", "", words(key), words(f"{key}.body"), ways)
    key = f"notice.{screen.reason.value}"
    tone = "late" if screen.reason is NoticeReason.NOT_SAVED else "calm"
    return AnswerView(_NOTICE_ICONS[screen.reason], tone, "", words(key), words(f"{key}.body"))


class AnswerPresenter(ViewPresenter[AnswerView]):
    """Shows where to go or where to ask; also holds the sign of the Welcome screen."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(AnswerView(), words)

    def show(self, screen: Answer) -> None:
        """Show this state."""
        self.replace(answer_view(screen, self._words))

    def show_sign(self, icon: str, tone: str) -> None:
        """Show a sign without words (they stand on the Welcome screen)."""
        self.replace(AnswerView(icon, tone))

    def show_loading(self) -> None:
        """Say that the kiosk is claimed and fetches its first configuration."""
        title, body = self._words("loading.title"), self._words("loading.body")
        self.replace(AnswerView("hourglass", "accent", "", title, body))

    def show_connecting(self, address: str = "") -> None:
        """Say that the kiosk claims itself, and where, if a QR code named another server."""
        title, body = self._words("claim.connecting"), self._words("connecting.body")
        if address:
            body = self._words("claim.connecting_to", address=address)
        self.replace(AnswerView("online", "accent", "", title, body))

    def show_storage_fault(self, file: str) -> None:
        """Say that the disk refuses, and which file, for a technician."""
        title = self._words("storage.title")
        body = self._words("storage.file", file=file) if file else self._words("storage.body")
        self.replace(AnswerView("disk", "late", "", title, body))
