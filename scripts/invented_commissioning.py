"""What pages show of acceptance tests of kiosks."""

import json
from datetime import datetime, timedelta

from sqlmodel import Session

from protocol.v1.commissioning import (
    CommissionDrill,
    CommissionReport,
    sign_commissioning,
    unsigned_signature,
)
from protocol.v1.findings import CodedText, coded
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import CommissionStep, CommissionStepName, SkipReason, StepOutcome
from scripts.invented_school import School
from server.commissioning import service
from server.db.types import now
from server.kiosks.tables import Kiosk

SEEN: dict[CommissionStepName, tuple[CodedText, dict[str, float]]] = {
    CommissionStepName.LIGHT: (coded("light.good", percent=52), {"brightness_percent": 52}),
    CommissionStepName.FOCUS: (coded("focus.good", figure=212), {"sharpness": 212}),
    CommissionStepName.DISTANCE: (
        coded("distance.good"),
        {"pictures": 29, "pictures_with_face": 28, "good_pictures": 26, "face_px": 187},
    ),
    CommissionStepName.PRINT_ATTACK: (coded("attack.good", count=4), {"tries": 4, "refused": 4}),
    CommissionStepName.CLOCK: (coded("clock.good"), {}),
    CommissionStepName.HTTP: (coded("http.good", took=18), {}),
    CommissionStepName.MQTT: (coded("mqtt.good", host="10.20.0.4", port=8883), {}),
    CommissionStepName.OFFLINE_DRILL: (
        coded("drill.good", back_s=6, offline_s=60),
        {"offline_s": 60, "back_s": 6.2, "waiting": 0},
    ),
}


def invented_step(name: CommissionStepName, at: datetime) -> CommissionStep:
    """Return the result of one step: a screen was accepted, and there is no accelerator."""
    if name is CommissionStepName.SCREEN_ATTACK:
        return CommissionStep(
            name=name,
            outcome=StepOutcome.FAILED,
            at=at,
            measures={"tries": 3, "refused": 2},
        ).saying(coded("attack.accepted", number=3))
    if name is CommissionStepName.ACCELERATOR:
        return CommissionStep(
            name=name, outcome=StepOutcome.SKIPPED, at=at, reason=SkipReason.NOT_FITTED
        ).saying(coded("accelerator.none"))
    text, measures = SEEN[name]
    return CommissionStep(name=name, outcome=StepOutcome.PASSED, at=at, measures=measures).saying(
        text
    )


def commission(db: Session, school: School) -> None:
    """Let the first kiosk have been tested twice: a good report, and an older one."""
    kiosk = db.get_one(Kiosk, school.kiosks[0])
    if service.reports_of(db, kiosk.id):
        return
    for days in (19, 2):
        at = now() - timedelta(days=days, minutes=9)
        report = CommissionReport(
            id=str(uuid7()),
            kiosk_id=kiosk.wire_id,
            room="R10",
            started_at=at,
            finished_at=at + timedelta(minutes=8),
            software_version="0.9.0",
            steps=tuple(invented_step(name, at) for name in CommissionStepName),
            signature=unsigned_signature(),
        )
        drill = CommissionDrill(
            report_id=report.id,
            kiosk_id=kiosk.wire_id,
            made_at=at + timedelta(minutes=6),
            signature=unsigned_signature(),
        )
        arrived = at + timedelta(minutes=7)
        key = school.keys[0]
        drilled = json.loads(sign_commissioning(drill, key).to_json())
        service.take_drill(db, kiosk, drilled, arrived)
        reported = json.loads(sign_commissioning(report, key).to_json())
        service.take_report(db, kiosk, reported, at + timedelta(minutes=8, seconds=3))
