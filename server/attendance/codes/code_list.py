"""All codes of a school, and which of them a line of a register shows. No database."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.attendance.register import CORRECTABLE, AttendanceStatus, Judgement


@dataclass(frozen=True)
class Code:
    """A status code; see `StatusCode`."""

    id: uuid.UUID
    name: str
    letter: str
    category: str
    is_attended: bool
    needs_reason: bool
    colour: str
    statutory_code: str
    position: int
    is_default: bool
    used_at: datetime | None
    retired_at: datetime | None

    @property
    def is_fixed(self) -> bool:
        """Whether its meaning cannot change any more: registers may rest on it."""
        return self.is_default or self.used_at is not None


class CodeList:
    """The codes of a school, in its order.

    Attributes:
        all: retired ones included.
        usable: those that can still be chosen.
        cycle: those that a tap goes through: the usual ones, which need no reason.
    """

    def __init__(self, codes: Sequence[Code]) -> None:
        self.all = tuple(sorted(codes, key=lambda one: (one.position, one.name, one.id)))
        self.usable = tuple(one for one in self.all if one.retired_at is None)
        self.cycle = tuple(one for one in self.usable if not one.needs_reason)
        self._by_id = {one.id: one for one in self.all}
        self._defaults = {one.category: one for one in self.all if one.is_default}

    def get(self, code_id: uuid.UUID | None) -> Code | None:
        """Return a code by its id; None where there is none."""
        return self._by_id.get(code_id) if code_id is not None else None

    def default_of(self, category: str) -> Code:
        """Return what lines of a status show that nobody corrected."""
        return self._defaults[category]

    def shown_on(self, mark: Judgement) -> Code | None:
        """Return the code of a line; None where nobody decided and nothing was seen."""
        if mark.status not in CORRECTABLE:
            return None
        return self.get(mark.code_id) or self._defaults[mark.status]

    def state_of(self, mark: Judgement) -> str:
        """Return what a line says, in one word that a tap sends back: a code's id or a status."""
        shown = self.shown_on(mark)
        return str(shown.id) if shown else mark.status.value

    def of_state(self, state: str) -> Code | AttendanceStatus | None:
        """Return what `state_of` meant; None where it meant nothing."""
        try:
            return self.get(uuid.UUID(state))
        except ValueError:
            return AttendanceStatus(state) if state in set(AttendanceStatus) else None

    def after(self, shown: Code | None) -> Code | None:
        """Return the code that a tap on a line sets; None where there is no other."""
        place = self.cycle.index(shown) + 1 if shown in self.cycle else 0
        found = self.cycle[place % len(self.cycle)] if self.cycle else None
        return None if found == shown else found
