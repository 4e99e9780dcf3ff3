"""Adds the kiosks of a list to the server, and gets their claim codes."""

from dataclasses import dataclass
from enum import StrEnum

from provisioning.errors import ServerRefusedError
from provisioning.fleet.listing import ListedRow
from provisioning.office import (
    IssuedCode,
    ListedKiosk,
    Office,
    missing_room_words,
    other_room_words,
)

CLAIMED = "claimed"


class Step(StrEnum):
    """What one row of the list asks for, or became."""

    ADD = "add"
    NEW_CODE = "new code"
    NOTHING = "nothing to do"
    FAILED = "failed"


@dataclass(frozen=True)
class Planned:
    """What is to be done for one row.

    Attributes:
        row: of the list.
        step: what.
        target: id of the room for `ADD`, of the kiosk for `NEW_CODE`.
        words: why nothing is done, or why it fails.
    """

    row: ListedRow
    step: Step
    target: str = ""
    words: str = ""


@dataclass(frozen=True)
class RowResult:
    """What became of one row; `code` where it got one."""

    row: ListedRow
    step: Step
    code: IssuedCode | None = None
    words: str = ""


def plan(
    rows: list[ListedRow],
    kiosks: list[ListedKiosk],
    rooms: dict[str, str],
    *,
    wants_new_codes: bool,
) -> list[Planned]:
    """Compare a list with the server.

    Args:
        rows: of the list.
        kiosks: on the server.
        rooms: of the server, id by name.
        wants_new_codes: kiosks that are there and not claimed get a new code each.
    """
    there = {kiosk.name: kiosk for kiosk in kiosks}
    return [_planned(row, there.get(row.name), rooms, wants_new_codes) for row in rows]


def _planned(
    row: ListedRow, kiosk: ListedKiosk | None, rooms: dict[str, str], wants_new_codes: bool
) -> Planned:
    fault = row.fault or _fault(row, kiosk, rooms)
    if fault:
        return Planned(row, Step.FAILED, words=fault)
    if kiosk is None:
        return Planned(row, Step.ADD, rooms[row.room])
    if kiosk.state == CLAIMED:
        return Planned(row, Step.NOTHING, words="claimed already")
    if wants_new_codes:
        return Planned(row, Step.NEW_CODE, kiosk.id)
    return Planned(row, Step.NOTHING, words="added already; --new-codes gets it a new code")


def _fault(row: ListedRow, kiosk: ListedKiosk | None, rooms: dict[str, str]) -> str:
    if row.room not in rooms:
        return missing_room_words(row.room, rooms)
    if kiosk is not None and kiosk.room_name != row.room:
        return other_room_words(kiosk)
    return ""


def carry_out(office: Office, planned: Planned) -> RowResult:
    """Do what was planned for one row; the server's refusal is this row's failure alone.

    Raises:
        ServerUnreachableError: no answer; the rows before are done.
    """
    try:
        if planned.step is Step.ADD:
            code = office.add(planned.row.name, planned.target)
        elif planned.step is Step.NEW_CODE:
            code = office.new_code(planned.target)
        else:
            return RowResult(planned.row, planned.step, words=planned.words)
    except ServerRefusedError as exc:
        return RowResult(planned.row, Step.FAILED, words=str(exc))
    return RowResult(planned.row, planned.step, code)
