"""The routes of rooms, courses, terms, holidays, weekly patterns and lessons, one after another."""

from datetime import timedelta
from typing import Any

from starlette.testclient import TestClient

from server.db.types import now
from tests.support.audit_walk import REASON, Places, Walk
from tests.support.office_desk import day_in


def timetable_routes(at: Places) -> None:
    do, desk = at.walk.do, at.desk
    room: str = do("POST", "/api/v1/rooms", "room.create", json={"name": "A"}).json()["id"]
    do("POST", "/rooms", "room.create", data={"name": "B"})
    do("PATCH", "/api/v1/rooms/{room_id}", "room.change", room, json={"name": "C"})
    do("POST", "/rooms/{room_id}/edit", "room.change", room, data={"name": "D"})
    body = {"code": "A", "title": "A"}
    course: str = do("POST", "/api/v1/courses", "course.create", json=body).json()["id"]
    do("POST", "/courses", "course.create", data={"code": "B", "title": "B"})
    do("PATCH", "/api/v1/courses/{course_id}", "course.change", course, json=body)
    do("POST", "/courses/{course_id}/edit", "course.change", course, data=body)
    _roster_routes(at, course)
    row = {"account_id": at.teacher, "from": day_in(0)}
    route = "/api/v1/courses/{course_id}/teachers"
    entry: str = do("POST", route, "course.add_teacher", course, json=row).json()["id"]
    last = {"until": day_in(9)}
    do("PATCH", f"{route}/{{entry_id}}", "course.end_teacher", course, entry, json=last)
    chosen = {"course_id": course, "account_id": at.teacher, "from_date": day_in(20)}
    do("POST", "/courses/chosen/teacher", "course.add_teacher", data=chosen)
    many = {"course_ids": [desk.other_course], "account_id": at.teacher}
    do("POST", "/api/v1/courses/bulk/teacher", "course.add_teacher", json=many)
    term = {"name": "Autumn", "first_day": day_in(-300), "last_day": day_in(300)}
    by_api: str = do("POST", "/api/v1/terms", "term.create", json=term).json()["id"]
    do("POST", "/terms", "term.create", data=term | {"name": "Spring"})
    do("PUT", "/api/v1/terms/{term_id}", "term.change", by_api, json=term)
    do("POST", "/terms/{term_id}/edit", "term.change", by_api, data=term)
    do("DELETE", "/api/v1/terms/{term_id}", "term.delete", by_api)
    left: str = desk.office.get("/api/v1/terms").json()[0]["id"]
    do("POST", "/terms/{term_id}/delete", "term.delete", left)
    _holiday_routes(at)
    _group_routes(at)
    _calendar_routes(at, course)
    _pattern_routes(at, course)


def _pattern_routes(at: Places, course: str) -> None:
    do, desk = at.walk.do, at.desk
    term = desk.post("/terms", name="Autumn", first_day=day_in(-300), last_day=day_in(300))["id"]
    body = {"term_id": term, "course_id": course, "room_id": desk.other_room, "weekday": 3}
    body |= {"starts": "08:00", "ends": "08:45"}
    route = "/api/v1/patterns/{pattern_id}"
    made: str = do("POST", "/api/v1/patterns", "pattern.create", json=body).json()["id"]
    do("PUT", route, "pattern.change", made, json=body | {"starts": "08:05"})
    do("DELETE", route, "pattern.delete", made)
    place = {"of": f"room:{desk.other_room}", "week": day_in(7)}
    form = {key: str(body[key]) for key in ("course_id", "room_id", "weekday", "starts", "ends")}
    do("POST", "/timetable/add", "pattern.create", params=place, data=form)
    left = desk.office.get("/api/v1/patterns").json()["patterns"][0]["id"]
    route, form = "/timetable/patterns/{pattern_id}", form | {"starts": "08:05"}
    do("POST", route, "pattern.change", left, params=place, data=form)
    do("POST", f"{route}/delete", "pattern.delete", left, params=place)
    desk.office.delete(f"/api/v1/terms/{term}")


def _holiday_routes(at: Places) -> None:
    do = at.walk.do
    body = {"name": "Winter", "first_day": day_in(20), "last_day": day_in(30)}
    route, page = "/api/v1/holidays/{holiday_id}", "/holidays/{holiday_id}"
    made: str = do("POST", "/api/v1/holidays", "holiday.create", json=body).json()["id"]
    do("PUT", route, "holiday.change", made, json=body)
    do("POST", f"{page}/edit", "holiday.change", made, data=body)
    do("DELETE", route, "holiday.delete", made)
    do("POST", "/holidays", "holiday.create", data=body)
    left: str = at.desk.office.get("/api/v1/holidays").json()[0]["id"]
    do("POST", f"{page}/delete", "holiday.delete", left)


def _group_routes(at: Places) -> None:
    do, desk = at.walk.do, at.desk
    api, page = "/api/v1/groups", "/groups/{group_id}"
    group: str = do("POST", api, "group.create", json={"name": "7B"}).json()["id"]
    do("POST", "/groups", "group.create", data={"name": "7C"})
    do("PATCH", f"{api}/{{group_id}}", "group.change", group, json={"name": "7D"})
    do("POST", f"{page}/edit", "group.change", group, data={"name": "7E"})
    body = {"person_ids": [desk.ada]}
    route = f"{api}/{{group_id}}/members"
    (made,) = do("POST", route, "group.add", group, json=body).json()
    form = {"person_ids": desk.ben, "from_date": day_in(0)}
    do("POST", f"{page}/members", "group.add", group, data=form)
    ada = made["id"]
    last = {"until": day_in(1)}
    do("PATCH", f"{route}/{{member_id}}", "group.remove", group, ada, json=last)
    until = {"until_date": day_in(2)}
    do("POST", f"{page}/members/{{member_id}}/end", "group.remove", group, ada, data=until)
    route, body = f"{api}/{{group_id}}/courses", {"course_id": desk.other_course}
    link: str = do("POST", route, "group.course_add", group, json=body).json()["id"]
    do("PATCH", f"{route}/{{link_id}}", "group.course_remove", group, link, json=last)
    do("POST", f"{page}/courses/{{link_id}}/end", "group.course_remove", group, link, data=until)
    form = {"course_id": desk.course, "from_date": day_in(0)}
    do("POST", f"{page}/courses", "group.course_add", group, data=form)
    form = {"course_id": desk.other_course, "group_id": group, "from_date": day_in(5)}
    do("POST", "/courses/chosen/group", "group.course_add", data=form)
    (entry,) = [one["id"] for one in desk.entries() if one["person_id"] == desk.ben]
    desk.office.delete(f"/api/v1/courses/{desk.course}/roster/{entry}")
    route = "/courses/{course_id}/exceptions/{person_id}/end"
    do("POST", route, "roster.follow", desk.course, desk.ben, data={})
    (entry,) = [one["id"] for one in desk.entries() if one["person_id"] == desk.ben]
    desk.office.delete(f"/api/v1/courses/{desk.course}/roster/{entry}")
    route = "/api/v1/courses/{course_id}/class-exceptions/{person_id}"
    do("DELETE", route, "roster.follow", desk.course, desk.ben)
    _bulk_routes(at)


def _bulk_routes(at: Places) -> None:
    do, desk, route = at.walk.do, at.desk, "/api/v1/courses/{course_id}/roster/bulk"
    both = (
        desk.post("/courses", code="X", title="X")["id"],
        desk.post("/courses", code="Y", title="Y")["id"],
    )
    people = {"person_ids": [desk.ada, desk.ben]}
    do("POST", route, "roster.add", both[0], json=people)
    do("POST", f"{route}/end", "roster.remove", both[0], json=people)
    group = desk.post("/groups", name="9A")["id"]
    desk.post(f"/groups/{group}/members", person_ids=[desk.ada])
    body = {"course_ids": both, "group_id": group}
    do("POST", "/api/v1/courses/bulk/group", "group.course_add", json=body)
    body = {"course_ids": both[:1], "until": day_in(3)}
    do("POST", "/api/v1/courses/bulk/end", "group.course_remove", json=body)
    form = {"course_id": both[1], "last_day": day_in(3)}
    do("POST", "/courses/chosen/end", "group.course_remove", data=form)


def _calendar_routes(at: Places, course: str) -> None:
    do, route = at.walk.do, "/courses/{course_id}/calendar-feed"
    do("POST", f"/api/v1{route}", "calendar.create", course)
    do("POST", route, "calendar.renew", course)
    do("POST", f"{route}/end", "calendar.end", course)
    do("POST", route, "calendar.create", course)
    do("DELETE", f"/api/v1{route}", "calendar.end", course)


def own_calendar_routes(walk: Walk, teacher: TestClient) -> None:
    api, page = "/api/v1/calendar-feed", "/calendar-feed"
    walk.do("POST", api, "calendar.create", client=teacher)
    walk.do("POST", page, "calendar.renew", client=teacher)
    walk.do("POST", f"{page}/end", "calendar.end", client=teacher)
    walk.do("POST", page, "calendar.create", client=teacher)
    walk.do("DELETE", api, "calendar.end", client=teacher)


def _roster_routes(at: Places, course: str) -> None:
    do, desk = at.walk.do, at.desk
    route = "/api/v1/courses/{course_id}/roster"
    entry: str = do("POST", route, "roster.add", course, json={"person_id": desk.ada}).json()["id"]
    do("POST", "/courses/{course_id}/roster", "roster.add", course, data={"person_id": desk.ben})
    dates = {"from": day_in(1), "until": day_in(3)}
    do("PATCH", f"{route}/{{entry_id}}", "roster.change", course, entry, json=dates)
    form = {"from_date": day_in(1), "until_date": day_in(4)}
    page = "/courses/{course_id}/roster/{entry_id}"
    do("POST", page, "roster.change", course, entry, data=form)
    do("POST", f"{page}/remove", "roster.remove", course, entry)
    (other,) = desk.office.get(f"/api/v1/courses/{course}/roster").json()
    do("DELETE", f"{route}/{{entry_id}}", "roster.remove", course, other["id"])


def lesson_routes(at: Places) -> None:
    do, desk = at.walk.do, at.desk
    planned = desk.lesson(timedelta(days=2))
    body = {
        "course_id": desk.course,
        "room_id": desk.room,
        "starts_at": (now() + timedelta(days=3)).isoformat(),
        "ends_at": (now() + timedelta(days=3, minutes=45)).isoformat(),
    }
    made: str = do("POST", "/api/v1/lessons", "lesson.create", json=body).json()["id"]
    do("POST", "/lessons/new", "lesson.create", data=desk.lesson_form(day=day_in(5)))
    do("PUT", "/api/v1/lessons/{lesson_id}", "lesson.change", made, json=body)
    form = desk.lesson_form(day=day_in(6))
    do("POST", "/lessons/{lesson_id}/edit", "lesson.change", planned, data=form)
    place = {"of": f"room:{desk.room}", "week": day_in(6)}
    do("POST", "/timetable/lessons/{lesson_id}", "lesson.change", planned, params=place, data=form)
    for prefix, send in (("/api/v1", "json"), ("", "data")):
        for verb in ("cancel", "restore"):
            route = f"{prefix}/lessons/{{lesson_id}}/{verb}"
            request: dict[str, Any] = {send: REASON}
            do("POST", route, f"lesson.{verb}", planned, **request)
    stands_in, route = {"account_id": at.teacher}, "/lessons/{lesson_id}/substitute"
    do("PUT", f"/api/v1{route}", "lesson.substitute", made, json=stands_in)
    do("POST", route, "lesson.substitute", planned, data=stands_in)
    do("DELETE", f"/api/v1{route}", "lesson.end_substitute", made)
    do("DELETE", "/api/v1/lessons/{lesson_id}", "lesson.delete", made)
    do("POST", "/lessons/{lesson_id}/delete", "lesson.delete", planned)
