"""Imports as the office makes them, with the job taken one step at a time."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from server.db.types import now
from server.imports.tasks import ImportFiles
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob
from server.jobs.service import Worker
from server.jobs.tasks import JobWorkers
from server.past_marks.files import AttendanceFiles
from server.web.state import services_of

_ADDRESS = "/api/v1/imports"


class ImportDesk:
    """Uploads files and reads what became of them."""

    def __init__(self, app: FastAPI, office: TestClient) -> None:
        services = services_of(app)
        zone = services.settings.zone
        self.office = office
        self.database = services.database
        self.handler = ImportFiles(
            services.database,
            services.vault,
            lambda: zone,
            photo_max_bytes=services.settings.photo_max_bytes,
            attendance=lambda: AttendanceFiles(zone, "en"),
        )
        self.workers = JobWorkers(
            services.database, [], lease=timedelta(seconds=30), software=lambda: "1"
        )

    def upload(self, kind: str, data: bytes | str, name: str = "file.csv") -> str:
        """Upload a file; returns the import's id."""
        answer = self.send(kind, data, name)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    def send(self, kind: str, data: bytes | str, name: str = "file.csv") -> Any:
        content = data.encode() if isinstance(data, str) else data
        return self.office.post(_ADDRESS, data={"kind": kind}, files={"file": (name, content)})

    def check(self, import_id: str, columns: dict[str, str] | None = None) -> dict[str, Any]:
        """Make the dry run; returns the import."""
        self.do(import_id, "check", {"columns": columns})
        assert self.work()
        return self.state(import_id)

    def start(self, import_id: str) -> dict[str, Any]:
        """Import; returns the import."""
        self.do(import_id, "start")
        assert self.work()
        return self.state(import_id)

    def bring_in(self, kind: str, data: bytes | str) -> dict[str, Any]:
        """Upload, check and import a file; returns the import."""
        import_id = self.upload(kind, data)
        self.check(import_id)
        return self.start(import_id)

    def do(self, import_id: str, step: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.office.post(f"{_ADDRESS}/{import_id}/{step}", json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def work(self) -> bool:
        """Do what waits; returns whether something did."""
        return self.workers.run_one([self.handler])

    def claim(self) -> ClaimedJob:
        """Claim the job that waits, as a worker does that dies then."""
        with self.database.transaction() as db:
            worker = Worker("another", timedelta(seconds=30), "1")
            job = jobs.claim(db, self.handler.kind, by=worker, at=now())
        assert job is not None
        return job

    def state(self, import_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.office.get(f"{_ADDRESS}/{import_id}").json()
        return found

    def report(self, import_id: str, outcome: str) -> list[dict[str, Any]]:
        """Return the rows of an outcome, asked for three at a time."""
        rows: list[dict[str, Any]] = []
        query: dict[str, Any] = {"outcome": outcome, "limit": 3}
        while True:
            answer = self.office.get(f"{_ADDRESS}/{import_id}/report", params=query).json()
            rows += answer["findings"]
            if answer["next_cursor"] is None:
                assert len(rows) == answer["total"]
                return rows
            query["cursor"] = answer["next_cursor"]

    def people(self) -> dict[str, dict[str, Any]]:
        """Return everyone by student number."""
        found = self.office.get("/api/v1/people", params={"limit": 500}).json()["people"]
        return {one["student_number"]: one for one in found}


def counts(run: dict[str, Any]) -> dict[str, int]:
    """Return the counts of an import that are not 0."""
    return {name: count for name, count in run["counts"].items() if count}
