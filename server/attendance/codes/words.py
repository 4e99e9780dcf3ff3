"""What a code is called and looks like for one reader."""

from dataclasses import dataclass
from typing import NamedTuple

from server.attendance.codes.code_list import Code, CodeList
from server.attendance.codes.palette import STATUS_TONES, TONES, Colour
from server.attendance.codes.tables import StatusCode
from server.attendance.register import AttendanceStatus, Judgement
from server.web.translations import Translator


class Look(NamedTuple):
    """How a status looks: its word, the tone of the design system, and a symbol."""

    word: str
    tone: str
    symbol: str


@dataclass(frozen=True)
class CodeWords:
    """Names codes in a reader's language."""

    t: Translator

    def name(self, code: Code | StatusCode) -> str:
        """Return what the school calls a code; of a default code, else the usual word."""
        return code.name or self.t(f"attendance.status.{code.category}")

    def letter(self, code: Code | StatusCode) -> str:
        """Return its letter, in the same way."""
        return code.letter or self.t(f"codes.letter.{code.category}")

    def look(self, code: Code | StatusCode) -> Look:
        """Return how a code looks."""
        symbol = STATUS_TONES[AttendanceStatus(code.category)][1]
        return Look(self.name(code), TONES[Colour(code.colour)], symbol)

    def open_look(self, status: AttendanceStatus) -> Look:
        """Return how a line looks that nobody decided about."""
        return Look(self.t(f"attendance.status.{status}"), *STATUS_TONES[status])

    def look_of(self, codes: CodeList, mark: Judgement) -> Look:
        """Return how a line of a register looks."""
        shown = codes.shown_on(mark)
        return self.look(shown) if shown else self.open_look(mark.status)

    def state(self, codes: CodeList, state: str) -> Look | None:
        """Return the same of what a line said before, see `CodeList.state_of`."""
        found = codes.of_state(state)
        if isinstance(found, Code):
            return self.look(found)
        return self.open_look(found) if found is not None else None
