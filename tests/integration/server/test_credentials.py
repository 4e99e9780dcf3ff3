"""PINs, cards and links over the API, and what a kiosk gets to check them with."""

import base64
import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1 import sealing
from protocol.v1.checkin import card_hash, pin_base, pin_verifier, read_check_in_code
from protocol.v1.fields import parse_message
from protocol.v1.messages import CardKind, CredentialDocument, EventMethod, Holder, HolderKind
from server.audit.tables import AuditEntry
from server.credentials import new_pins, print_pages, renewal, service
from server.credentials.codes import code_for
from server.credentials.renewal import has_held
from server.credentials.service import HolderRef
from server.credentials.tables import CodeUse, Pin
from server.credentials.tasks import CredentialUpkeep
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom, classroom, device

__all__ = ["classroom", "device"]
SYNC = "/api/v1/sync/credentials"
CARD = "04:a2:99:ff"


@pytest.fixture
def vault(app: FastAPI, client: TestClient) -> Vault:
    del client  # the lifespan has opened it
    return services_of(app).vault


class Given:
    """What was given to one person, and how it looks to the kiosk."""

    def __init__(self, classroom: Classroom, device: TestClient) -> None:
        self.room, self.device = classroom, device
        self.base = f"/people/{classroom.person}/credentials"

    def pin(self) -> str:
        pin: str = self.room.post(f"{self.base}/pin")["pin"]
        return pin

    def card(self, number: str = CARD) -> dict[str, Any]:
        return self.room.post(f"{self.base}/cards", number=number)

    def document(self) -> CredentialDocument:
        answer = self.device.get(SYNC)
        assert answer.status_code == 200, answer.text
        return parse_message(CredentialDocument, answer.content)

    def keys(self, document: CredentialDocument) -> tuple[bytes, bytes]:
        own = self.room.device.sealing_key
        found = [
            sealing.unwrap_key(one.wrapped, own, kiosk_id=self.room.kiosk["id"], key_id=one.key_id)
            for one in (document.pin_key, document.card_key)
        ]
        return found[0], found[1]

    def holder(self, document: CredentialDocument) -> Holder | None:
        return next((one for one in document.holders if one.id == self.room.person), None)

    def passes(self, pin: str) -> bool:
        document = self.document()
        holder = self.holder(document)
        if holder is None or holder.pin is None:
            return False
        base = pin_base(pin, base64.b64decode(document.pin_salt))
        return pin_verifier(base, self.keys(document)[0], holder.id) == holder.pin


@pytest.fixture
def given(classroom: Classroom, device: TestClient) -> Given:
    return Given(classroom, device)


def test_a_kiosk_can_check_the_pin_that_was_issued_last(given: Given) -> None:
    first = given.pin()
    assert given.passes(first)
    second = given.pin()
    assert given.passes(second)
    assert not given.passes(first)


def test_a_kiosk_knows_a_card_by_its_hash(given: Given) -> None:
    added = given.card()
    assert added["label"] == "9:FF"
    document = given.document()
    holder = given.holder(document)
    assert holder is not None
    (entry,) = holder.cards
    assert entry.hash == card_hash(CARD.upper(), given.keys(document)[1])
    assert entry.kind == CardKind.READER
    assert holder.pin is not None, "a card comes with a PIN"
    answer = given.room.admin.delete(f"/api/v1{given.base}/cards/{added['id']}")
    assert answer.status_code == 204
    holder = given.holder(given.document())
    assert holder is not None
    assert holder.cards == ()


def test_no_secret_is_in_what_a_kiosk_gets(given: Given) -> None:
    pin = given.pin()
    given.card()
    text = given.device.get(SYNC).text
    assert pin not in text
    assert CARD.upper() not in text


def test_nothing_new_costs_no_transfer(given: Given) -> None:
    given.pin()
    etag = given.device.get(SYNC).headers["ETag"]
    assert given.device.get(SYNC, headers={"If-None-Match": etag}).status_code == 304
    given.pin()
    assert given.device.get(SYNC, headers={"If-None-Match": etag}).status_code == 200


def test_a_card_belongs_to_one_person(given: Given) -> None:
    given.card()
    answer = given.room.admin.post(f"/api/v1{given.base}/cards", json={"number": "04:A2:99:FF "})
    assert answer.status_code == 409
    assert "in use" in answer.text


@pytest.mark.parametrize("number", ["", "12", "x" * 65, "04 A2", "日本語の番号"])
def test_what_is_no_card_number_is_refused(given: Given, number: str) -> None:
    answer = given.room.admin.post(f"/api/v1{given.base}/cards", json={"number": number})
    assert answer.status_code in (400, 422)
    assert given.document().holders == ()


def test_who_is_not_due_here_is_not_sent(given: Given) -> None:
    other = given.room.post("/people", student_number="S9", given_name="Bo", family_name="Lind")
    given.room.post(f"/people/{other['id']}/credentials/pin")
    given.pin()
    assert {one.id for one in given.document().holders} == {given.room.person}
    policy = {"kiosk": {"gallery": "school"}}
    assert given.room.admin.put("/api/v1/policy", json=policy).status_code == 200
    assert {one.id for one in given.document().holders} == {given.room.person, other["id"]}


@pytest.mark.parametrize(
    ("ways", "has_pin", "has_card"),
    [
        ([], False, False),
        (["qr"], False, False),
        (["pin"], True, False),
        (["card"], True, True),
        (["card_alone"], True, True),
    ],
)
def test_only_ways_that_the_policy_allows_are_sent(
    given: Given, ways: list[str], has_pin: bool, has_card: bool
) -> None:
    given.card()
    answer = given.room.admin.put("/api/v1/policy", json={"kiosk": {"fallbacks": ways}})
    assert answer.status_code == 200, answer.text
    holder = given.holder(given.document()) or Holder(id="nobody")
    assert (holder.pin is not None, bool(holder.cards)) == (has_pin, has_card)


def test_teachers_of_the_room_and_the_office_may_take_the_roll(
    given: Given, sign_in: SignIn, database: Database, vault: Vault
) -> None:
    accounts = {}
    for role in (Role.TEACHER, Role.OFFICE):
        client = sign_in(role)
        accounts[role] = client.get("/api/v1/sign-in").json()["account_id"]
        with database.transaction() as db:
            holder = HolderRef(HolderKind.STAFF, uuid.UUID(accounts[role]))
            service.issue_pin(db, vault, holder, actor="system")
    assert {one.id for one in given.document().holders} == {accounts[Role.OFFICE]}
    path = f"/courses/{given.room.course}/teachers"
    given.room.post(path, account_id=accounts[Role.TEACHER])
    found = {one.id: one for one in given.document().holders}
    assert set(found) == {accounts[Role.OFFICE], accounts[Role.TEACHER]}
    assert {one.kind for one in found.values()} == {HolderKind.STAFF}
    assert all(one.name for one in found.values())


def test_a_kiosk_knows_staff_who_have_but_a_link_while_phones_are_a_way(
    given: Given, sign_in: SignIn, database: Database
) -> None:
    account = sign_in(Role.OFFICE).get("/api/v1/sign-in").json()["account_id"]
    holder = HolderRef(HolderKind.STAFF, uuid.UUID(account))
    with database.transaction() as db:
        before = service.version_of(db)
        service.make_link(db, holder, actor="system")
        assert service.version_of(db) > before
    [known] = given.document().holders
    assert (known.id, known.kind, known.pin, known.cards) == (account, "staff", None, ())
    ways = {"kiosk": {"fallbacks": ["pin", "teacher"]}}
    assert given.room.admin.put("/api/v1/policy", json=ways).status_code == 200
    assert given.document().holders == ()


def test_pins_that_a_revoked_kiosk_held_are_renewed(
    given: Given, database: Database, vault: Vault
) -> None:
    pin = given.pin()
    assert given.passes(pin)
    other = given.room.post("/people", student_number="S9", given_name="Bo", family_name="Lind")
    untouched = given.room.post(f"/people/{other['id']}/credentials/pin")["pin"]
    upkeep = CredentialUpkeep(database, vault)
    assert upkeep.renew() == 0
    given.room.post(f"/kiosks/{given.room.kiosk['id']}/revoke")
    assert (upkeep.renew(), upkeep.renew()) == (1, 0)
    with database.reading() as db:
        assert not has_held(db)
        pins = {str(row.holder_id): service.open_pin(vault, row)[0] for row in db.exec(select(Pin))}
    assert pins[given.room.person] != pin
    assert pins[other["id"]] == untouched
    held = given.room.admin.get(f"/api/v1{given.base}").json()
    assert held["pin_state"] == "to_hand_out"


@pytest.mark.parametrize("step", ["letters", "issue"])
def test_a_pin_that_a_person_gets_after_a_revocation_stays(
    given: Given, database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    pin = given.pin()
    assert given.passes(pin)
    given.room.post(f"/kiosks/{given.room.kiosk['id']}/revoke")
    if step == "issue":
        given.pin()
    else:
        monkeypatch.setattr(print_pages, "require_fonts", lambda: None)
        monkeypatch.setattr(print_pages, "pin_letters", lambda *_: b"%PDF")
        form = {"person_id": [given.room.person]}
        assert given.room.admin.post("/credentials/print/letters", data=form).status_code == 200
    with database.reading() as db:
        given_out = service.open_pin(vault, db.exec(select(Pin)).one())[0]
    assert given_out != pin
    CredentialUpkeep(database, vault).renew()
    with database.reading() as db:
        assert service.open_pin(vault, db.exec(select(Pin)).one())[0] == given_out
        assert not has_held(db)


def test_a_renewal_that_is_cut_off_while_it_makes_pins_changes_none(
    given: Given, database: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does anybody wait for it meanwhile: each PIN costs about 30 ms."""
    pin = given.pin()
    assert given.passes(pin)
    given.room.post(f"/kiosks/{given.room.kiosk['id']}/revoke")

    def cut_off(*_: object) -> bytes:
        with database.transaction(wait_s=0) as db:
            service.begin_change(db)
            row = db.exec(select(Pin)).one()
            assert service.open_pin(vault, row)[0] == pin
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(new_pins, "pin_base", cut_off)
        with pytest.raises(KeyboardInterrupt):
            CredentialUpkeep(database, vault).renew()
    assert CredentialUpkeep(database, vault).renew() == 1
    with database.reading() as db:
        assert service.open_pin(vault, db.exec(select(Pin)).one())[0] != pin


def claim_again(given: Given, client: TestClient) -> None:
    """Claim the same kiosk with another device, as after a theft."""
    kiosk_id = given.room.kiosk["id"]
    given.room.kiosk = given.room.post(f"/kiosks/{kiosk_id}/claim-codes")
    given.room.device = type(given.room.device)(kiosk_id=kiosk_id)
    client.headers["Authorization"] = f"Device {given.room.claim(client).device_token}"
    given.device = client


@pytest.mark.parametrize("is_begun", [False, True])
def test_pins_are_renewed_though_the_kiosk_was_claimed_again(
    given: Given,
    database: Database,
    vault: Vault,
    app: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
    is_begun: bool,
) -> None:
    monkeypatch.setattr(renewal, "AT_ONCE", 1)
    other = given.room.post("/people", student_number="S9", given_name="Bo", family_name="Lind")
    given.room.post(f"/courses/{given.room.course}/roster", person_id=other["id"])
    bases = [f"/people/{one}/credentials" for one in (given.room.person, other["id"])]
    pins = {given.room.post(f"{base}/pin")["pin"] for base in bases}
    assert len(given.document().holders) == 2
    given.room.post(f"/kiosks/{given.room.kiosk['id']}/revoke")
    if is_begun:
        with database.transaction() as db:
            assert renewal.renew_held(db, vault) == 1
    claim_again(given, TestClient(app))
    answer = given.device.get(SYNC)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert CredentialUpkeep(database, vault).renew() == (1 if is_begun else 2)
    with database.reading() as db:
        renewed = {service.open_pin(vault, row)[0] for row in db.exec(select(Pin))}
        assert not has_held(db)
    assert not renewed & pins
    assert len(given.document().holders) == 2
    assert CredentialUpkeep(database, vault).renew() == 0


def test_pins_stay_where_a_kiosk_was_claimed_again_without_a_revocation(
    given: Given, database: Database, vault: Vault, app: FastAPI
) -> None:
    pin = given.pin()
    assert given.passes(pin)
    claim_again(given, TestClient(app))
    assert CredentialUpkeep(database, vault).renew() == 0
    assert given.passes(pin)


def test_an_erased_person_has_no_credentials(given: Given) -> None:
    given.pin()
    given.card()
    path = given.room.post(f"{given.base}/link")["path"]
    answer = given.room.admin.post(
        f"/api/v1/people/{given.room.person}/erase", json={"reason": "asked for by letter"}
    )
    assert answer.status_code == 200
    assert given.holder(given.document()) is None
    assert path.startswith("/me/")
    held = given.room.admin.get(f"/api/v1{given.base}").json()
    assert held == {"pin_state": "none", "cards": [], "has_link": False, "link_made_at": None}


def test_a_link_opens_until_there_is_another(
    given: Given, database: Database, vault: Vault
) -> None:
    first, second = (given.room.post(f"{given.base}/link")["path"][4:] for _ in range(2))
    with database.transaction() as db:
        assert service.holder_of_link(db, first) is None
        holder = service.holder_of_link(db, second)
        assert holder == HolderRef(HolderKind.PERSON, uuid.UUID(given.room.person))
        at = now()
        text = code_for(db, vault, holder, at)
    code = read_check_in_code(text, given.room.server_key)
    assert str(code.holder_id) == given.room.person
    assert abs(code.issued_at - at) < timedelta(milliseconds=2)
    given.room.admin.delete(f"/api/v1{given.base}/link")
    with database.reading() as db:
        assert service.holder_of_link(db, second) is None


def test_a_used_code_is_noted_and_told_to_other_kiosks(
    given: Given, database: Database, app: FastAPI
) -> None:
    event = given.room.device.event(
        now(),
        person_id=given.room.person,
        lesson_id=given.room.lesson,
        method=EventMethod.QR,
        code_id="00112233445566778899",
    )
    batch = given.room.device.batch([event])
    given.device.post("/api/v1/sync/events", content=batch)
    given.device.post("/api/v1/sync/events", content=batch)
    with database.reading() as db:
        (used,) = db.exec(select(CodeUse)).all()
    assert (used.code_id, str(used.kiosk_id)) == (event["code_id"], given.room.kiosk["id"])
    assert given.document().used_codes == ()
    other = Classroom.__new__(Classroom)
    other.admin, other.kiosk = (
        given.room.admin,
        given.room.post("/kiosks", name="Other door", room_id=given.room.room),
    )
    other.device = type(given.room.device)(kiosk_id=other.kiosk["id"])
    client = TestClient(app)
    client.headers["Authorization"] = f"Device {other.claim(client).device_token}"
    document = parse_message(CredentialDocument, client.get(SYNC).content)
    assert document.used_codes == (event["code_id"],)


def test_pins_differ_and_are_in_no_log_or_trail(
    given: Given, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    people = [
        given.room.post("/people", student_number=f"T{n}", given_name="A", family_name="B")["id"]
        for n in range(12)
    ]
    pins = {given.room.post(f"/people/{one}/credentials/pin")["pin"] for one in people}
    assert len(pins) == len(people)
    with database.reading() as db:
        trail = " ".join(str(one.details) + one.subject for one in db.exec(select(AuditEntry)))
    said = trail + caplog.text
    assert not [pin for pin in pins if f" {pin} " in said or f"'{pin}'" in said]


def test_only_the_office_may(given: Given, sign_in: SignIn) -> None:
    for role in (Role.TEACHER, Role.DPO, Role.TECHNICIAN):
        assert sign_in(role).post(f"/api/v1{given.base}/pin").status_code == 403
