"""The marks of a register that a person should look at, each with its evidence."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy
from sqlalchemy import or_
from sqlmodel import Session

from server.attendance.register import ATTENDED, Judgement
from server.attendance.service import Register, RegisterLine
from server.attendance.tables import StoredEvent
from server.db.prepared import Prepared, several, table_of

_EVENTS = table_of(StoredEvent)
#: Events that a face alone did not make: with a second factor, or an undecided check.
_UNSURE = Prepared(
    sqlalchemy.select(_EVENTS.c.kiosk_id, _EVENTS.c.id, _EVENTS.c.body).where(
        _EVENTS.c.kiosk_id.in_(several("kiosks")),
        _EVENTS.c.id.in_(several("events")),
        or_(
            _EVENTS.c.body.contains('"second":"', autoescape=True),
            _EVENTS.c.body.contains('"undecided"', autoescape=True),
        ),
    )
)


class DoubtKind(StrEnum):
    """Why a mark is in doubt."""

    CLOCK = "clock"  # the kiosk did not know the time
    SCAN = "scan"  # a scan of uncertain time may belong to the lesson
    REPLAY = "replay"  # a phone's code was used at two kiosks
    LIVENESS = "liveness"  # the check could not decide whether the face was live
    LOOK_ALIKE = "look_alike"  # a face was not enough: another student looks alike


@dataclass(frozen=True)
class Doubt:
    """A mark that a person should look at.

    Attributes:
        method: what confirmed the mark in place of the face; empty where nothing did.
        count: how many scans it is about.
    """

    line: RegisterLine
    kind: DoubtKind
    method: str = ""
    count: int = 1


def doubts_of(db: Session, register: Register) -> list[Doubt]:
    """Return the doubtful marks of a register, in the order of its lines.

    A line that a person has corrected is settled.
    """
    lines = [one for one in register.lines if not one.mark.is_corrected]
    said = _unsure(db, (one.mark for one in lines if one.mark.status in ATTENDED))
    return [
        doubt
        for one in lines
        for doubt in (*_of_times(one), *_of_face(one, said.get(_key(one.mark), {})))
    ]


def _of_times(line: RegisterLine) -> Iterable[Doubt]:
    mark = line.mark
    if mark.is_clock_doubtful:
        yield Doubt(line, DoubtKind.CLOCK)
    if mark.doubtful and mark.is_unseen:
        yield Doubt(line, DoubtKind.SCAN, count=len(mark.doubtful))
    if mark.replays:
        yield Doubt(line, DoubtKind.REPLAY, count=len(mark.replays))


def _of_face(line: RegisterLine, body: dict[str, Any]) -> Iterable[Doubt]:
    if not body:
        return
    liveness, second = body.get("liveness"), str(body.get("second") or "")
    method = second or (str(line.mark.method or "") if line.mark.method != "face" else "")
    if isinstance(liveness, dict) and liveness.get("verdict") == "undecided":
        yield Doubt(line, DoubtKind.LIVENESS, method)
    elif second:
        yield Doubt(line, DoubtKind.LOOK_ALIKE, second)


def _unsure(
    db: Session, marks: Iterable[Judgement]
) -> dict[tuple[uuid.UUID | None, uuid.UUID | None], dict[str, Any]]:
    keys = [(one.kiosk_id, one.event_id) for one in marks if one.kiosk_id and one.event_id]
    if not keys:
        return {}
    kiosks, events = {kiosk for kiosk, _event in keys}, [event for _kiosk, event in keys]
    rows = _UNSURE.rows(db, kiosks=kiosks, events=events)
    return {(kiosk, event): json.loads(body) for kiosk, event, body in rows}


def _key(mark: Judgement) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    return mark.kiosk_id, mark.event_id
