"""Weekly patterns and holidays over the API: lessons, their identity, clashes, what kiosks get."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from server.db.engine import Database
from server.db.types import now
from server.kiosks.configuration import SchoolInfo, build
from server.kiosks.tables import Kiosk
from server.policies.tables import PolicyVersion
from server.timetable.patterns.generation import refresh_lessons
from server.timetable.patterns.service import (
    PatternPlan,
    PlanOptions,
    change_pattern,
    plan_patterns,
)
from server.timetable.patterns.started import opens_before
from server.timetable.patterns.tasks import LessonPlanning
from server.timetable.tables import Lesson, LessonPattern, PatternLesson, Weeks
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN


class Planner:
    """The office with a term of nine weeks from the next Monday, planning weekly lessons."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk = desk
        self.first = today() + timedelta(days=7 - today().weekday())
        last = self.first + timedelta(days=62)
        body = {"first_day": self.first.isoformat(), "last_day": last.isoformat()}
        self.term = desk.post("/terms", name="Term", **body)["id"]

    def body(self, **changed: Any) -> dict[str, Any]:
        """A lesson each Tuesday from 8 to 8:45 in the first room."""
        known = {"term_id": self.term, "course_id": self.desk.course, "room_id": self.desk.room}
        return known | {"weekday": 1, "starts": "08:00", "ends": "08:45"} | changed

    def add(self, **changed: Any) -> str:
        made: str = self.desk.post("/patterns", **self.body(**changed))["id"]
        return made

    def change(self, pattern: str, **changed: Any) -> None:
        answer = self.desk.office.put(f"/api/v1/patterns/{pattern}", json=self.body(**changed))
        assert answer.status_code == 200, answer.text

    def refused(self, **changed: Any) -> dict[str, Any]:
        """Return the error that a pattern gets."""
        answer = self.desk.office.post("/api/v1/patterns", json=self.body(**changed))
        assert answer.status_code in (400, 404, 409), answer.text
        error: dict[str, Any] = answer.json()["error"]
        return error

    def lessons(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk.office.get("/api/v1/lessons?limit=500").json()[
            "lessons"
        ]
        return found

    def times(self) -> list[str]:
        """Return when lessons start, as the school's clocks show it."""
        return [
            f"{datetime.fromisoformat(one['starts_at']).astimezone(BERLIN):%a %H:%M}"
            for one in self.lessons()
        ]

    def change_at(self, pattern: str, at: datetime, **changed: Any) -> None:
        """Change the lesson of Tuesday at a moment to come."""
        ids = ("term_id", "course_id", "room_id")
        values: dict[str, Any] = {name: uuid.UUID(self.body()[name]) for name in ids}
        values |= {"weekday": 1, "starts": time(8), "ends": time(8, 45)} | changed
        with self.desk.database.transaction() as db:
            options = PlanOptions(BERLIN, at)
            change_pattern(db, uuid.UUID(pattern), PatternPlan(**values), options, actor="system")

    def moment(self, weekday: int, at: time, *, week: int = 0) -> datetime:
        """Return a moment of the term, by the school's clocks."""
        return datetime.combine(self.day(week, weekday), at, tzinfo=BERLIN).astimezone(UTC)

    def day(self, week: int, weekday: int = 1) -> date:
        return self.first + timedelta(days=7 * week + weekday)


@pytest.fixture
def planner(desk: OfficeDesk) -> Planner:
    """The office that plans."""
    return Planner(desk)


def refresh(database: Database) -> dict[str, int]:
    with database.transaction() as db:
        return refresh_lessons(db, zone=BERLIN, at=now()).counts()


def test_pattern_has_a_lesson_each_week_and_planning_again_changes_nothing(
    planner: Planner, database: Database
) -> None:
    planner.add()
    planner.add(weekday=3, weeks="b", course_id=planner.desk.other_course)
    assert planner.times().count("Tue 08:00") == 9
    assert planner.times().count("Thu 08:00") == 4
    assert refresh(database) == {"added": 0, "moved": 0, "removed": 0}
    version = planner.desk.office.get("/api/v1/patterns").json()
    assert (version["total"], version["patterns"][1]["weeks"]) == (2, "b")


def test_lessons_keep_their_ids_when_the_pattern_changes(planner: Planner) -> None:
    pattern = planner.add()
    before = [one["id"] for one in planner.lessons()]
    planner.change(pattern, starts="10:00", ends="10:45", room_id=planner.desk.other_room)
    after = planner.lessons()
    assert [one["id"] for one in after] == before
    assert {one["room_name"] for one in after} == {"R14"}
    assert set(planner.times()) == {"Tue 10:00"}
    planner.change(pattern, weekday=4)
    assert [one["id"] for one in planner.lessons()] == before
    assert set(planner.times()) == {"Fri 08:00"}


def test_what_a_person_changed_stays_when_the_pattern_changes_and_goes(planner: Planner) -> None:
    pattern, office = planner.add(), planner.desk.office
    first, second, third = [one["id"] for one in planner.lessons()][:3]
    moved = planner.desk.lesson_form(day=planner.day(0, 2).isoformat(), starts="12:00")
    assert office.post(f"/lessons/{first}/edit", data=moved | {"ends": "12:45"}).is_redirect
    office.post(f"/lessons/{second}/cancel", data={"reason": "Sports day"})
    planner.change(pattern, starts="09:00", ends="09:45")
    assert planner.times()[:3] == ["Wed 12:00", "Tue 08:00", "Tue 09:00"]
    assert office.delete(f"/api/v1/lessons/{third}").json()["error"]["details"] == {
        "problem": "of_pattern"
    }
    assert f"/lessons/{third}/delete" not in office.get(f"/lessons/{third}").text
    assert office.delete(f"/api/v1/patterns/{pattern}").status_code == 204
    assert [one["id"] for one in planner.lessons()] == [first, second]
    assert office.delete(f"/api/v1/lessons/{first}").status_code == 204


def test_a_lesson_stays_for_which_something_was_recorded(
    planner: Planner, database: Database
) -> None:
    pattern = planner.add()
    planner.desk.always_on_roster(planner.desk.ada)
    lesson = planner.lessons()[0]["id"]
    body = {"person_id": planner.desk.ada, "status": "excused", "reason": "A trip"}
    planner.desk.post(f"/lessons/{lesson}/corrections", **body)
    planner.desk.office.delete(f"/api/v1/patterns/{pattern}")
    assert [one["id"] for one in planner.lessons()] == [lesson]
    with database.reading() as db:
        assert db.exec(select(PatternLesson)).all() == []


def test_started_lessons_never_move(planner: Planner, database: Database) -> None:
    pattern = planner.add()
    with database.transaction() as db:
        started = db.exec(select(Lesson).order_by("starts_at")).first()
        assert started is not None
        started.starts_at, started.ends_at = now() - timedelta(minutes=9), now()
        db.add(started)
    planner.change(pattern, starts="11:00", ends="11:45")
    kept = next(one for one in planner.lessons() if one["id"] == str(started.id))
    assert datetime.fromisoformat(kept["starts_at"]) == started.starts_at
    planner.desk.office.delete(f"/api/v1/patterns/{pattern}")
    assert [one["id"] for one in planner.lessons()] == [str(started.id)]


def test_a_weekday_that_is_over_leaves_the_lesson_of_this_week_where_it_is(
    planner: Planner,
) -> None:
    pattern = planner.add(weekday=4)
    before = [one["id"] for one in planner.lessons()]
    wednesday = planner.moment(2, time(12))
    planner.change_at(pattern, wednesday, weekday=0)
    assert planner.times()[:3] == ["Fri 08:00", "Mon 08:00", "Mon 08:00"]
    planner.change_at(pattern, wednesday, weekday=4)
    assert set(planner.times()) == {"Fri 08:00"}
    assert [one["id"] for one in planner.lessons()] == before


def test_a_lesson_that_people_check_in_for_or_that_has_a_record_is_not_moved(
    planner: Planner,
) -> None:
    pattern, desk = planner.add(), planner.desk
    desk.always_on_roster(desk.ada)
    recorded = planner.lessons()[1]["id"]
    body = {"person_id": desk.ada, "status": "excused", "reason": "A trip"}
    desk.post(f"/lessons/{recorded}/corrections", **body)
    planner.change_at(pattern, planner.moment(1, time(7, 50)), starts=time(12), ends=time(13))
    assert planner.times()[:3] == ["Tue 08:00", "Tue 08:00", "Tue 12:00"]
    planner.change_at(pattern, planner.moment(1, time(7, 40)), starts=time(13), ends=time(14))
    assert planner.times()[:3] == ["Tue 13:00", "Tue 08:00", "Tue 13:00"]


def test_check_in_opens_as_early_as_any_policy_says(database: Database) -> None:
    with database.transaction() as db:
        assert opens_before(db) == timedelta(minutes=15)
        newest = db.exec(select(PolicyVersion)).one()
        own = {"rooms": {"an id": {"attendance": {"opens_before_min": 100}}}}
        changed = PolicyVersion(version=1, document=newest.document | {"own": own}, created_by="-")
        db.add(changed)
        db.flush()
        assert opens_before(db) == timedelta(minutes=100)


def test_holiday_takes_lessons_and_gives_them_back(planner: Planner, database: Database) -> None:
    planner.add()
    days = {"first_day": planner.day(1, 0).isoformat(), "last_day": planner.day(2, 6).isoformat()}
    holiday = planner.desk.post("/holidays", name="Autumn", **days)["id"]
    assert len(planner.lessons()) == 7
    one_day = planner.day(1).isoformat()
    one = planner.desk.lesson_form(day=one_day)
    assert planner.desk.office.post("/lessons/new", data=one).is_redirect
    path, shorter = f"/api/v1/holidays/{holiday}", days | {"last_day": days["first_day"]}
    for answer in (
        planner.desk.office.put(path, json=shorter | {"name": "A day"}),
        planner.desk.office.delete(path),
    ):
        assert answer.status_code == 409
        assert answer.json()["error"]["details"]["problem"] == "rooms_taken"
    page = planner.desk.office.post(f"/holidays/{holiday}/delete")
    assert (page.status_code, "have another lesson" in page.text) == (400, True)
    in_the_way = next(one for one in planner.lessons() if one["starts_at"][:10] == one_day)
    planner.desk.post(f"/lessons/{in_the_way['id']}/cancel", reason="Moved")
    assert planner.desk.office.put(path, json=shorter | {"name": "A day"}).status_code == 200
    assert len(planner.lessons()) == 10
    assert planner.desk.office.delete(path).status_code == 204
    assert refresh(database) == {"added": 0, "moved": 0, "removed": 0}


def test_holiday_with_odd_dates_is_refused_in_words(desk: OfficeDesk) -> None:
    odd = {(1, 0): "last day is before", (0, 366): "at most a year"}
    answers = [desk.office.post("/holidays", data=_days(*days) | {"name": "Odd"}) for days in odd]
    shown = [
        (one.status_code, words in one.text)
        for one, words in zip(answers, odd.values(), strict=True)
    ]
    assert shown == [(400, True)] * 2
    soon = _days(0, 1) | {"name": "Odd", "first_day": "soon"}
    assert desk.office.post("/holidays", data=soon).status_code == 400
    assert desk.office.get("/api/v1/holidays").json() == []


def _days(first: int, last: int) -> dict[str, str]:
    return {"first_day": day_in(first), "last_day": day_in(last)}


def test_holidays_reach_the_kiosk_with_their_dates(planner: Planner, database: Database) -> None:
    days = {"first_day": day_in(-3), "last_day": day_in(2)}
    kiosk_id = planner.desk.hang_kiosk()

    def told() -> tuple[tuple[str, ...], str]:
        with database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(kiosk_id))
            document = build(db, kiosk, SchoolInfo("School", BERLIN), now())
            return document.holidays, document.version

    none = told()
    planner.desk.post("/holidays", name="Autumn", **days)
    assert none[0] == ()
    assert told()[0] == (day_in(0), day_in(1), day_in(2))
    assert told()[1] != none[1]


def test_dates_of_a_term_carry_its_lessons(planner: Planner) -> None:
    planner.add()
    path = f"/api/v1/terms/{planner.term}"
    body = {"name": "Term", "first_day": planner.first.isoformat()}
    short = body | {"last_day": planner.day(1, 6).isoformat()}
    assert planner.desk.office.put(path, json=short).status_code == 200
    assert len(planner.lessons()) == 2
    page = f"/terms/{planner.term}/delete"
    assert "weekly lessons of this term" in planner.desk.office.get(page).text
    assert planner.desk.office.post(page).is_redirect
    assert planner.lessons() == []
    assert planner.desk.office.get("/api/v1/patterns").json()["total"] == 0


def test_a_term_does_not_grow_over_lessons_in_the_same_room(planner: Planner) -> None:
    planner.add()
    office, path = planner.desk.office, f"/api/v1/terms/{planner.term}"
    body = {"name": "Term", "first_day": planner.first.isoformat()}
    last = {"last_day": planner.day(1, 6).isoformat()}
    assert office.put(path, json=body | last).status_code == 200
    days = {"first_day": planner.day(2, 0).isoformat(), "last_day": planner.day(8, 6).isoformat()}
    planner.desk.post("/terms", name="Next", **days)
    form = planner.desk.lesson_form(day=planner.day(3).isoformat())
    assert office.post("/lessons/new", data=form).is_redirect
    longer = body | {"last_day": planner.day(3, 6).isoformat()}
    assert office.put(path, json=longer).json()["error"]["details"]["count"] == 1
    page = office.post(f"/terms/{planner.term}/edit", data=longer)
    assert (page.status_code, "have another lesson" in page.text) == (400, True)
    assert len(planner.lessons()) == 3
    assert office.put(path, json=body | {"last_day": planner.day(2, 6).isoformat()}).is_success


def test_the_nightly_planning_gives_no_room_twice_and_holds_up_nothing(
    planner: Planner, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    planner.add()
    with database.transaction() as db:
        link = db.exec(select(PatternLesson).order_by("week")).all()[2]
        lesson = db.get_one(Lesson, link.lesson_id)
        lesson.room_id = uuid.UUID(planner.desk.other_room)
        db.add(lesson)
    form = planner.desk.lesson_form(day=planner.day(2).isoformat())
    form |= {"course_id": planner.desk.other_course}
    assert planner.desk.office.post("/lessons/new", data=form).is_redirect
    assert LessonPlanning(database, lambda: BERLIN).look(now()) == 0
    assert "left out, their rooms are taken count=1" in caplog.text
    words = "BIO-9 cannot take place in R12"
    week = f"/timetable?of=room:{planner.desk.room}&week="
    shown = [words in planner.desk.office.get(f"{week}{planner.day(n, 0)}").text for n in (1, 2, 3)]
    assert shown == [False, True, False]
    day = planner.day(4).isoformat()
    holiday = planner.desk.post("/holidays", name="A day", first_day=day, last_day=day)["id"]
    assert planner.desk.office.delete(f"/api/v1/holidays/{holiday}").status_code == 204
    assert len(planner.lessons()) == 10


def test_pattern_without_a_meaning_is_refused(planner: Planner) -> None:
    nobody = str(uuid.UUID(int=1))
    odd = {
        "ends_before_start": {"ends": "08:00"},
        "too_long": {"starts": "06:00", "ends": "18:01"},
        "no_dates": {"first_day": day_in(200), "last_day": day_in(210)},
        "order": {"first_day": day_in(9), "last_day": day_in(8)},
        "no_room": {"room_id": nobody},
        "no_course": {"course_id": nobody},
        "no_term": {"term_id": nobody},
    }
    found = [planner.refused(**changed)["details"]["problem"] for changed in odd.values()]
    assert found == list(odd)
    times = ["08:00Z", "8", "24:00", 1e99, "08:00:00+01:00", "", None, True, [8]]
    answers = [
        planner.desk.office.post("/api/v1/patterns", json=planner.body(starts=one)).status_code
        for one in times
    ]
    assert answers == [422] * len(times)
    assert planner.lessons() == []


def test_room_is_never_given_twice_and_weeks_a_and_b_share_it(planner: Planner) -> None:
    other = planner.desk.other_course
    planner.add(weeks="a")
    planner.add(weeks="b", course_id=other)
    error = planner.refused(course_id=other, starts="08:30", ends="09:00", allow_clashes=True)
    kinds = [(one["kind"], one["lessons"]) for one in error["details"]["clashes"]]
    assert error["code"] == "timetable_clash"
    assert kinds == [("room", 5), ("room", 4), ("course", 4)]
    planner.add(starts="08:45", ends="09:30")


def test_one_off_lesson_clashes_with_a_pattern(planner: Planner) -> None:
    form = planner.desk.lesson_form(day=planner.day(3).isoformat())
    planner.desk.office.post("/lessons/new", data=form)
    (clash,) = planner.refused(course_id=planner.desk.other_course)["details"]["clashes"]
    assert (clash["kind"], clash["lessons"]) == ("room", 1)


def test_course_teacher_and_students_elsewhere_are_asked_about(
    planner: Planner, sign_in: SignIn
) -> None:
    desk = planner.desk
    account = sign_in(Role.TEACHER).get("/api/v1/sign-in").json()["account_id"]
    for course in (desk.course, desk.other_course):
        desk.post(f"/courses/{course}/teachers", account_id=account)
        until = {"until": planner.day(4).isoformat()}
        desk.post(f"/courses/{course}/roster", person_id=desk.ada, **until)
    planner.add()
    there = {"course_id": desk.other_course, "room_id": desk.other_room}
    found = planner.refused(**there)["details"]["clashes"]
    assert [(one["kind"], one["lessons"], one["people"]) for one in found] == [
        ("teacher", 9, 1),
        ("student", 5, 1),
    ]
    own = planner.refused(room_id=desk.other_room)["details"]["clashes"]
    assert [one["kind"] for one in own] == ["course"]
    planner.add(**there, allow_clashes=True)
    assert len(planner.lessons()) == 18


def test_changing_a_pattern_asks_too_but_not_about_itself(planner: Planner) -> None:
    planner.add()
    second = planner.add(starts="10:00", ends="10:45")
    planner.change(second, starts="10:15", ends="11:00")
    path = f"/api/v1/patterns/{second}"
    answer = planner.desk.office.put(path, json=planner.body(allow_clashes=True))
    assert answer.json()["error"]["code"] == "timetable_clash"
    assert set(planner.times()) == {"Tue 08:00", "Tue 10:15"}


def test_a_lesson_that_was_moved_by_hand_keeps_its_room_from_its_own_pattern(
    planner: Planner,
) -> None:
    pattern = planner.add()
    first = planner.lessons()[0]["id"]
    there = planner.desk.lesson_form(day=planner.day(1, 3).isoformat())
    assert planner.desk.office.post(f"/lessons/{first}/edit", data=there).is_redirect
    path = f"/api/v1/patterns/{pattern}"
    answer = planner.desk.office.put(path, json=planner.body(weekday=3, allow_clashes=True))
    clashes = answer.json()["error"]["details"]["clashes"]
    assert [(one["kind"], one["lessons"]) for one in clashes] == [("room", 1), ("course", 1)]


def test_many_rows_are_planned_at_once_and_again_without_a_change(
    planner: Planner, database: Database
) -> None:
    term, desk = uuid.UUID(planner.term), planner.desk
    course, other = uuid.UUID(desk.course), uuid.UUID(desk.other_course)
    room, free = uuid.UUID(desk.room), uuid.UUID(desk.other_room)
    eight, nine = time(8), time(9)
    rows = [
        PatternPlan(term, course, room, 0, eight, nine),
        PatternPlan(term, course, room, 0, eight, nine),
        PatternPlan(term, other, room, 1, eight, nine, Weeks.A),
        PatternPlan(term, course, room, 1, eight, nine),
        PatternPlan(term, other, free, 6, nine, eight),
    ]

    def plan(db: Session, *, is_trial: bool = False) -> tuple[object, ...]:
        options = PlanOptions(BERLIN, now(), is_trial=is_trial)
        report = plan_patterns(db, rows, options, actor="system")
        clashes = [(one.row, one.kind.value) for one in report.clashes]
        return sorted(report.added), sorted(report.unchanged), sorted(report.refused), clashes

    clashes = [(2, "room"), (3, "room")]
    with database.transaction() as db:
        assert plan(db, is_trial=True) == ([0], [], [1, 4], clashes)
        assert db.exec(select(LessonPattern)).all() == []
        assert plan(db) == ([0], [], [1, 4], clashes)
        assert plan(db) == ([], [0, 1], [4], clashes)
        assert len(db.exec(select(Lesson)).all()) == 9


def test_the_server_plans_ahead_once_a_day(planner: Planner, database: Database) -> None:
    planner.add()
    with database.transaction() as db:
        for link in db.exec(select(PatternLesson)).all()[2:]:
            lesson = db.get_one(Lesson, link.lesson_id)
            db.delete(link)
            db.flush()
            db.delete(lesson)
    planning, at = LessonPlanning(database, lambda: BERLIN), now()
    assert [planning.look(at), planning.look(at)] == [7, 0]
    assert planning.look(at + timedelta(days=1)) == 0
    assert len(planner.lessons()) == 9
