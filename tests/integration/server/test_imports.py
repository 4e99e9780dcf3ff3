"""Imports from upload to result: the dry run writes nothing, twice changes nothing."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.audit.service import digest_of, verify
from server.audit.tables import AuditedPerson, AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.imports import tasks
from server.imports.tables import ImportFile, ImportPart, ImportRun
from server.imports.tasks import ImportUpkeep
from server.jobs.tables import Job
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_tokens import NewClient, make
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk
from tests.support.workbooks import rows_of, workbook

HEAD = "Schülernummer;Vorname;Nachname;Geburtsdatum;Klasse\n"
PEOPLE = HEAD + (
    "007;Ada;Lovelace;10.12.2011;7B\n"
    "0123456789012345678901;Zoë;Müller;2012;7B\n"
    "S1;Ada;King;;7B\n"
    ";Nobody;Here;;\n"
    "009;=1+1;;2011;\n"
)


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def test_the_dry_run_judges_every_row_and_writes_nothing(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    before = imports.people()
    import_id = imports.upload("people", PEOPLE.encode("cp1252"))
    checked = imports.check(import_id)
    assert (checked["state"], checked["encoding"], checked["separator"]) == (
        "checked",
        "windows-1252",
        ";",
    )
    assert checked["mapping"]["student_number"] == "Schülernummer"
    assert checked["not_used"] == ["Klasse"]
    assert counts(checked) == {"new": 3, "changed": 1, "wrong": 1, "missing": 1}
    assert imports.people() == before
    (wrong,) = imports.report(import_id, "wrong")
    assert (wrong["row"], wrong["reason"], wrong["column"]) == (5, "empty", "student_number")
    assert wrong["fix"]
    (changed,) = imports.report(import_id, "changed")
    assert changed["changes"] == [
        {"column": "display_name", "before": "Ada Lovelace", "after": "Ada King"},
        {"column": "family_name", "before": "Lovelace", "after": "King"},
    ]
    (missing,) = imports.report(import_id, "missing")
    assert missing["about"] == "S2 · Ben Okafor"


def test_importing_twice_changes_nothing_and_deletes_nobody(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    done = imports.bring_in("people", PEOPLE)
    assert (done["state"], counts(done)) == (
        "done",
        {"new": 3, "changed": 1, "wrong": 1, "missing": 1},
    )
    people = imports.people()
    assert people["007"]["year_of_birth"] == 2011
    assert people["0123456789012345678901"]["given_name"] == "Zoë"
    assert people["009"]["given_name"] == "=1+1"
    assert people["S1"]["display_name"] == "Ada King"
    assert people["S2"]["family_name"] == "Okafor"
    again = imports.bring_in("people", PEOPLE)
    assert counts(again) == {"unchanged": 4, "wrong": 1, "missing": 1}
    assert imports.people() == people
    found = imports.office.post("/api/v1/people/search", json={"q": "mueller"}).json()
    assert [one["student_number"] for one in found["people"]] == ["0123456789012345678901"]
    with database.reading() as db:
        assert db.exec(select(ImportFile)).all() == []
        assert db.exec(select(Job)).all() == []


def test_the_audit_trail_proves_which_people_an_import_added_and_changed(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    done = imports.bring_in("people", PEOPLE)
    with database.reading() as db:
        entries = db.exec(select(AuditEntry).where(AuditEntry.subject == f"import:{done['id']}"))
        by_action = {entry.action: entry for entry in entries}
        assert list(by_action) == [
            "import.upload",
            "import.check",
            "import.start",
            "person.import_new",
            "person.import_change",
            "import.finish",
        ]
        changed = by_action["person.import_change"]
        assert changed.details["fields"] == ["display_name", "family_name"]
        assert changed.details["file"] == done["sha256"]
        for action in ("person.import_new", "person.import_change"):
            query = select(AuditedPerson.person_id).where(
                AuditedPerson.seq == by_action[action].seq
            )
            ids = db.exec(query).all()
            assert by_action[action].details["people_digest"] == digest_of(ids)
        assert db.exec(query).all() == [uuid.UUID(desk.ada)]
        assert by_action["import.finish"].details["new"] == 3
        assert verify(db).broken_at is None


def test_rows_are_judged_again_when_the_data_changed_after_the_dry_run(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    import_id = imports.upload("people", "Number,First name\nS1,Ada\nS9,Eve\nS8,Bo\n")
    assert counts(imports.check(import_id)) == {"unchanged": 1, "new": 2, "missing": 1}
    desk.post("/people", student_number="S9", given_name="Eva", family_name="Other")
    done = imports.start(import_id)
    assert counts(done) == {"unchanged": 1, "changed": 1, "new": 1, "missing": 1}
    assert imports.people()["S9"]["display_name"] == "Eve Other"


def test_an_import_goes_on_after_a_kill_where_it_was(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 2)
    lines = "".join(f"{number},Name {number}\n" for number in range(7))
    import_id = imports.upload("people", "Number,First name\n" + lines)
    imports.check(import_id)
    imports.do(import_id, "start")
    job = imports.claim()
    step = imports.handler._step
    done: list[int] = []

    def killed(*given: Any) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        step(*given)
        done.append(1)

    monkeypatch.setattr(imports.handler, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.handler.run(job)
    assert imports.state(import_id)["rows_done"] == 4
    assert len(imports.people()) == 4
    monkeypatch.setattr(imports.handler, "_step", step)
    with database.transaction() as db:
        row = db.exec(select(Job)).one()
        row.lease_until = now() - timedelta(seconds=1)
    assert imports.work()
    finished = imports.state(import_id)
    assert (finished["state"], counts(finished)) == ("done", {"new": 7})
    assert [one["row"] for one in imports.report(import_id, "new")] == [2, 3, 4, 5, 6, 7, 8]
    assert len(imports.people()) == 7


def test_a_cancelled_import_stops_and_keeps_what_was_written(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 1)
    import_id = imports.upload("people", "Number,First name\n1,A\n2,B\n3,C\n")
    imports.check(import_id)
    imports.do(import_id, "start")
    step = imports.handler._step

    def cancelling(*given: Any) -> None:
        step(*given)
        imports.do(import_id, "cancel")

    monkeypatch.setattr(imports.handler, "_step", cancelling)
    assert imports.work()
    assert imports.state(import_id)["state"] == "cancelled"
    assert set(imports.people()) == {"1"}
    monkeypatch.setattr(imports.handler, "_step", step)
    assert counts(imports.check(import_id)) == {"unchanged": 1, "new": 2}
    assert counts(imports.start(import_id)) == {"unchanged": 1, "new": 2}


def test_only_office_and_administrators_import(sign_in: SignIn) -> None:
    for role in (Role.TEACHER, Role.DPO, Role.TECHNICIAN):
        client = sign_in(role)
        answer = client.post(
            "/api/v1/imports", data={"kind": "people"}, files={"file": ("a.csv", b"a\n1\n")}
        )
        assert answer.status_code == 403
        assert client.get("/imports").status_code == 403


def test_file_and_report_are_sealed_and_deleted_in_time(
    imports: ImportDesk, database: Database
) -> None:
    import_id = imports.upload("people", "Number,First name\n1,Unmistakable\n")
    imports.check(import_id)
    with database.transaction() as db:
        stored = [one.data for one in db.exec(select(ImportFile))]
        stored += [one.data for one in db.exec(select(ImportPart))]
        assert len(stored) == 2
        assert not any(b"Unmistakable" in one for one in stored)
        db.get_one(ImportRun, uuid.UUID(import_id)).expires_at = now()
    assert ImportUpkeep(database).sweep() == 1
    with database.reading() as db:
        for table in (ImportRun, ImportFile, ImportPart):
            assert db.exec(select(table)).all() == []
        last = db.exec(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()  # type: ignore[attr-defined]
        assert last is not None
        assert (last.action, last.actor) == ("import.delete", "system")


def test_steps_in_a_wrong_order_are_refused(imports: ImportDesk) -> None:
    import_id = imports.upload("people", "Nr,Who\n1,A\n")
    address = f"/api/v1/imports/{import_id}"
    post = imports.office.post
    assert post(f"{address}/start").json()["error"]["code"] == "conflict"
    assert post(f"{address}/check", json={}).status_code == 400
    assert post(f"{address}/check", json={"columns": {"student_number": "X"}}).status_code == 400
    twice = {"student_number": "Nr", "given_name": "Nr"}
    assert post(f"{address}/check", json={"columns": twice}).status_code == 400
    imports.check(import_id, {"student_number": "Nr", "given_name": "Who"})
    imports.do(import_id, "start")
    assert post(f"{address}/start").status_code == 409
    assert imports.office.delete(address).status_code == 409
    imports.work()
    assert post(f"{address}/check", json={}).status_code == 409
    assert imports.office.delete(address).status_code == 204
    assert imports.office.get(address).status_code == 404


def test_the_first_row_of_a_file_without_names_is_stored_only_sealed(
    imports: ImportDesk, database: Database
) -> None:
    import_id = imports.upload("people", "17,Unmistakable,Person\n18,Other,Person\n")
    with database.reading() as db:
        run = db.get_one(ImportRun, uuid.UUID(import_id))
        assert (run.columns, run.mapping) == (["1", "2", "3"], {})
    page = imports.office.get(f"/imports/{import_id}").text
    assert page.count("Unmistakable") > 1  # in the choices too, from the sealed file
    for names in (("17", "Unmistakable"), ("1", "2")):
        found = imports.check(
            import_id, dict(zip(("student_number", "given_name"), names, strict=True))
        )
    assert (found["mapping"]["given_name"], found["not_used"]) == ("2", ["3"])
    assert counts(found) == {"new": 1}


def test_a_check_counts_for_a_day(imports: ImportDesk, database: Database) -> None:
    import_id = imports.upload("people", "Number,First name\n1,Ada\n")
    imports.check(import_id)
    with database.transaction() as db:
        run = db.get_one(ImportRun, uuid.UUID(import_id))
        run.finished_at = now() - timedelta(hours=24, seconds=1)
    refused = imports.office.post(f"/api/v1/imports/{import_id}/start")
    assert refused.json()["error"]["details"]["problem"] == "import_old_check"
    imports.check(import_id)
    assert counts(imports.start(import_id)) == {"new": 1}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Bearer {token}"}, "token_refused"),
        ({"Idempotency-Key": "abc"}, "idempotency_key_unusable"),
    ],
)
def test_an_upload_takes_neither_token_nor_key(
    imports: ImportDesk, new_client: NewClient, headers: dict[str, str], code: str
) -> None:
    token = make(imports.office, "people:write", "timetable:write")
    client = new_client() if "Authorization" in headers else imports.office
    answer = client.post(
        "/api/v1/imports",
        data={"kind": "people"},
        files={"file": ("a.csv", b"Number,First name\n1,Ada\n")},
        headers={name: value.format(token=token) for name, value in headers.items()},
    )
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize(("encoding", "is_certain"), [("utf-8", True), ("cp1252", False)])
def test_a_guessed_encoding_is_named(imports: ImportDesk, encoding: str, is_certain: bool) -> None:
    import_id = imports.upload("people", "Number,First name\n1,Zoë\n".encode(encoding))
    assert imports.state(import_id)["is_encoding_certain"] is is_certain
    page = imports.office.get(f"/imports/{import_id}").text
    assert ("does not say its encoding" in page) is not is_certain


def test_another_sheet_or_encoding_can_be_chosen(imports: ImportDesk) -> None:
    data = workbook(rows_of(["Note"], ["x"]), rows_of(["ID", "Name"], [7, "Eve"]))
    import_id = imports.upload("people", data, "book.xlsx")
    read = imports.do(import_id, "options", {"sheet": "Other"})
    assert (read["columns"], read["mapping"]["student_number"]) == (["ID", "Name"], "ID")
    answer = imports.office.post(f"/api/v1/imports/{import_id}/options", json={"sheet": "No"})
    assert answer.json()["error"]["details"]["problem"] == "file_no_sheet"
    assert counts(imports.check(import_id)) == {"new": 1}
