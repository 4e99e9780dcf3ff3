"""The part of the audit walk that decides about registers and changes status codes."""

from tests.support.audit_walk import Walk
from tests.support.documents import tiny_pdf
from tests.support.office_desk import OfficeDesk


def several_lines(walk: Walk, desk: OfficeDesk, lesson: str) -> None:
    """Decide about a whole register, by page and API."""
    do, ada, codes = walk.do, desk.ada, desk.codes()
    api, page = "/api/v1/lessons/{lesson_id}", "/lessons/{lesson_id}"
    route = f"{api}/corrections/{{person_id}}"
    do("DELETE", route, "attendance.correct", lesson, ada)
    route = f"{api}/remarks/{{person_id}}"
    do("PUT", route, "attendance.remark", lesson, ada, json={"text": ""})
    present = {"code_id": codes["present"]}
    many = "attendance.correct_many"
    batch = do("POST", f"{api}/corrections/everyone-left", many, lesson, json=present).json()
    route = f"{api}/corrections/{{batch_id}}/undo"
    do("POST", route, "attendance.undo", lesson, batch["id"])
    do("POST", f"{page}/everyone-left", many, lesson, data=present)
    body = {"lines": [{"person_id": ada}], "status": "absent"}
    batch = do("POST", f"{api}/corrections/bulk", many, lesson, json=body).json()
    do("POST", f"{page}/undo", "attendance.undo", lesson, data={"batch_id": batch["id"]})
    state = desk.register(lesson)["rows"][0]["state"]
    do("POST", f"{page}/several", many, lesson, data=present | {"line": f"{ada} {state}"})
    tap = {"tap": f"{ada} {state} {codes['absent']}"}
    do("POST", f"{page}/tap", "attendance.correct", lesson, data=tap)
    do("POST", f"{api}/confirmation", "attendance.confirm", lesson, json={"not_seen": []})
    again = present | {"person_id": ada}  # a confirmation that says nothing new leaves no entry
    do("POST", f"{api}/corrections", "attendance.correct", lesson, json=again)
    do("POST", f"{page}/confirm", "attendance.confirm", lesson, data={"not_seen": ""})


def line_files(walk: Walk, desk: OfficeDesk, lesson: str) -> None:
    """Add a file to a line, open and delete it, by page and API."""
    do, at = walk.do, (lesson, desk.ada)
    api = "/api/v1/lessons/{lesson_id}/people/{person_id}/attachments"
    for prefix, method, end in (("/api/v1", "DELETE", ""), ("", "POST", "/delete")):
        route = f"{prefix}/lessons/{{lesson_id}}/people/{{person_id}}/attachments"
        do("POST", route, "attendance.attach", *at, files={"file": tiny_pdf()})
        listed = api.format(lesson_id=lesson, person_id=desk.ada)
        file: str = desk.office.get(listed).json()[0]["id"]
        route = f"{route}/{{attachment_id}}"
        do("GET", route, "attendance.view_file", *at, file)
        do(method, f"{route}{end}", "attendance.delete_file", *at, file)


def code_routes(walk: Walk) -> None:
    """Add, change and retire status codes, by page and API."""
    do = walk.do
    fields = {"name": "Trip", "letter": "T", "category": "excused", "colour": "blue"}
    flags = {"is_attended": True, "needs_reason": False}
    route = "/api/v1/status-codes"
    one: str = do("POST", route, "status_code.create", json=fields | flags).json()["id"]
    do("PATCH", f"{route}/{{code_id}}", "status_code.change", one, json={"name": "Class trip"})
    do("POST", f"{route}/{{code_id}}/retire", "status_code.retire", one)
    do("POST", f"{route}/{{code_id}}/restore", "status_code.restore", one)
    do("PUT", f"{route}/reasons", "status_code.set_reasons", json={"reasons": ["Illness"]})
    form = fields | {"name": "Sport", "position": "7"}
    do("POST", "/status-codes/new", "status_code.create", data=form)
    do("POST", "/status-codes/{code_id}", "status_code.change", one, data=form | {"name": "Club"})
    do("POST", "/status-codes/{code_id}/retire", "status_code.retire", one)
    do("POST", "/status-codes/{code_id}/restore", "status_code.restore", one)
    do("POST", "/status-codes/reasons", "status_code.set_reasons", data={"reasons": "Illness"})
