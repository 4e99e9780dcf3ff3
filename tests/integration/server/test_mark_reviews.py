"""People look again at marks by face: those of moved photos, and recent ones that were unclear."""

import json
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.event import listen, remove
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.accounts.tables import Account
from server.attendance.tables import Correction, StoredEvent
from server.audit.tables import AuditEntry
from server.db.types import now
from server.enrollment.moved import OFFLINE
from server.enrollment.tables import Resemblance, ResemblanceKind
from server.kiosks.tables import KioskProgress
from server.mark_reviews import service
from server.mark_reviews.marks import find_marks, lessons_of
from server.mark_reviews.tables import MarkReview
from server.timetable.tables import CourseTeacher
from server.web.principal import Role
from server.web.translations import translator
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_enrolment_moves import Mixup, mixup
from tests.integration.server.test_on_site import see
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.enrolling import count
from tests.support.office_desk import OfficeDesk

__all__ = ["mixup", "race"]
words = translator("en")
sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


class Door:
    """A lesson of Ada and Ben that is over, and the kiosk of its room, which has told all of it."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk, self.office = desk, desk.office
        for person in (desk.ada, desk.ben):
            desk.always_on_roster(person)
        self.lesson = desk.lesson(-timedelta(hours=2))
        self.kiosk = desk.hang_kiosk()
        self.began = now() - timedelta(hours=2)
        self.told_until(now())

    def see(self, person: str, at: datetime | None = None, **fields: Any) -> dict[str, str]:
        """Let the kiosk mark a person; return what names the event."""
        values = {"lesson_id": uuid.UUID(self.lesson)} | fields
        body = values.pop("body", {})
        text = json.dumps({"v": 1} | body, separators=(",", ":"))
        at = at or self.began + timedelta(minutes=1)
        event = see(self.desk.database, self.kiosk, person, at, body=text, **values)
        return {"kiosk_id": self.kiosk, "event_id": str(event)}

    def told_until(self, at: datetime) -> None:
        """Let the kiosk have reported everything until then."""
        with self.desk.database.transaction() as db:
            db.get_one(KioskProgress, uuid.UUID(self.kiosk)).synced_through = at

    def correct(self, person: str, status: str) -> None:
        body = {"person_id": person, "status": status, "reason": "A teacher's word"}
        path = f"/api/v1/lessons/{self.lesson}/corrections"
        assert self.office.post(path, json=body).is_success

    def undo(self, answer: Any) -> int:
        return self.office.delete(f"/api/v1/mark-reviews/{answer.json()[0]['id']}").status_code

    def statuses(self) -> list[str]:
        rows = {one["person_id"]: one["status"] for one in self.desk.register(self.lesson)["rows"]}
        return [rows[self.desk.ada], rows[self.desk.ben]]

    def review(self, *marks: dict[str, str], client: TestClient | None = None, **body: Any) -> Any:
        sent = {"marks": list(marks), "answer": "theirs", "reason": "The photos were mixed up"}
        return (client or self.office).post("/api/v1/mark-reviews", json=sent | body)


@pytest.fixture
def door(desk: OfficeDesk) -> Door:
    return Door(desk)


def moved(mixup: Mixup) -> str:
    """Move Ada's photos to Ben after they were used for a day; return the move."""
    mixup.enrol()
    mixup.used_for(1)
    made: str = mixup.move().json()["id"]
    return made


def open_marks(door: Door, move: str) -> list[str]:
    rows = door.office.get(f"/api/v1/enrolment-moves/{move}/marks").json()
    return [one["event_id"] for one in rows]


def test_it_was_the_right_person_corrects_both_lines_and_undo_puts_them_back(
    mixup: Mixup, door: Door
) -> None:
    late = door.began + timedelta(minutes=8)
    mark = door.see(door.desk.ada, late)
    again = door.see(door.desk.ada, late + timedelta(minutes=1), lesson_id=None)
    move = moved(mixup)
    assert door.statuses() == ["late", "not_seen"]
    assert words("marks.today", name="Ada Lovelace", count=2) in door.office.get("/").text
    assert open_marks(door, move) == [mark["event_id"], again["event_id"]]
    page = door.office.get(f"/moves/{move}").text
    assert words("marks.evidence.clear") in page
    assert page.count('name="mark"') == 1  # both are of one lesson
    ticked = page.split('name="mark" value="')[1].split('"')[0]
    data = {"mark": ticked, "answer": "other", "reason": "The photos were mixed up"}
    for _ in range(2):  # the button was pressed twice
        assert door.office.post(f"/moves/{move}/marks", data=data).status_code == 303
    assert door.statuses() == ["absent", "late"]
    assert (open_marks(door, move), count(mixup.database, MarkReview)) == ([], 1)
    assert words("marks.done_title") in door.office.get(f"/moves/{move}").text
    assert "/moves/" not in door.office.get("/").text
    with mixup.database.reading() as db:
        review = db.exec(select(MarkReview)).one()
        reasons = set(db.exec(select(Correction.reason)))
    assert reasons == {"The photos were mixed up"}
    undone = door.office.post(f"/mark-reviews/{review.id}/undo", data={"move_id": move})
    assert undone.headers["location"] == f"/moves/{move}"
    assert door.statuses() == ["late", "not_seen"]
    assert len(open_marks(door, move)) == 2
    assert door.office.delete(f"/api/v1/mark-reviews/{review.id}").status_code == 404


@sqlite
@pytest.mark.parametrize("answer", ["theirs", "nobody"])
def test_the_other_answers(mixup: Mixup, door: Door, answer: str) -> None:
    mark = door.see(door.desk.ada)
    move = moved(mixup)
    assert door.review(mark, answer=answer).status_code == 201
    assert door.statuses() == [{"theirs": "present", "nobody": "absent"}[answer], "not_seen"]
    assert open_marks(door, move) == []
    other = door.review(mark, answer="other", other_person_id=door.desk.ben)
    assert other.status_code == 409


@sqlite
def test_other_evidence_and_a_teachers_earlier_word_stay(mixup: Mixup, door: Door) -> None:
    mark = door.see(door.desk.ada)
    door.see(door.desk.ada, door.began + timedelta(minutes=9), method="card")
    body = {"person_id": door.desk.ben, "status": "excused", "reason": "A trip"}
    assert door.office.post(f"/api/v1/lessons/{door.lesson}/corrections", json=body).is_success
    moved(mixup)
    answer = door.review(mark, answer="other", other_person_id=door.desk.ben)
    assert len(answer.json()[0]["correction_ids"]) == 1
    assert door.statuses() == ["late", "excused"]


@sqlite
def test_undo_keeps_what_a_person_said_since(mixup: Mixup, door: Door) -> None:
    mark = door.see(door.desk.ada)
    moved(mixup)
    answer = door.review(mark, answer="other", other_person_id=door.desk.ben)
    body = {"person_id": door.desk.ada, "status": "left_early", "reason": "Went home"}
    assert door.office.post(f"/api/v1/lessons/{door.lesson}/corrections", json=body).is_success
    door.office.delete(f"/api/v1/mark-reviews/{answer.json()[0]['id']}")
    assert door.statuses() == ["left_early", "not_seen"]


@sqlite
def test_only_marks_of_the_old_photos_are_listed(mixup: Mixup, door: Door) -> None:
    at = now()
    door.see(door.desk.ada, at - timedelta(days=2), lesson_id=None)  # before they were in use
    door.see(door.desk.ada, method="card")
    taken_back = door.see(door.desk.ada)
    event = uuid.UUID(taken_back["event_id"])
    door.see(door.desk.ada, kind="not_me", refers_to=event)
    move = moved(mixup)
    door.see(door.desk.ada, at + timedelta(hours=1))  # the kiosk has the new photos by then
    late = door.see(
        door.desk.ada,
        at + timedelta(days=1),
        lesson_id=None,
        received_at=at + timedelta(days=2),
    )
    door.see(
        door.desk.ada,
        at + OFFLINE + timedelta(days=1),
        received_at=at + OFFLINE * 2,
        lesson_id=None,
    )
    assert open_marks(door, move) == [late["event_id"]]
    assert words("marks.no_lesson") in door.office.get(f"/moves/{move}").text
    assert door.review(late, answer="nobody").json()[0]["lesson_id"] is None


def unclear(door: Door, client: TestClient | None = None, query: str = "") -> list[str]:
    answer = (client or door.office).get(f"/api/v1/recognitions{query}")
    assert answer.status_code == 200, answer.text
    return [one["event_id"] for one in answer.json()["recognitions"]]


def test_recent_recognitions_with_a_small_margin_or_of_look_alikes(door: Door) -> None:
    close = door.see(door.desk.ada, margin=0.05, body={"margin": 0.05})
    door.see(door.desk.ada, margin=0.3)
    door.see(door.desk.ada, now() - timedelta(days=15), margin=0.05)
    door.see(door.desk.ada, margin=0.05, body={"margin": 0.05, "second": "card"})
    alike = door.see(door.desk.ben, door.began + timedelta(minutes=2), margin=0.3)
    assert unclear(door) == [close["event_id"]]
    other = uuid.UUID(door.desk.post("/people", student_number="S9", given_name="B")["id"])
    with door.desk.database.transaction() as db:
        ben = uuid.UUID(door.desk.ben)
        first, second = sorted((ben, other))
        kind = ResemblanceKind.LOOK_ALIKE.value
        db.add(Resemblance(first_id=first, second_id=second, model_id="m", kind=kind, distance=0.4))
    assert unclear(door) == [alike["event_id"], close["event_id"]]
    assert unclear(door, query=f"?course_id={door.desk.other_course}") == []
    first_part = door.office.get("/api/v1/recognitions?limit=1").json()
    assert first_part["recognitions"][0]["evidence"] == ["look_alike"]
    cursor = first_part["next_cursor"]
    assert unclear(door, query=f"?limit=1&cursor={cursor}") == [close["event_id"]]
    page = door.office.get("/recognitions").text
    assert words("marks.evidence.close") in page
    name = f"{door.kiosk}:{close['event_id']}"
    confirmed = door.office.post("/recognitions", data={"mark": name, "answer": "theirs"})
    assert confirmed.status_code == 303
    assert unclear(door) == [alike["event_id"]]
    data = {"mark": f"{door.kiosk}:{alike['event_id']}", "answer": "other", "reason": "It was not"}
    assert door.office.post("/recognitions", data=data).status_code == 400  # who was it?
    data["other"] = "nobody"
    assert door.office.post("/recognitions", data=data).status_code == 303
    assert door.statuses() == ["present", "absent"]
    assert unclear(door) == []


@sqlite
def test_teachers_see_and_decide_only_in_their_own_courses(door: Door, sign_in: SignIn) -> None:
    mark = door.see(door.desk.ada, margin=0.05)
    teacher = sign_in(Role.TEACHER)
    assert unclear(door, teacher) == []
    assert door.review(mark, client=teacher).json()["error"]["code"] == "foreign_course"
    form = {"mark": f"{door.kiosk}:{mark['event_id']}", "answer": "theirs"}
    assert teacher.post("/recognitions", data=form).status_code == 400
    with door.desk.database.transaction() as db:
        role = Account.role == Role.TEACHER.value
        account = db.exec(select(Account).where(role)).one().id
        db.add(CourseTeacher(course_id=uuid.UUID(door.desk.course), account_id=account))
    assert unclear(door, teacher) == [mark["event_id"]]
    made = door.review(mark, client=teacher)
    assert made.status_code == 201
    with door.desk.database.transaction() as db:
        for one in db.exec(select(CourseTeacher)):
            db.delete(one)
    assert teacher.delete(f"/api/v1/mark-reviews/{made.json()[0]['id']}").status_code == 403


REFUSED: tuple[tuple[dict[str, Any], int], ...] = (
    ({"answer": "other"}, 400),
    ({"answer": "nobody", "reason": " "}, 400),
    ({"answer": "theirs", "other_person_id": str(uuid.uuid4())}, 400),
    ({"answer": "other", "other_person_id": str(uuid.uuid4())}, 404),
    ({"marks": [{"kiosk_id": str(uuid.uuid4()), "event_id": str(uuid.uuid4())}]}, 404),
    ({"marks": []}, 422),
    ({"answer": "perhaps"}, 422),
)
UNREADABLE = ("", "x", "x:y", f"{uuid.UUID(int=1)}:", "only theirs")


@sqlite
def test_decisions_that_mean_nothing_are_refused(mixup: Mixup, door: Door) -> None:
    mark = door.see(door.desk.ada)
    sent = (
        {"marks": [mark], "answer": "theirs", "reason": "Mixed up"} | changed
        for changed, _status in REFUSED
    )
    answers = [door.office.post("/api/v1/mark-reviews", json=one).status_code for one in sent]
    assert answers == [status for _changed, status in REFUSED]
    path = f"/moves/{moved(mixup)}/marks"
    forms = [{"mark": one, "answer": "other", "reason": "Mixed up"} for one in UNREADABLE]
    assert {door.office.post(path, data=one).status_code for one in forms} == {400}
    data = [{"mark": one} for one in UNREADABLE]
    assert {door.office.post("/recognitions", data=one).status_code for one in data} == {400}
    assert count(door.desk.database, MarkReview) == 0


@sqlite
def test_an_erased_person_is_not_named(mixup: Mixup, door: Door) -> None:
    door.see(door.desk.ada)
    move = moved(mixup)
    erased = mixup.admin.post(f"/api/v1/people/{door.desk.ada}/erase", json={"reason": "asked"})
    assert erased.status_code == 200
    page = door.office.get(f"/moves/{move}")
    assert page.status_code == 200
    assert "Lovelace" not in page.text + door.office.get("/").text


@sqlite
@pytest.mark.parametrize("order", ["erased_first", "decided_first"])
def test_an_erased_person_stays_and_the_other_one_is_corrected(
    mixup: Mixup, door: Door, order: str
) -> None:
    """A decision and its undo do not fail silently, nor at all, where the wrong one is erased."""

    def erase() -> None:
        path = f"/api/v1/people/{door.desk.ada}/erase"
        assert mixup.admin.post(path, json={"reason": "asked"}).status_code == 200

    mark = door.see(door.desk.ada)
    if order == "erased_first":
        erase()
    made = door.review(mark, answer="other", other_person_id=door.desk.ben)
    assert (made.status_code, door.statuses()[1]) == (201, "present")
    assert len(made.json()[0]["correction_ids"]) == (1 if order == "erased_first" else 2)
    if order == "decided_first":
        erase()
    assert door.undo(made) == 204
    assert door.statuses() == ["present", "not_seen"]


@sqlite
def test_nobody_becomes_absent_as_long_as_a_kiosk_may_still_tell_more(door: Door) -> None:
    mark = door.see(door.desk.ada)
    door.told_until(door.began)
    early = door.review(mark, answer="nobody")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "conflict")
    page = {"mark": f"{door.kiosk}:{mark['event_id']}", "answer": "other", "other": "nobody"}
    refused = door.office.post("/recognitions", data=page | {"reason": "It was not"})
    assert words("problems.marks_early") in refused.text
    door.lesson = door.desk.lesson(-timedelta(minutes=30))
    running = door.see(door.desk.ada, now() - timedelta(minutes=29))
    assert door.review(running, answer="nobody").status_code == 409
    assert count(door.desk.database, MarkReview) == 0
    assert door.review(running).status_code == 201  # it was the student: nothing changes
    door.told_until(now())
    assert door.review(mark, answer="nobody").status_code == 201


@sqlite
def test_two_marks_of_one_lesson_are_decided_and_undone_one_by_one(door: Door) -> None:
    early = door.see(door.desk.ada)
    late = door.see(door.desk.ada, door.began + timedelta(minutes=9))
    ben: dict[str, Any] = {"answer": "other", "other_person_id": door.desk.ben}
    first = door.review(early, **ben)
    entry = {"review": first.json()[0]["id"], "lesson": door.lesson, "other": door.desk.ben}
    assert door.statuses() == ["late", "present"]
    second = door.review(late, **ben)
    assert door.statuses() == ["absent", "present"]
    assert door.undo(first) == 204
    assert door.statuses() == ["present", "late"]
    with door.desk.database.reading() as db:
        actions = col(AuditEntry.action).in_(["mark.review", "mark.undo"])
        found = db.exec(select(AuditEntry).where(actions).order_by(col(AuditEntry.seq))).all()
    assert [one.action for one in found] == ["mark.review", "mark.review", "mark.undo"]
    assert found[0].details == entry | {
        "answer": "other",
        "marks": 1,
        "events": [early["event_id"]],
    }
    assert found[2].details == entry | {"answer": "other", "events": [early["event_id"]]}
    assert door.undo(second) == 204
    assert door.statuses() == ["present", "not_seen"]
    assert {door.review(one, **ben).status_code for one in (late, early)} == {201}
    door.correct(door.desk.ada, "excused")
    with door.desk.database.reading() as db:
        made = [str(one) for one in db.exec(select(MarkReview.id))]
    for one in made:
        assert door.office.delete(f"/api/v1/mark-reviews/{one}").status_code == 204
    assert door.statuses() == ["excused", "not_seen"]  # what a person said since stays


@sqlite
def test_two_people_of_one_lesson_are_decided_at_once(door: Door) -> None:
    marks = [door.see(door.desk.ada), door.see(door.desk.ben)]
    assert len(door.review(*marks, answer="nobody").json()) == 2
    assert door.statuses() == ["absent", "absent"]
    with door.desk.database.reading() as db:
        assert len(db.exec(select(Correction)).all()) == 2


@sqlite
def test_a_cancelled_lesson_keeps_its_marks_for_later(mixup: Mixup, door: Door) -> None:
    mark = door.see(door.desk.ada)
    move = moved(mixup)
    path = f"/api/v1/lessons/{door.lesson}"
    assert door.office.post(f"{path}/cancel", json={"reason": "Trip"}).is_success
    refused = door.review(mark, answer="nobody")
    assert (refused.status_code, open_marks(door, move)) == (409, [])
    assert "/moves/" not in door.office.get("/").text
    assert door.office.post(f"{path}/restore", json={"reason": "No trip"}).is_success
    assert open_marks(door, move) == [mark["event_id"]]
    assert door.review(mark, answer="nobody").status_code == 201
    assert door.statuses()[0] == "absent"


@sqlite
def test_an_undone_decision_is_asked_about_again(door: Door) -> None:
    mark = door.see(door.desk.ada, margin=0.05)
    made = door.review(mark, answer="nobody")
    page = door.office.get("/recognitions").text
    assert words("marks.decided_last") in page
    undo = f"/mark-reviews/{made.json()[0]['id']}/undo"
    assert f'action="{undo}"' in page
    cancel = f"/api/v1/lessons/{door.lesson}/cancel"
    assert door.office.post(cancel, json={"reason": "Trip"}).is_success
    assert door.office.post(undo).status_code == 400  # the page says why
    restore = f"/api/v1/lessons/{door.lesson}/restore"
    assert door.office.post(restore, json={"reason": "No trip"}).is_success
    assert unclear(door) == []
    assert door.office.post(undo).headers["location"] == "/recognitions"
    assert unclear(door) == [mark["event_id"]]
    assert words("marks.decided_last") not in door.office.get("/recognitions").text
    door.correct(door.desk.ada, "present")
    assert unclear(door) == []


@sqlite
def test_marks_of_people_that_the_school_does_not_know_are_left_out(door: Door) -> None:
    mark = door.see(str(uuid.uuid4()), margin=0.05)
    assert unclear(door) == []
    assert door.office.get("/recognitions").status_code == 200
    assert door.review(mark).status_code == 404


def test_a_lesson_with_nothing_but_a_decision_can_be_deleted(door: Door) -> None:
    mark = door.see(door.desk.ada, lesson_id=None)
    assert door.review(mark).json()[0]["lesson_id"] == door.lesson
    with door.desk.database.transaction() as db:
        # What the kiosk reported belongs elsewhere: an admin found out its time.
        db.get_one(StoredEvent, tuple(map(uuid.UUID, mark.values()))).counted_at -= OFFLINE
    assert door.office.delete(f"/api/v1/lessons/{door.lesson}").status_code == 204
    with door.desk.database.reading() as db:
        assert db.exec(select(MarkReview)).one().lesson_id is None


@pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_marks_of_no_lesson_are_decided_once_also_by_two_requests(
    door: Door, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = door.see(door.desk.ada, now() - timedelta(days=2), lesson_id=None)
    pause(monkeypatch, race, service, "_store")
    decide = partial(door.review, mark, answer="nobody")
    assert race.run(decide, decide) == {"first": 201, "second": 201}
    assert count(door.desk.database, MarkReview) == 1


@sqlite
def test_marks_without_a_lesson_cost_as_many_queries_as_one(door: Door, mixup: Mixup) -> None:
    """Also on other days, at other kiosks, and where a lesson is named that does not fit."""
    events = [door.see(door.desk.ada, lesson_id=None), door.see(door.desk.ben, lesson_id=uuid4())]
    first = _lessons_found(door, events)
    earlier = [door.began - timedelta(days=days) for days in range(1, 6)]
    events += [door.see(door.desk.ada, at, lesson_id=None) for at in earlier]
    events.append(door.see(door.desk.ben, door.began + timedelta(minutes=3), lesson_id=None))
    events.append(door.see(door.desk.ben, lesson_id=uuid4()))
    several = _lessons_found(door, events)
    assert several[1] == first[1]
    here = uuid.UUID(door.lesson)
    assert first[0] == [here, here]
    assert several[0] == [here, here, *[None] * 5, here, here]


def _lessons_found(door: Door, events: list[dict[str, str]]) -> tuple[list[uuid.UUID | None], int]:
    """Return the lesson of each mark, and how many statements finding them took."""
    keys = [(uuid.UUID(one["kiosk_id"]), uuid.UUID(one["event_id"])) for one in events]
    with door.desk.database.reading() as db:
        found = find_marks(db, keys)
        statements: list[str] = []

        def note(*said: Any) -> None:
            statements.append(said[2])

        listen(door.desk.database.engine, "before_cursor_execute", note)
        lessons = lessons_of(db, found)
        remove(door.desk.database.engine, "before_cursor_execute", note)
    ids = {key: view.lesson.id for key, view in lessons.items()}
    return [ids.get(key) for key in keys], len(statements)


def test_the_reason_and_the_events_of_a_decision_are_kept(mixup: Mixup, door: Door) -> None:
    mark = door.see(door.desk.ada)
    other = door.see(door.desk.ada, door.began + timedelta(minutes=2))
    made = door.review(mark, answer="nobody", reason="Its picture shows a poster").json()[0]
    assert made["correction_ids"] == []  # she was seen again, so her line stays
    assert made["reason"] == "Its picture shows a poster"
    assert "Its picture shows a poster" in door.office.get("/recognitions").text
    with door.desk.database.reading() as db:
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "mark.review")).one()
    assert entry.details["events"] == [mark["event_id"]]
    assert "poster" not in str(entry.details)
    erased = mixup.admin.post(f"/api/v1/people/{door.desk.ada}/erase", json={"reason": "asked"})
    assert erased.is_success
    with door.desk.database.reading() as db:
        assert db.exec(select(MarkReview)).one().reason == "erased"
    assert "poster" not in door.office.get("/recognitions").text
    later = door.review(other, answer="nobody", reason="A poster again").json()[0]
    assert later["reason"] == "erased"  # nothing new is written about her
    assert door.office.delete(f"/api/v1/mark-reviews/{made['id']}").status_code == 204
    with door.desk.database.reading() as db:
        undone = db.exec(select(AuditEntry).where(AuditEntry.action == "mark.undo")).one()
    assert undone.details["events"] == [mark["event_id"]]
