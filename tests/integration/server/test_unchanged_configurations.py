"""A kiosk that has its configuration already gets a short, signed answer, and every change."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from protocol.v1.fields import parse_message
from protocol.v1.messages import ConfigDocument
from protocol.v1.statements import TIME_HEADER
from server.db.types import now
from server.kiosks import configuration
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom
from tests.support.signed_answers import WITH_NONCE, is_signed

if TYPE_CHECKING:
    import httpx2

CONFIG = "/api/v1/sync/config"


class Sync:
    """A claimed kiosk that asks for its configuration, and how often one was built for it."""

    def __init__(self, app: FastAPI, room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = room
        token = room.claim(TestClient(app)).device_token
        self.client = TestClient(app, headers={"Authorization": f"Device {token}"} | WITH_NONCE)
        self.built = 0
        self._real = configuration.build
        monkeypatch.setattr(configuration, "build", self._build)

    def _build(self, *given: Any) -> ConfigDocument:
        self.built += 1
        return self._real(*given)

    def ask(self, etag: str = "") -> "httpx2.Response":
        return self.client.get(CONFIG, headers={"If-None-Match": etag} if etag else {})


@pytest.fixture
def sync(app: FastAPI, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> Sync:
    return Sync(app, Classroom(sign_in(Role.ADMIN)), monkeypatch)


def test_kiosk_that_has_it_gets_a_signed_304_for_which_nothing_is_built(sync: Sync) -> None:
    etag = sync.ask().headers["etag"]
    answers = [sync.ask(etag) for _ in range(3)]
    assert sync.built == 1
    for answer in answers:
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert is_signed(answer, sync.room.server_key, CONFIG)
        said = datetime.fromisoformat(answer.headers[TIME_HEADER])
        assert abs(datetime.now(UTC) - said) < timedelta(minutes=1), "its clock goes by this"


@pytest.mark.parametrize("etag", ["", '"an older one"'])
def test_kiosk_that_has_another_or_none_gets_it_whole(sync: Sync, etag: str) -> None:
    first = sync.ask()
    again = sync.ask(etag)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == first.headers["etag"]


def _rename_kiosk(room: Classroom) -> None:
    path = f"/api/v1/kiosks/{room.kiosk['id']}"
    assert room.admin.patch(path, json={"name": "Another door"}).status_code == 200


def _move_kiosk(room: Classroom) -> None:
    other = room.post("/rooms", name="R13")["id"]
    room.post(f"/kiosks/{room.kiosk['id']}/move", room_id=other)


def _rename_person(room: Classroom) -> None:
    body = {"student_number": "S1", "given_name": "Renamed", "family_name": "Kern"}
    assert room.admin.patch(f"/api/v1/people/{room.person}", json=body).status_code == 200


def _add_person(room: Classroom) -> None:
    person = room.post("/people", student_number="S2", given_name="New", family_name="Person")
    room.post(f"/courses/{room.course}/roster", person_id=person["id"])


def _add_lesson(room: Classroom) -> None:
    starts_at = now() + timedelta(hours=3)
    times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=45)}
    body = {name: at.isoformat() for name, at in times.items()}
    room.post("/lessons", course_id=room.course, room_id=room.room, **body)


def _cancel_lesson(room: Classroom) -> None:
    room.post(f"/lessons/{room.lesson}/cancel", reason="ill")


def _close_school(room: Classroom) -> None:
    day = (now() + timedelta(days=30)).date().isoformat()
    room.post("/holidays", name="Day off", first_day=day, last_day=day)


@pytest.mark.parametrize(
    "change",
    [
        _rename_kiosk,
        _move_kiosk,
        _rename_person,
        _add_person,
        _add_lesson,
        _cancel_lesson,
        _close_school,
    ],
)
def test_what_the_office_changes_reaches_the_kiosk_with_its_next_question(
    sync: Sync, change: Callable[[Classroom], None]
) -> None:
    before = sync.ask()
    etag = before.headers["etag"]
    assert sync.ask(etag).status_code == 304
    change(sync.room)
    after = sync.ask(etag)
    assert after.status_code == 200
    assert after.headers["etag"] != etag
    known, new = (parse_message(ConfigDocument, one.content) for one in (before, after))
    assert known.model_copy(update={"version": ""}) != new.model_copy(update={"version": ""})
    assert sync.ask(after.headers["etag"]).status_code == 304


def test_what_does_not_concern_the_kiosk_builds_nothing(sync: Sync) -> None:
    etag = sync.ask().headers["etag"]
    sync.room.post("/people", student_number="S2", given_name="New", family_name="Person")
    sync.room.post("/rooms", name="R14")
    assert [sync.ask(etag).status_code for _ in range(2)] == [304, 304]
    assert sync.built == 1
