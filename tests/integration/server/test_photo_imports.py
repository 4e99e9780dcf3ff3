"""Archives of photos: judged by consent and content, sealed, sent in pieces, never doubled."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.enrollment.kinds import ENCODE
from server.enrollment.tables import Enrolment, EnrolmentStatus
from server.imports import pieces, tasks
from server.imports.pieces import SealedArchive
from server.imports.tables import ImportPiece, ImportRun
from server.imports.tasks import ImportUpkeep
from server.jobs.tables import Job
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN, another_jpeg, count, jobs_of
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk
from tests.support.zips import overlapping, zip_of

_API = "/api/v1/imports"
_SHARED, _REPEATED = another_jpeg(), another_jpeg()


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def consent(desk: OfficeDesk, number: str, decision: str = "given") -> str:
    """Add a person with this decision of a parent; returns the id."""
    names = {"given_name": f"Student {number}", "family_name": "Test"}
    made: str = desk.post("/people", student_number=number, **names)["id"]
    desk.post(f"/people/{made}/consents", **GIVEN, decision=decision)
    return made


def test_each_photo_is_judged_and_only_those_with_consent_are_taken_in(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    ada, bea = consent(desk, "00123"), consent(desk, "00124")
    consent(desk, "00125", "refused")
    consent(desk, "00126")
    archive = zip_of(
        {
            "00123.jpg": another_jpeg(),
            "00123_2.jpg": _REPEATED,
            "00124/front.jpg": another_jpeg(),
            "00125.jpg": another_jpeg(),
            "S1.jpg": another_jpeg(),
            "99999.jpg": another_jpeg(),
            "00123/99998.jpg": another_jpeg(),
            "00123/notes.txt": b"not a picture, whatever its folder is" * 4,
            "00124_3.zip": zip_of({"00124.jpg": another_jpeg()}),
            "00123_4.jpg": _REPEATED,
            "00123_5.jpg": _SHARED,
            "00124_5.jpg": _SHARED,
            "00123/00124.jpg": another_jpeg(),
        }
    )
    import_id = imports.upload("photos", archive, "photos.zip")
    checked = imports.check(import_id)
    assert counts(checked) == {"new": 3, "wrong": 10, "missing": 1}
    assert count(database, Enrolment) == 0
    wrong = {one["about"]: one["reason"] for one in imports.report(import_id, "wrong")}
    assert wrong == {
        "00125.jpg": "consent_refused",
        "S1.jpg": "consent_none",
        "99999.jpg": "photo_unknown",
        "00123/99998.jpg": "photo_unknown",
        "00123/notes.txt": "photo_kind",
        "00124_3.zip": "photo_kind",
        "00123_4.jpg": "photo_repeated",
        "00123_5.jpg": "photo_shared",
        "00124_5.jpg": "photo_shared",
        "00123/00124.jpg": "photo_ambiguous",
    }
    assert all(one["fix"] for one in imports.report(import_id, "wrong"))
    (missing,) = imports.report(import_id, "missing")
    assert missing["about"].startswith("00126")
    done = imports.start(import_id)
    assert (done["state"], counts(done)) == ("done", counts(checked))
    assert len(jobs_of(database, ENCODE)) == 3
    with database.reading() as db:
        people = sorted(str(one.person_id) for one in db.exec(select(Enrolment)))
    assert people == sorted([ada, ada, bea])
    assert count(database, ImportPiece) == 0
    again = imports.bring_in("photos", archive)
    assert counts(again) == {"unchanged": 3, "wrong": 10, "missing": 1}
    assert len(jobs_of(database, ENCODE)) == 3


def test_a_photo_that_was_rejected_is_not_tried_again_and_a_withdrawal_counts_at_once(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    consent(desk, "1")
    person = consent(desk, "2")
    archive = zip_of({"1.jpg": another_jpeg(), "2.jpg": another_jpeg()})
    imports.bring_in("photos", zip_of({"1.jpg": another_jpeg()}))
    rejected = another_jpeg()
    imports.bring_in("photos", zip_of({"1.jpg": rejected}))
    with database.transaction() as db:
        for one in db.exec(select(Enrolment)):
            one.status = EnrolmentStatus.REJECTED.value
    (line,) = imports.report(imports.bring_in("photos", zip_of({"1.jpg": rejected}))["id"], "wrong")
    assert line["reason"] == "photo_rejected"
    import_id = imports.upload("photos", archive)
    assert counts(imports.check(import_id)) == {"new": 2}
    desk.post(f"/people/{person}/consents", **GIVEN, decision="refused")
    assert counts(imports.start(import_id)) == {"new": 1, "wrong": 1}


def send(imports: ImportDesk, archive: bytes, numbers: list[int]) -> tuple[str, list[Any]]:
    """Announce an archive and send some of its pieces; returns the import's id and the answers."""
    about = {"kind": "photos", "file_name": "photos.zip", "size_bytes": len(archive)}
    made = imports.office.post(f"{_API}/archives", json=about).json()
    assert made["state"] == "uploading"
    size = made["piece_bytes"]
    answers = [
        imports.office.put(
            f"{_API}/{made['id']}/pieces/{number}",
            files={"piece": archive[number * size : (number + 1) * size]},
        )
        for number in numbers
    ]
    return made["id"], answers


def test_an_archive_comes_in_pieces_and_goes_on_after_a_kill(
    desk: OfficeDesk,
    imports: ImportDesk,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("uploads", "api", "pieces"):
        monkeypatch.setattr(f"server.imports.{module}.PIECE_BYTES", 700)
    monkeypatch.setattr(tasks, "PHOTOS_AT_ONCE", 2)
    files = {f"{number}.jpg": another_jpeg() for number in range(5)}
    for number in range(5):
        consent(desk, str(number))
    archive = zip_of(files)
    last = -(-len(archive) // 700) - 1
    import_id, answers = send(imports, archive, [0, 0, 2, *range(1, last)])
    assert [one.status_code for one in answers[:4]] == [200, 200, 409, 200]
    refused = imports.office.post(f"{_API}/{import_id}/check", json={})
    assert refused.json()["error"]["details"]["problem"] == "import_uploading"
    short = imports.office.put(f"{_API}/{import_id}/pieces/{last}", files={"piece": b"x"})
    assert short.status_code == 400
    rest = {"piece": archive[last * 700 :]}
    whole = imports.office.put(f"{_API}/{import_id}/pieces/{last}", files=rest).json()
    assert (whole["state"], whole["rows"]) == ("uploaded", 5)
    with database.reading() as db:
        kept = [one.data for one in db.exec(select(ImportPiece))]
    assert len(kept) == last + 1
    assert not any(b"a photo, as far as" in one for one in kept)
    assert counts(imports.check(import_id)) == {"new": 5}
    imports.do(import_id, "start")
    job = imports.claim()
    step, done = imports.handler._step, list[int]()

    def killed(*given: Any) -> None:
        if done:
            raise KeyboardInterrupt
        step(*given)
        done.append(1)

    monkeypatch.setattr(imports.handler, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.handler.run(job)
    assert count(database, Enrolment) == 2
    monkeypatch.setattr(imports.handler, "_step", step)
    with database.transaction() as db:
        db.exec(select(Job).where(Job.kind == "import")).one().lease_until = now()
    assert imports.work()
    assert counts(imports.state(import_id)) == {"new": 5}
    assert count(database, Enrolment) == 5
    assert count(database, ImportPiece) == 0


def test_a_hostile_archive_leaves_nothing_behind(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    _, answers = send(imports, overlapping(), [0])
    assert answers[0].json()["error"]["details"]["problem"] == "zip_broken"
    assert imports.send("photos", b"PK no zip").status_code == 400
    assert count(database, ImportRun) == count(database, ImportPiece) == 0


def test_archives_are_few_and_deleted_after_a_day_or_with_a_person(
    desk: OfficeDesk, imports: ImportDesk, database: Database, sign_in: SignIn
) -> None:
    person = consent(desk, "1")
    archive = zip_of({"1.jpg": another_jpeg()})
    imports.upload("photos", archive)
    send(imports, archive, [])
    full = imports.send("photos", archive)
    assert full.json()["error"]["details"]["problem"] == "import_archives"
    with database.transaction() as db:
        run = db.exec(select(ImportRun).where(ImportRun.state == "uploading")).one()
        assert run.expires_at - run.created_at == timedelta(hours=24)
        run.expires_at = now()
    assert ImportUpkeep(database).sweep() == 1
    assert count(database, ImportPiece) == 1
    admin = sign_in(Role.ADMIN)
    admin.post(f"/api/v1/people/{person}/erase", json={"reason": "left the school"})
    assert count(database, ImportRun) == count(database, ImportPiece) == 0
    too_large = {"kind": "photos", "file_name": "a", "size_bytes": pieces.MOST_ARCHIVE_BYTES + 1}
    assert imports.office.post(f"{_API}/archives", json=too_large).status_code == 413
    rows = {"kind": "people", "file_name": "a", "size_bytes": 10}
    assert imports.office.post(f"{_API}/archives", json=rows).status_code == 400


def test_the_pages_lead_from_the_upload_to_the_report(
    desk: OfficeDesk, imports: ImportDesk, app: FastAPI
) -> None:
    consent(desk, "1")
    archive = zip_of({"1.jpg": another_jpeg(), "2.jpg": another_jpeg()})
    answer = imports.office.post(
        "/imports/new",
        data={"kind": "photos"},
        files={"file": ("a.zip", archive)},
        follow_redirects=False,
    )
    address = answer.headers["location"]
    assert "Checking the file" in imports.office.get(address).text
    assert imports.work()
    report = imports.office.get(address).text
    assert "Import 1 photo" in report
    assert "2.jpg" in report
    about = {"kind": "photos", "file_name": "b.zip", "size_bytes": str(len(archive))}
    told = imports.office.post("/imports/archives", data=about).json()
    assert "The upload is not complete" in imports.office.get(told["address"]).text
    sent = imports.office.post(f"{told['address']}/pieces/0", files={"piece": archive})
    assert sent.json() == {"is_complete": True}
    full = imports.office.post("/imports/archives", data=about)
    assert full.status_code == 409
    assert full.json()["problem"].startswith("2 archives wait")
    sample = imports.office.get("/imports/samples/photos")
    assert imports.send("photos", sample.content).status_code == 409
    assert imports.work()
    imports.office.delete(f"{_API}/{told['address'].rpartition('/')[2]}")
    found = imports.send("photos", sample.content).json()
    assert found["rows"] == 5


def test_an_archive_reads_as_the_file_it_was(
    imports: ImportDesk, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.imports.uploads.PIECE_BYTES", 7)
    monkeypatch.setattr("server.imports.pieces.PIECE_BYTES", 7)
    data = zip_of({"1.jpg": another_jpeg()})
    import_id = imports.upload("photos", data)
    services = services_of(app)
    with services.database.reading() as db:
        run = db.exec(select(ImportRun)).one()
        assert str(run.id) == import_id
        archive, plain = SealedArchive(services.vault, run.id, len(data)), BytesIO(data)
        with archive.reading(db):
            for place, length in ((0, 5), (3, 30), (6, 1), (7, 7), (40, 0), (50, -1), (9, 9999)):
                assert archive.seek(place) == plain.seek(place)
                assert archive.read(length) == plain.read(length)
            assert archive.digest() == run.digest


def test_a_large_archive_is_deleted_some_pieces_at_a_time(
    imports: ImportDesk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("uploads", "api", "pieces"):
        monkeypatch.setattr(f"server.imports.{module}.PIECE_BYTES", 700)
    monkeypatch.setattr(pieces, "_AT_ONCE", 1)
    waiting = imports.upload("photos", zip_of({"2.jpg": b"x"}))
    large = imports.upload("photos", zip_of({"1.jpg": bytes(3_000)}))
    assert count(database, ImportPiece) > 4
    assert imports.office.delete(f"{_API}/{large}").status_code == 204
    assert count(database, ImportPiece) > 3
    ImportUpkeep(database).sweep()
    assert count(database, ImportPiece) == 1
    assert imports.state(waiting)["state"] == "uploaded"
