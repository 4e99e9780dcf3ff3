"""Accounts from a file: only administrators, no password until slips are printed."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.importing import ImportDesk, counts

FILE = (
    "Benutzername;Name;Rolle\nm.weber;Miriam Weber;Lehrerin\n A.Haddad ;Amal Haddad;\n"
    "secretary;School office;Sekretariat\nroot;Root;Administrator\nm w;No;teacher\n;Nobody;\n"
)


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """An administrator's browser."""
    return sign_in(Role.ADMIN)


@pytest.fixture
def imports(app: FastAPI, admin: TestClient) -> ImportDesk:
    """The administrator's imports."""
    return ImportDesk(app, admin)


def slips(admin: TestClient, *accounts: str) -> dict[str, str]:
    """Print first passwords; returns them by user name."""
    answer = admin.post("/users/passwords", data={"accounts": list(accounts)})
    assert answer.status_code == 201, answer.text
    cells = re.findall(r'<dd class="number-text" translate="no"[^>]*>([^<]+)</dd>', answer.text)
    return dict(zip(cells[1::3], cells[2::3], strict=True))


def ids(imports: ImportDesk) -> dict[str, str]:
    with imports.database.reading() as db:
        return {one.username: str(one.id) for one in db.exec(select(Account))}


def test_accounts_are_added_once_and_wrong_rows_are_named(imports: ImportDesk) -> None:
    done = imports.bring_in("accounts", FILE)
    assert counts(done)["new"] == 3
    assert counts(done)["wrong"] == 3
    wrong = {one["row"]: one["reason"] for one in imports.report(done["id"], "wrong")}
    assert wrong == {5: "role", 6: "user_name", 7: "empty"}
    roles = {one["username"]: one["role"] for one in imports.office.get("/api/v1/accounts").json()}
    assert roles["m.weber"] == roles["a.haddad"] == "teacher"
    assert roles["secretary"] == "office"
    assert counts(imports.bring_in("accounts", FILE))["unchanged"] == 3
    renamed = imports.bring_in("accounts", "user name,full name\nm.weber,Somebody Else\n")
    assert counts(renamed)["wrong"] == 1
    assert imports.report(renamed["id"], "wrong")[0]["reason"] == "account_differs"


def test_slips_open_the_accounts_once_and_only_before_the_first_sign_in(
    imports: ImportDesk, new_client: Callable[[], TestClient]
) -> None:
    imports.bring_in("accounts", FILE)
    known = ids(imports)
    page = imports.office.get("/users/passwords").text
    assert known["m.weber"] in page
    assert known["admin-account"] not in page
    first = slips(imports.office, known["m.weber"], known["admin-account"])
    assert list(first) == ["m.weber"]
    second = slips(imports.office, known["m.weber"], known["a.haddad"])
    assert sign_in_as(new_client, "m.weber", first["m.weber"]) == 401
    assert sign_in_as(new_client, "m.weber", second["m.weber"]) == 200
    assert (
        imports.office.post("/users/passwords", data={"accounts": known["m.weber"]}).status_code
        == 409
    )
    assert second["a.haddad"] not in imports.office.get("/users/passwords").text


def sign_in_as(new_client: Callable[[], TestClient], username: str, password: str) -> int:
    body = {"username": username, "password": password}
    return new_client().post("/api/v1/sign-in", json=body).status_code


def test_the_office_neither_uploads_nor_starts_a_file_of_accounts(
    imports: ImportDesk, app: FastAPI, office: TestClient
) -> None:
    assert ImportDesk(app, office).send("accounts", FILE).status_code == 403
    assert "/imports/samples/accounts" not in office.get("/imports/new").text
    assert "/imports/samples/accounts" in imports.office.get("/imports/new").text
    import_id = imports.upload("accounts", FILE)
    path, page = f"/api/v1/imports/{import_id}", f"/imports/{import_id}"
    hidden = (path, f"{path}/report", page, f"{page}/report.csv", f"{page}/columns")
    assert {office.get(one).status_code for one in hidden} == {403}
    steps = (f"{path}/cancel", f"{page}/cancel", f"{page}/delete", f"{page}/options")
    assert {office.post(one).status_code for one in steps} == {403}
    assert office.post(f"{path}/options", json={}).status_code == 403
    assert office.delete(path).status_code == 403
    assert import_id not in office.get("/imports").text
    assert office.get("/api/v1/imports").json()["total"] == 0
    assert imports.office.get("/api/v1/imports").json()["total"] == 1
    assert office.post(f"{path}/check", json={}).status_code == 403
    imports.check(import_id)
    assert office.post(f"{path}/start").status_code == 403
    assert office.post(f"/imports/{import_id}/start").status_code == 403
    assert "m.weber" not in ids(imports)


def test_the_import_writes_who_added_each_account(imports: ImportDesk) -> None:
    imports.bring_in("accounts", FILE)
    subject = f"account:{ids(imports)['m.weber']}"
    with imports.database.reading() as db:
        (entry,) = db.exec(select(AuditEntry).where(AuditEntry.subject == subject))
    assert entry.action == "account.create"
    assert entry.actor == f"account:{ids(imports)['admin-account']}"
