"""OneRoster bundles: one dry run and one job for all files; ids find what was renamed."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.imports import tasks
from server.imports.samples import bundle_files
from server.imports.tables import SourcedId
from server.timetable.tables import Course, RosterEntry, Term
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import count
from tests.support.importing import ImportDesk, counts
from tests.support.zips import zip_of

Files = dict[str, bytes]


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def changed(name: str, old: str, new: str, files: Files | None = None) -> Files:
    """Return the sample bundle with another text in one of its files."""
    found = dict(files or bundle_files())
    assert old.encode() in found[name]
    found[name] = found[name].replace(old.encode(), new.encode())
    return found


def wrong(imports: ImportDesk, run: dict[str, Any]) -> dict[str, str]:
    lines = imports.report(run["id"], "wrong")
    assert all(one["fix"] for one in lines)
    return {one["about"]: one["reason"] for one in lines}


def test_a_bundle_fills_a_school_at_once_and_a_second_time_changes_nothing(
    imports: ImportDesk, database: Database
) -> None:
    bundle = zip_of(bundle_files())
    import_id = imports.upload("oneroster", bundle)
    checked = imports.check(import_id)
    assert counts(checked) == {"new": 8, "wrong": 1}
    assert count(database, Term) == count(database, SourcedId) == 0
    assert imports.people() == {}
    new = [one["about"] for one in imports.report(import_id, "new")]
    assert new[0] == "users.csv 2 · 00123 · Ada Lovelace"
    assert new[-3].startswith("enrollments.csv 3 · BIO-9 · 00124")
    done = imports.start(import_id)
    assert (done["state"], counts(done)) == ("done", {"new": 8, "wrong": 1})
    assert list(wrong(imports, done).values()) == ["no_user_name"]
    people = imports.people()
    assert people["00124"]["family_name"] == "Müller"
    with database.reading() as db:
        assert [one.name for one in db.exec(select(Term))] == ["Autumn"]
        assert [(one.code, one.title) for one in db.exec(select(Course))] == [
            ("BIO-9", "Biology 9")
        ]
        assert len(db.exec(select(RosterEntry)).all()) == 2
        assert len(db.exec(select(SourcedId)).all()) == 4
    again = imports.bring_in("oneroster", bundle)
    assert counts(again) == {"unchanged": 8, "wrong": 1}
    assert imports.people() == people


def test_ids_find_who_and_what_got_another_number_code_or_name(
    imports: ImportDesk, database: Database
) -> None:
    imports.bring_in("oneroster", zip_of(bundle_files()))
    before = imports.people()
    files = changed("users.csv", ",00123,", ",90123,")
    files = changed("users.csv", "Ada,Lovelace", "Ada,King", files)
    files = changed("classes.csv", "BIO-9", "BIO-10", files)
    files = changed("academicSessions.csv", "Autumn", "First term", files)
    import_id = imports.upload("oneroster", zip_of(files))
    assert counts(imports.check(import_id)) == {"changed": 3, "unchanged": 5, "wrong": 1}
    assert set(imports.people()) == {"00123", "00124"}
    assert counts(imports.start(import_id)) == {"changed": 3, "unchanged": 5, "wrong": 1}
    after = imports.people()
    assert after["90123"]["id"] == before["00123"]["id"]
    assert after["90123"]["display_name"] == "Ada King"
    with database.reading() as db:
        assert [one.code for one in db.exec(select(Course))] == ["BIO-10"]
        assert [one.name for one in db.exec(select(Term))] == ["First term"]
        assert len(db.exec(select(RosterEntry)).all()) == 2


def test_a_bundle_without_identifiers_renumbers_nobody(imports: ImportDesk) -> None:
    imports.bring_in("oneroster", zip_of(bundle_files()))
    files = changed("users.csv", ",00123,", ",,")
    files = changed("users.csv", ",ada.l,,", ",ada.l,{LDAP:ada},", files)
    assert counts(imports.bring_in("oneroster", zip_of(files))) == {"unchanged": 8, "wrong": 1}
    assert imports.people()["00123"]["given_name"] == "Ada"


def test_a_cut_line_refuses_no_other_row(imports: ImportDesk) -> None:
    files = bundle_files()
    lines = files["enrollments.csv"].decode().rstrip().splitlines()
    assert "teacher" in lines[-1]
    files["enrollments.csv"] = "\r\n".join([*lines[:-1], lines[-1][:-4]]).encode()
    done = imports.bring_in("oneroster", zip_of(files))
    assert counts(done)["new"] == 8
    assert "cut" not in {
        one for about, one in wrong(imports, done).items() if "user-3" not in about
    }


def test_a_check_that_was_interrupted_begins_again(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 1)
    files = changed("users.csv", ",Zoë,Müller,", ",,,")  # nobody is added, so the roster lacks her
    import_id = imports.upload("oneroster", zip_of(files))
    whole = counts(imports.check(import_id))
    assert whole["wrong"] == 4
    imports.do(import_id, "check", {"columns": None})
    job, step, done = imports.claim(), imports.handler._step, list[int]()

    def killed(*given: Any) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        step(*given)
        done.append(1)

    monkeypatch.setattr(imports.handler, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.handler.run(job)
    assert imports.state(import_id)["rows_done"] == 3
    monkeypatch.setattr(imports.handler, "_step", step)
    imports.handler.run(job)
    assert imports.state(import_id)["rows_done"] == 9
    assert counts(imports.state(import_id)) == whole


def test_a_number_that_moves_to_another_record_changes_nobody(imports: ImportDesk) -> None:
    imports.bring_in("oneroster", zip_of(bundle_files()))
    before = imports.people()
    files = changed("users.csv", ",00123,", ",90123,")
    files["users.csv"] += b"user-9,,,true,org-1,student,eve,,Eve,New,,00123,,,,,09,\r\n"
    checked = imports.check(imports.upload("oneroster", zip_of(files)))
    assert counts(checked) == {"changed": 1, "unchanged": 7, "wrong": 2}
    assert wrong(imports, checked)["users.csv 6 · 00123 · Eve New"] == "in_use"
    assert imports.people() == before


def test_rows_to_be_deleted_twice_or_without_id_are_listed_and_nothing_is_deleted(
    imports: ImportDesk,
) -> None:
    imports.bring_in("oneroster", zip_of(bundle_files()))
    files = changed("users.csv", "user-2,,", "user-2,tobedeleted,")
    files["users.csv"] += (
        b"user-4,,,true,org-1,student,a,,A,A,,777,,,,,,\r\n"
        b"user-5,,,true,org-1,student,b,,B,B,,777,,,,,,\r\n"
        b",,,true,org-1,student,c,,C,C,,778,,,,,,\r\n"
        b"user-6,,,true,org-1,student,d,{sis:779},D,D,,,,,,,,\r\n"
        b"user-7,,,true,org-1,parent,e,,E,E,,780,,,,,,\r\n"
    )
    done = imports.bring_in("oneroster", zip_of(files))
    found = wrong(imports, done)
    assert sorted(found.values()) == [
        "no_child",
        "no_sourced_id",
        "no_user_name",
        "same_number",
        "same_number",
        "to_be_deleted",
    ]
    assert set(imports.people()) == {"00123", "00124", "779"}


def test_teachers_get_their_courses_and_what_is_not_in_the_bundle_is_listed(
    imports: ImportDesk, sign_in: SignIn
) -> None:
    admin = sign_in(Role.ADMIN)
    account = {"username": "ben", "display_name": "Ben Okafor", "role": "teacher"}
    assert admin.post("/api/v1/accounts", json=account).is_success
    imports.bring_in("people", "Number,First name\n555,Zed\n")
    import_id = imports.upload("oneroster", zip_of(bundle_files()))
    assert counts(imports.check(import_id)) == {"new": 9, "missing": 1}
    assert counts(imports.start(import_id)) == {"new": 9, "missing": 1}
    (missing,) = imports.report(import_id, "missing")
    assert missing["about"].startswith("555")


def test_an_import_of_a_bundle_goes_on_after_a_kill(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 1)
    import_id = imports.upload("oneroster", zip_of(bundle_files()))
    imports.check(import_id)
    imports.do(import_id, "start")
    job, step, done = imports.claim(), imports.handler._step, list[int]()

    def killed(*given: Any) -> None:
        if len(done) == 4:
            raise KeyboardInterrupt
        step(*given)
        done.append(1)

    monkeypatch.setattr(imports.handler, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.handler.run(job)
    monkeypatch.setattr(imports.handler, "_step", step)
    imports.handler.run(job)
    assert imports.state(import_id)["rows_done"] == 9
    assert counts(imports.state(import_id)) == {"new": 8, "wrong": 1}


REFUSED: dict[str, tuple[str, Callable[[], Files]]] = {
    "another version": ("oneroster_version", lambda: changed("manifest.csv", ",1.1", ",1.2")),
    "changes only": (
        "oneroster_delta",
        lambda: changed("manifest.csv", "file.users,bulk", "file.users,delta"),
    ),
    "no manifest": ("oneroster_missing", lambda: without("manifest.csv")),
    "a file that is not there": ("oneroster_missing", lambda: without("classes.csv")),
    "nobody": ("oneroster_missing", lambda: changed("manifest.csv", "users,bulk", "users,absent")),
    "a column that is not there": (
        "oneroster_column",
        lambda: changed("users.csv", "givenName", "given"),
    ),
    "half a file": (
        "file_quotes",
        lambda: changed("users.csv", "Zoë,", '"Zoë,'),
    ),
}


def without(name: str) -> Files:
    return {key: data for key, data in bundle_files().items() if key != name}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_bundles_that_cannot_be_right_are_refused_with_the_file(
    imports: ImportDesk, database: Database
) -> None:
    found = {
        name: imports.send("oneroster", zip_of(make())).json()["error"]["details"]["problem"]
        for name, (_, make) in REFUSED.items()
    }
    assert found == {name: problem for name, (problem, _) in REFUSED.items()}
    in_a_folder = {f"export/{name}": data for name, data in bundle_files().items()}
    assert imports.send("oneroster", zip_of(in_a_folder)).json()["rows"] == 9
