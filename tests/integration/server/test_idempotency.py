"""A request with an Idempotency-Key is done once, however often and at whatever moment it comes."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from httpx2 import Response
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.idempotency.service import KEPT_FOR
from server.idempotency.tables import IdempotencyKey
from server.people.tables import Person
from server.timetable.tables import Room
from server.tokens.tasks import TokenUpkeep
from server.web.once import RunningKeys
from server.web.principal import Role
from tests.integration.server.conftest import SignIn

ROOMS, PEOPLE = "/api/v1/rooms", "/api/v1/people"
ADA = {"student_number": "S-7", "given_name": "Ada", "family_name": "Byron"}
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
NewClient = Callable[[], TestClient]


def send(client: TestClient, path: str = ROOMS, key: str = KEY, **request: Any) -> Response:
    body = request or {"json": {"name": "Lab"}}
    answer: Response = client.post(path, headers={"Idempotency-Key": key}, **body)
    return answer


def code_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def rooms(database: Database) -> list[str]:
    with database.reading() as db:
        return [one.name for one in db.exec(select(Room))]


def kept(database: Database) -> list[IdempotencyKey]:
    with database.reading() as db:
        return list(db.exec(select(IdempotencyKey)))


def test_a_request_that_is_sent_again_gets_the_first_answer(
    office: TestClient, database: Database
) -> None:
    first, again = send(office), send(office, key=f'"{KEY}"')
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert first.status_code == 201
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert rooms(database) == ["Lab"]


def test_a_request_with_a_key_is_answered_as_one_without(office: TestClient) -> None:
    plain = office.post(PEOPLE, json=ADA).json()
    keyed = send(office, PEOPLE, json=ADA | {"student_number": "S-8"}).json()
    assert plain | {"id": "", "student_number": ""} == keyed | {"id": "", "student_number": ""}


@pytest.mark.parametrize(
    ("path", "body"), [(ROOMS, {"name": "Gym"}), (PEOPLE, ADA), (f"{ROOMS}?x=1", {"name": "Lab"})]
)
def test_a_key_belongs_to_one_request(path: str, body: dict[str, str], office: TestClient) -> None:
    send(office)
    answer = send(office, path, json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] in ("idempotency_key_reused", "malformed")


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(
    office: TestClient, sign_in: SignIn, database: Database
) -> None:
    send(office)
    assert send(sign_in(Role.ADMIN), json={"name": "Gym"}).status_code == 201
    assert sorted(rooms(database)) == ["Gym", "Lab"]


def test_a_request_that_was_refused_may_be_sent_again(
    office: TestClient, database: Database
) -> None:
    assert send(office, PEOPLE, json=ADA | {"student_number": ""}).status_code == 422
    assert kept(database) == []
    office.post(PEOPLE, json=ADA)
    assert send(office, PEOPLE, json=ADA).status_code == 409
    assert kept(database) == []


def test_equal_requests_at_the_same_moment_do_the_work_once(
    office: TestClient, database: Database
) -> None:
    together = Barrier(6)

    def hurry(_: int) -> Response:
        together.wait(10)
        return send(office)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(hurry, range(6)))
    assert {one.status_code for one in answers} <= {201, 409}
    assert {one.json().get("id") for one in answers if one.status_code == 201} == {
        send(office).json()["id"]
    }
    assert rooms(database) == ["Lab"]


def test_two_servers_with_one_database_do_the_work_once(
    office: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another process knows nothing of this one's keys.
    monkeypatch.setattr(RunningKeys, "holding", lambda *_: nullcontext())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(office), range(4)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["id"] for one in answers}) == 1
    assert rooms(database) == ["Lab"]


def test_a_key_whose_request_runs_is_refused_and_free_again_afterwards() -> None:
    running, account = RunningKeys(), uuid.uuid4()
    with running.holding(account, KEY):
        with pytest.raises(Exception, match="still running"), running.holding(account, KEY):
            pass
        with running.holding(uuid.uuid4(), KEY):
            pass
    with running.holding(account, KEY):
        pass


def test_an_answer_with_a_secret_is_not_kept_and_the_work_is_done_once(
    office: TestClient, person_id: str, database: Database
) -> None:
    path = f"{PEOPLE}/{person_id}/credentials/pin"
    first = office.post(path, headers={"Idempotency-Key": KEY})
    assert first.status_code == 201
    (row,) = kept(database)
    assert row.body is None
    assert code_of(office.post(path, headers={"Idempotency-Key": KEY})) == (409, "answer_not_kept")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e9"])
def test_what_is_no_key_is_refused(key: str, office: TestClient, database: Database) -> None:
    answer = office.post(
        ROOMS, json={"name": "Lab"}, headers={b"Idempotency-Key": key.encode("latin-1")}
    )
    assert code_of(answer) == (400, "idempotency_key_unusable")
    assert rooms(database) == []


def test_a_request_that_cannot_keep_a_key_says_so(sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    body = {"username": "one", "display_name": "One", "role": "teacher"}
    refused = send(admin, "/api/v1/accounts", json=body)
    assert code_of(refused) == (400, "idempotency_key_unusable")
    assert len(admin.get("/api/v1/accounts").json()) == 2


def test_keys_are_deleted_after_a_day(office: TestClient, database: Database) -> None:
    send(office)
    send(office, PEOPLE, "another", json=ADA)
    with database.transaction() as db:
        db.exec(select(IdempotencyKey).where(IdempotencyKey.key == KEY)).one().created_at = (
            now() - KEPT_FOR
        )
    TokenUpkeep(database).sweep()
    assert [one.key for one in kept(database)] == ["another"]
    with database.transaction() as db:
        db.exec(select(IdempotencyKey)).one().created_at = now() - KEPT_FOR - timedelta(minutes=1)
        db.delete(db.exec(select(Person)).one())
    assert send(office, PEOPLE, "another", json=ADA).status_code == 201


def test_an_erasure_deletes_kept_answers_and_nothing_is_done_twice(
    office: TestClient, sign_in: SignIn, database: Database
) -> None:
    made = send(office, PEOPLE, json=ADA).json()["id"]
    erased = sign_in(Role.DPO).post(f"{PEOPLE}/{made}/erase", json={"reason": "They moved away"})
    assert erased.status_code == 200
    assert [one.body for one in kept(database)] == [None]
    assert code_of(send(office, PEOPLE, json=ADA)) == (409, "answer_not_kept")
