"""The part of the audit walk that moves enrolments and decides about marks by face."""

from datetime import timedelta

from server.db.types import now
from tests.integration.server.test_on_site import see
from tests.support.audit_walk import Walk
from tests.support.enrolling import GIVEN
from tests.support.office_desk import OfficeDesk


def move_there_and_back(walk: Walk, desk: OfficeDesk, enrolment: str) -> None:
    """Move a photo of Ada to Ben and back, and decide about marks, by page and API."""
    do, ada, ben = walk.do, desk.ada, desk.ben
    desk.post(f"/people/{ben}/consents", **GIVEN)
    do("GET", "/people/{person_id}/move", "person.view_biometrics", ada)
    body = {"to_person_id": ben, "enrolment_ids": [enrolment]}
    route = "/api/v1/people/{person_id}/enrolments/move"
    move: str = do("POST", route, "enrolment.move", ada, json=body).json()["id"]
    form = {"to": ada, "enrolment": enrolment}
    do("POST", "/people/{person_id}/move", "enrolment.move", ben, data=form)
    kiosk = desk.hang_kiosk("Door of the walk")
    at = now() - timedelta(hours=1)
    marks = [str(see(desk.database, kiosk, ada, at)) for _ in range(3)]
    form = {"mark": f"{kiosk}:{marks[0]}", "answer": "theirs"}
    do("POST", "/moves/{move_id}/marks", "mark.review", move, data=form)
    form["mark"] = f"{kiosk}:{marks[1]}"
    do("POST", "/recognitions", "mark.review", data=form)
    names = [{"kiosk_id": kiosk, "event_id": marks[2]}]
    do("DELETE", "/api/v1/mark-reviews/{review_id}", "mark.undo", _review(walk, names))
    do("POST", "/mark-reviews/{review_id}/undo", "mark.undo", _review(walk, names), data={})


def _review(walk: Walk, names: list[dict[str, str]]) -> str:
    body = {"marks": names, "answer": "theirs"}
    answer = walk.do("POST", "/api/v1/mark-reviews", "mark.review", json=body)
    made: str = answer.json()[0]["id"]
    return made
