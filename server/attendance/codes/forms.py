"""What the forms of status codes send: text, to be read and to be shown again."""

from typing import Annotated

from pydantic import StringConstraints

from server.attendance.codes.code_list import Code
from server.attendance.codes.schemas import CodeChange, CodeCreate, ReasonList
from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)]
_MEANING = ("category", "is_attended", "needs_reason")


class StatusCodeForm(StrictInput):
    """A code, new or changed. What is fixed is not in the form of a code."""

    name: Text = ""
    letter: Text = ""
    category: Text = "excused"
    is_attended: Text = ""
    needs_reason: Text = ""
    colour: Text = "grey"
    statutory_code: Text = ""
    position: Text = ""

    @classmethod
    def of(cls, code: Code) -> "StatusCodeForm":
        """Fill the form with what a code is."""
        return cls(
            name=code.name,
            letter=code.letter,
            category=code.category,
            is_attended="1" if code.is_attended else "",
            needs_reason="1" if code.needs_reason else "",
            colour=code.colour,
            statutory_code=code.statutory_code,
            position=str(code.position),
        )

    def created(self) -> CodeCreate:
        """Read a new code.

        Raises:
            ValueError: a field cannot be read.
        """
        return CodeCreate.model_validate(self._values())

    def changed(self, code: Code) -> CodeChange:
        """Read what is to change about a code.

        Raises:
            ValueError: a field cannot be read.
        """
        values = self._values()
        if code.is_fixed:
            values = {name: one for name, one in values.items() if name not in _MEANING}
        return CodeChange.model_validate(values)

    def _values(self) -> dict[str, object]:
        flags = {"is_attended": bool(self.is_attended), "needs_reason": bool(self.needs_reason)}
        return self.model_dump() | flags


class ReasonsForm(StrictInput):
    """The reasons that are offered, one on each line."""

    reasons: Annotated[str, StringConstraints(max_length=8000)] = ""

    def listed(self) -> ReasonList:
        """Read the lines.

        Raises:
            ValueError: a reason is too short or too long, or there are too many.
        """
        lines = (one.strip() for one in self.reasons.splitlines())
        return ReasonList(reasons=[one for one in lines if one])
