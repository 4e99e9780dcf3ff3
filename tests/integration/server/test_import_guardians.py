"""Guardians from a file and from a bundle: told apart by student and name, never deleted."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.guardians.service import MOST_GUARDIANS
from server.guardians.tables import Guardian
from server.imports.findings import HIDDEN
from server.imports.samples import bundle_files
from server.imports.tables import ImportRun
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import count
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk
from tests.support.workbooks import rows_of, workbook
from tests.support.zips import zip_of

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
HEAD = "Nummer;Erziehungsberechtigte;Beziehung;Telefon;E-Mail\n"
ROWS = HEAD + (
    "S1;Amina Haddad;Mutter;+49 30 5550123;amina@example.org\n"
    "S1;Omar Haddad;père;0305550124;\n"
    "S2;Amina Haddad;;;\n"
)


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def guardians(imports: ImportDesk, person_id: str) -> list[tuple[str, str, str, str]]:
    found = imports.office.get(f"/api/v1/people/{person_id}/guardians").json()
    return [(one["name"], one["relation"], one["phone"], one["email"]) for one in found]


def wrong(imports: ImportDesk, run: dict[str, Any]) -> dict[int, str]:
    lines = imports.report(run["id"], "wrong")
    assert all(one["fix"] for one in lines)
    return {one["row"]: one["reason"] for one in lines}


def test_a_file_adds_and_changes_guardians_and_a_second_time_changes_nothing(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    import_id = imports.upload("guardians", ROWS)
    assert counts(imports.check(import_id)) == {"new": 3}
    assert count(database, Guardian) == 0
    assert counts(imports.start(import_id)) == {"new": 3}
    amina = ("Amina Haddad", "mother", "+49 30 5550123", "amina@example.org")
    omar = ("Omar Haddad", "father", "0305550124", "")
    assert guardians(imports, desk.ada) == [amina, omar]
    assert guardians(imports, desk.ben) == [("Amina Haddad", "guardian", "", "")]
    assert counts(imports.bring_in("guardians", ROWS)) == {"unchanged": 3}
    fewer = imports.bring_in("guardians", HEAD + "S1;OMAR Haddád;;+49 171 0000;\n")
    assert counts(fewer) == {"changed": 1, "missing": 2}
    (line,) = imports.report(fewer["id"], "changed")
    assert line["changes"] == [
        {"column": "guardian_name", "before": "Omar Haddad", "after": "OMAR Haddád"},
        {"column": "phone", "before": HIDDEN, "after": "+49 171 0000"},
    ]
    shown = [
        imports.office.get(f"/imports/{fewer['id']}?show=changed").text,
        imports.office.get(f"/imports/{fewer['id']}/report.csv").text,
    ]
    assert all("not shown" in text and "0305550124" not in text for text in shown)
    assert guardians(imports, desk.ada)[1] == ("OMAR Haddád", "father", "+49 171 0000", "")
    assert len(guardians(imports, desk.ben)) == 1
    with database.reading() as db:
        query = select(AuditEntry).where(col(AuditEntry.action).startswith("guardian.import"))
        found = list(db.exec(query.order_by(col(AuditEntry.seq))))
    new, change = found
    assert (new.details["guardians"], new.details["people"]) == (3, 2)
    assert change.details["fields"] == ["name", "phone"]
    assert not any("Haddad" in str(one.details) or "5550" in str(one.details) for one in found)


@ON_SQLITE
def test_numbers_of_a_workbook_keep_zeros_and_formulas_are_text(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    rows: list[list[str | float]] = [
        ["Student number", "First name", "Last name", "Phone"],
        ["S1", "Amina", "Haddad", "+4930555"],
        ["S2", "=1+1", "", "0049301"],
    ]
    import_id = imports.upload("guardians", workbook(rows_of(*rows)), "guardians.xlsx")
    imports.check(import_id)
    assert counts(imports.start(import_id)) == {"new": 2}
    assert guardians(imports, desk.ada)[0][::2] == ("Amina Haddad", "+4930555")
    assert guardians(imports, desk.ben)[0][::2] == ("=1+1", "0049301")
    imports.bring_in("guardians", HEAD + "S1;Amina Haddad;;+49 999;\n")
    again = imports.upload("guardians", HEAD + "S1;Amina Haddad;mother;+49 777;\n")
    imports.check(again)
    report = imports.office.get(f"/imports/{again}/report.csv").text
    assert "'+49 777" in report
    assert ",mother" in report


@ON_SQLITE
def test_contact_data_that_is_stored_is_in_no_report(desk: OfficeDesk, imports: ImportDesk) -> None:
    imports.bring_in("guardians", ROWS)
    probe = HEAD + "S1;Amina Haddad;father;+49 111;x@example.org\nS2;Amina Haddad;;+49 222;\n"
    import_id = imports.upload("guardians", probe)
    assert counts(imports.check(import_id)) == {"changed": 2, "missing": 1}
    first, second = imports.report(import_id, "changed")
    assert {one["column"]: one["before"] for one in first["changes"]} == {
        "relation": "mother",
        "phone": HIDDEN,
        "email": HIDDEN,
    }
    assert [one["before"] for one in second["changes"]] == [""]
    everything = "".join(
        imports.office.get(f"/imports/{import_id}{end}").text
        for end in ("", "?show=changed", "?show=missing", "/report.csv")
    )
    assert "amina@example.org" not in everything
    assert "5550123" not in everything


@ON_SQLITE
def test_rows_that_cannot_be_used_are_named(desk: OfficeDesk, imports: ImportDesk) -> None:
    reasons = {
        ";Amina;;;": "empty",
        "S1;;;;": "empty",
        "S9;Amina;;;": "no_student_number",
        "S1;...;;;": "wordless",
        "S1;Amina;cousin twice removed;;": "relation",
        "S1;Amina A;;call the aunt;": "phone",
        "S1;Amina B;;;a@b.org, c@d.org": "email",
        f"S1;{'x' * 161};;;": "too_long",
        "S1;Ada Lovelace;;;": "guardian_is_student",
        "S2;Eva;mother;;": "contradicts",
        "S2;EVA;father;;": "contradicts",
    }
    many = "".join(f"S2;Guardian {number};;;\n" for number in range(MOST_GUARDIANS + 1))
    import_id = imports.upload("guardians", HEAD + "\n".join(reasons) + "\n" + many)
    checked = imports.check(import_id)
    found = wrong(imports, checked)
    assert list(found.values()) == [*reasons.values(), "guardians_full"]
    assert counts(checked)["new"] == MOST_GUARDIANS
    assert counts(imports.start(import_id)) == counts(checked)
    assert len(guardians(imports, desk.ben)) == MOST_GUARDIANS


@ON_SQLITE
def test_an_erasure_deletes_files_of_guardians_and_their_reports(
    desk: OfficeDesk, imports: ImportDesk, sign_in: SignIn, database: Database
) -> None:
    imports.bring_in("guardians", ROWS)
    imports.check(imports.upload("groups", "Class;Number\n7B;S1\n"))
    answer = sign_in(Role.DPO).post(
        f"/api/v1/people/{desk.ben}/erase", json={"reason": "by letter"}
    )
    assert answer.status_code == 200
    assert count(database, ImportRun) == 0
    assert counts(imports.bring_in("guardians", HEAD + "S2;Eva;;;\n")) == {"missing": 2, "wrong": 1}


def bundle(users: str, *, agents: str = "guardian-1") -> bytes:
    """Return the sample bundle with Ada's agents, and further users."""
    files = bundle_files()
    text = files["users.csv"].decode().replace(",,guardian-1,09,", f',,"{agents}",09,')
    files["users.csv"] = (text + users).encode()
    return zip_of(files)


def user(sourced_id: str, role: str, name: str, agents: str = "", phone: str = "") -> str:
    return f'{sourced_id},,,true,org-1,{role},,,{name},Roe,,,,{phone},,"{agents}",,\r\n'


def test_a_bundle_brings_guardians_by_links_at_either_side(
    imports: ImportDesk, database: Database
) -> None:
    users = (
        user("g-2", "relative", "Rosa", phone="0171 55")
        + user("g-3", "guardian", "Nobodys", "user-99")
        + user("g-4", "parent", "Rosa", "user-1")
        + user("g-5", "aide", "Aide", "user-1")
        + user("g-6", "parent", "Wrong", "user-1", phone="none")
    )
    data = bundle(users, agents="guardian-1, g-2,g-5,lost")
    import_id = imports.upload("oneroster", data)
    checked = imports.check(import_id)
    assert [one["about"] for one in imports.report(import_id, "new")][-3:] == [
        "users.csv 5 · 00124 · Amina Haddad",
        "users.csv 6 · 00123 · Rosa Roe",
        "users.csv 5 · 00123 · Amina Haddad",
    ]
    reasons = {one["about"]: one["reason"] for one in imports.report(import_id, "wrong")}
    assert {key: reason for key, reason in reasons.items() if key.startswith("users")} == {
        "users.csv 7 · Nobodys Roe": "no_child",
        "users.csv 8 · Rosa Roe": "guardian_twice",
        "users.csv 10 · 00123 · Wrong Roe": "phone",
    }
    assert counts(imports.start(import_id)) == counts(checked)
    people = imports.people()
    amina = ("Amina Haddad", "guardian", "0049 30 5550123", "amina@example.org")
    rosa = ("Rosa Roe", "other", "0171 55", "")
    assert sorted(guardians(imports, people["00123"]["id"])) == [amina, rosa]
    assert guardians(imports, people["00124"]["id"]) == [amina]
    made = imports.office.get(f"/api/v1/people/{people['00124']['id']}/guardians").json()[0]["id"]
    path = f"/api/v1/people/{people['00124']['id']}/guardians/{made}"
    assert imports.office.patch(path, json={"relation": "mother"}).is_success
    again = imports.bring_in("oneroster", data)
    assert counts(again).keys() == {"unchanged", "wrong"}
    assert guardians(imports, people["00124"]["id"])[0][1] == "mother"
    none = bundle_files()
    none["users.csv"] = none["users.csv"].replace(b"Amina", b"Amira")
    missing = imports.check(imports.upload("oneroster", zip_of(none)))
    lines = [one["about"] for one in imports.report(missing["id"], "missing")]
    assert len([one for one in lines if "Amina Haddad" in one]) == 2
    assert count(database, Guardian) == 3
