"""The audit page: sentences, filters, pages, and the check of the whole trail as a job."""

import re
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select
from starlette.testclient import TestClient

from server.audit.service import ChainPoint, record, verify, verify_further
from server.audit.tables import AuditCheck, AuditedPerson, AuditEntry
from server.db.engine import Database
from server.jobs.tables import Job, JobState
from server.jobs.tasks import JobWorkers
from server.trail import service, tasks
from server.trail.listing import PAGE
from server.trail.tasks import VerifyTrail
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.migrating import migrate
from tests.support.office_desk import OfficeDesk, day_in

SENTENCE = re.compile(r'<p class="trail-sentence">([^<]+)</p>')


@pytest.fixture
def dpo(sign_in: SignIn) -> TestClient:
    return sign_in(Role.DPO)


@pytest.fixture
def checker(database: Database) -> JobWorkers:
    return JobWorkers(database, [], lease=timedelta(seconds=30), software=lambda: "1")


def sentences(client: TestClient, **asked: Any) -> list[str]:
    answer = client.get("/audit", params=asked)
    assert answer.status_code == 200, answer.text
    return SENTENCE.findall(answer.text)


def work(checker: JobWorkers, database: Database) -> bool:
    return checker.run_one([VerifyTrail(database)])


def note(database: Database, count: int, **changed: Any) -> None:
    given = {"actor": "system", "action": "photos.drop", "subject": "photos"}
    with database.transaction() as db:
        for _ in range(count):
            record(db, **(given | changed))


def cut_off_after(database: Database, seq: int) -> None:
    """Delete the newest entries, as nobody but who owns the database can."""
    with database.transaction() as db:
        _disarm(database, db)
        db.execute(text("DELETE FROM audit_entries WHERE seq > :seq"), {"seq": seq})


def check_of(database: Database) -> AuditCheck:
    with database.reading() as db:
        return db.exec(select(AuditCheck)).one()


def test_entries_are_sentences_with_names(dpo: TestClient, desk: OfficeDesk) -> None:
    assert sentences(dpo)[:2] == ["Office added Ben Okafor.", "Office added Ada Lovelace."]
    page = dpo.get("/audit").text
    assert f'<a class="small" href="/people/{desk.ada}">Open this person</a>' in page
    assert "<code>person.create</code>" in page


def test_entries_about_a_person_are_found_by_subject_and_by_detail(
    desk: OfficeDesk, dpo: TestClient
) -> None:
    desk.post(f"/courses/{desk.course}/roster", person_id=desk.ada)
    assert sentences(dpo, person=desk.ada) == [
        "Office put a person on the roster of Biology.",
        "Office added Ada Lovelace.",
    ]
    assert "Entries about Ada Lovelace" in dpo.get("/audit", params={"person": desk.ada}).text


def test_filters_of_actor_action_and_date_narrow_the_list(
    desk: OfficeDesk, dpo: TestClient
) -> None:
    office = f"account:{desk.office.get('/api/v1/sign-in').json()['account_id']}"
    added = ["Office added Ben Okafor.", "Office added Ada Lovelace."]
    assert sentences(dpo, action="person.create") == added
    assert sentences(dpo, action="person.create", actor=office) == added
    assert sentences(dpo, action="person.create", actor="system") == []
    assert sentences(dpo, action="person.create", first=day_in(0), last=day_in(0)) == added
    assert sentences(dpo, action="person.create", first=day_in(1)) == []
    assert sentences(dpo, action="person.create", last=day_in(-1)) == []
    unset = {"person": "", "actor": "", "action": "", "first": "", "last": ""}
    assert sentences(dpo, **unset) == sentences(dpo)


def test_the_name_of_a_person_is_sent_in_the_body(desk: OfficeDesk, dpo: TestClient) -> None:
    page = dpo.post("/audit?action=person.create", data={"q": "lovelace"}).text
    assert f"/audit?person={desk.ada}&amp;action=person.create" in page
    assert desk.ben not in page.split('id="entries"', maxsplit=1)[0]
    assert "Nobody was found." in dpo.post("/audit", data={"q": "nobody"}).text


def test_found_people_that_are_not_shown_are_said(
    desk: OfficeDesk, dpo: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "More people match. Type more letters of the name."
    for shown, is_said in ((1, True), (2, False)):
        monkeypatch.setattr("server.trail.pages._CANDIDATES", shown)
        assert (words in dpo.post("/audit", data={"q": "a"}).text) is is_said
        assert words not in dpo.post("/audit", data={"q": "lovelace"}).text


@pytest.mark.parametrize("more", ["", f"&first={day_in(0)}", f"&last={day_in(0)}"])
def test_a_long_list_has_pages_and_loses_nothing(
    database: Database, dpo: TestClient, more: str
) -> None:
    note(database, 2 * PAGE)
    with database.reading() as db:
        wanted = db.exec(select(AuditEntry.seq).where(AuditEntry.action == "photos.drop")).all()
    seen: list[str] = []
    path = f"/audit?action=photos.drop{more}"
    for _page in range(2):
        page = dpo.get(path).text
        seen += re.findall(r'id="entry-(\d+)"', page)
        path = (re.findall(r'href="(/audit\?[^"]*before=\d+)"', page) or [""])[0]
        path = path.replace("&amp;", "&")
    assert [int(one) for one in seen] == sorted(wanted, reverse=True)
    assert path == ""


@pytest.mark.parametrize(
    "query", ["person=x", "first=9999-99-99", "before=0", "actor=" + "x" * 81, "first=3000-01-01"]
)
def test_an_address_that_cannot_be_meant_is_refused(dpo: TestClient, query: str) -> None:
    assert dpo.get(f"/audit?{query}").status_code == 422


def test_the_check_runs_as_a_job_with_progress_and_its_result_stays(
    database: Database, dpo: TestClient, checker: JobWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(database, 20)
    assert dpo.post("/audit/check").status_code == 303
    assert dpo.post("/audit/check").status_code == 303  # one check at a time
    assert "The check starts in a moment." in dpo.get("/audit/check").text
    shown: list[str] = []

    def looking(db: Any, point: ChainPoint, most: int) -> ChainPoint:
        shown.append(dpo.get("/audit/check").text)
        return verify_further(db, point, most)

    monkeypatch.setattr(tasks, "_PART", 8)
    monkeypatch.setattr(tasks, "verify_further", looking)
    assert work(checker, database)
    assert not work(checker, database)
    assert re.search(r"8 of \d\d entries checked so far", shown[1])
    assert 'hx-get="/audit/check"' in shown[1]
    done = dpo.get("/audit").text
    assert f"The trail is whole: {check_of(database).checked} entries" in done
    assert 'hx-get="/audit/check"' not in done
    assert sentences(dpo, action="audit.verify") == ["Dpo asked to check the audit trail."]


def test_the_check_names_the_entry_that_was_altered(
    database: Database, dpo: TestClient, checker: JobWorkers
) -> None:
    note(database, 3)
    with database.transaction() as db:
        _disarm(database, db)
        db.execute(text("UPDATE audit_entries SET actor = 'nobody' WHERE seq = 2"))
    dpo.post("/audit/check")
    assert work(checker, database)
    assert check_of(database).broken_at == 2
    assert "The trail is broken at entry 2." in dpo.get("/audit").text


@pytest.mark.parametrize("forgery", ["cut off", "cut off and continued", "written again"])
def test_the_check_compares_the_trail_with_the_last_one_that_found_it_whole(
    database: Database, dpo: TestClient, checker: JobWorkers, forgery: str
) -> None:
    """A chain stays whole in itself where its end is cut off, or all of it is made again."""
    note(database, 4)
    dpo.post("/audit/check")
    assert work(checker, database)
    seen = check_of(database).good_seq
    assert seen is not None
    assert check_of(database).broken_at is None
    cut_off_after(database, 0 if forgery == "written again" else seen - 3)
    note(database, {"cut off": 0, "cut off and continued": 9, "written again": 40}[forgery])

    with database.reading() as db:
        assert verify(db).broken_at == (seen - 2 if forgery == "cut off" else seen)
    dpo.post("/audit/check")
    assert work(checker, database)
    # The check asked for leaves an entry, so the trail goes on after what was cut off.
    assert check_of(database).broken_at == (seen - 1 if forgery == "cut off" else seen)
    assert check_of(database).good_seq == seen, "it is still known at the next check"


def test_a_check_that_was_given_up_can_be_started_again(
    database: Database, dpo: TestClient, checker: JobWorkers
) -> None:
    dpo.post("/audit/check")
    with database.transaction() as db:
        db.exec(select(Job).where(Job.kind == "verify_audit")).one().state = JobState.PARKED
    assert "The last check was stopped." in dpo.get("/audit").text
    dpo.post("/audit/check")
    assert "The check starts in a moment." in dpo.get("/audit").text
    assert work(checker, database)
    assert "The trail is whole" in dpo.get("/audit/check").text


def test_of_several_who_ask_at_once_one_begins_the_check(
    database: Database, dpo: TestClient
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    ready = threading.Barrier(4)

    def ask() -> None:
        ready.wait()
        with database.transaction() as db:
            db.exec(select(AuditCheck)).all()  # the connection is open
            ready.wait()
            service.request_check(db, actor="system")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sentences(dpo, action="audit.verify")) == 1


def test_a_check_that_an_admin_cancelled_can_be_started_again(
    database: Database, sign_in: SignIn
) -> None:
    admin = sign_in(Role.ADMIN)
    admin.post("/audit/check")
    assert "Check the audit trail" in admin.get("/jobs").text
    with database.reading() as db:
        job = service.state(db)
        assert job.is_open
    (job_id,) = re.findall(r"/jobs/([0-9a-f-]+)/cancel", admin.get("/jobs").text)
    assert admin.post(f"/jobs/{job_id}/cancel").status_code == 303
    assert "The last check was stopped." in admin.get("/audit").text
    admin.post("/audit/check")
    assert "The check starts in a moment." in admin.get("/audit").text


def test_parts_of_a_check_find_what_the_whole_finds(database: Database) -> None:
    note(database, 7)
    with database.reading() as db:
        point = ChainPoint()
        while not point.is_end:
            point = verify_further(db, point, 3)
        assert (point.seq, point.broken_at) == (verify(db).entries, None)


def test_people_of_an_entry_are_noted_once_each(database: Database) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    details = {"person": str(one), "other": str(other), "room": str(uuid.uuid4())}
    note(database, 1, subject=f"person:{one}", details=details)
    with database.reading() as db:
        found = db.exec(select(AuditedPerson.person_id).order_by(col(AuditedPerson.seq))).all()
    assert set(found) == {one, other}
    assert len(found) == 2


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.TECHNICIAN])
def test_others_see_nothing_of_it(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    assert client.get("/audit").status_code == 403
    assert client.get("/audit/check").status_code == 403
    assert client.post("/audit", data={"q": "x"}).status_code == 403
    assert client.post("/audit/check").status_code == 403


def _disarm(database: Database, db: Any) -> None:
    if database.is_sqlite:
        db.execute(text("DROP TRIGGER audit_entries_no_update"))
        db.execute(text("DROP TRIGGER audit_entries_no_delete"))
    else:
        db.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER USER"))


def test_entries_from_before_the_index_of_people_are_found(
    database: Database, dpo: TestClient
) -> None:
    person = uuid.uuid4()
    note(database, 1, subject=f"person:{person}")
    note(database, 1, details={"person": str(person)})
    note(database, 1, subject="person:x", details={"n": [1, "x"], "other": None})
    migrate(database, "0015")
    migrate(database, "head")
    assert len(sentences(dpo, person=str(person))) == 2
    with database.reading() as db:
        assert verify(db).broken_at is None
