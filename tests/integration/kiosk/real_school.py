"""A real server and a real broker as processes, with one school set up through the API."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process

SERVER = str(BIN / "rollcall-server")
PASSWORD = "a-password-of-the-test-school"  # for a server that lives as long as one test


@dataclass
class RealSchool:
    """What runs, and what was made in it: one room, a lesson running now, some students."""

    server: Process
    broker: Process
    url: str
    broker_port: int
    http: requests.Session = field(default_factory=requests.Session)
    lesson_id: str = ""
    kiosk_id: str = ""
    claim_code: str = ""
    people: list[str] = field(default_factory=list)

    def start_server(self) -> None:
        self.server.start(self._is_healthy)

    def start_broker(self) -> None:
        self.broker.start(lambda: is_listening(self.broker_port))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.http.post(f"{self.url}/api/v1{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{self.url}/api/v1{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def present(self) -> set[str]:
        rows = self.get(f"/lessons/{self.lesson_id}/register")["rows"]
        return {row["person_id"] for row in rows if row["status"] in ("present", "late")}

    def set_up(self, data_dir: Path, students: int) -> None:
        """Sign in as the first admin and make the school."""
        self.http.headers["X-Requested-With"] = "rollcall"
        one_time = (data_dir / "admin-password.txt").read_text().strip()
        self.post("/sign-in", {"username": "admin", "password": one_time})
        self.post("/sign-in/password", {"old": one_time, "new": PASSWORD})
        room_id = self.post("/rooms", {"name": "R12"})["id"]
        course_id = self.post("/courses", {"code": "BIO-9", "title": "Biology"})["id"]
        for number in range(students):
            self.people.append(self._admit(course_id, number))
        now = datetime.now(UTC).replace(microsecond=0)
        body = {
            "course_id": course_id,
            "room_id": room_id,
            "starts_at": (now - timedelta(minutes=1)).isoformat(),
            "ends_at": (now + timedelta(minutes=40)).isoformat(),
        }
        self.lesson_id = self.post("/lessons", body)["id"]
        kiosk = self.post("/kiosks", {"name": "Door of R12", "room_id": room_id})
        self.kiosk_id, self.claim_code = kiosk["id"], kiosk["claim_code"]

    def _admit(self, course_id: str, number: int) -> str:
        names = {"given_name": f"Given{number}", "family_name": f"Family{number}"}
        adult = {"student_number": f"S{number}", "year_of_birth": 1980, **names}
        person: str = self.post("/people", adult)["id"]
        consent = {"given_by": "A parent", "role": "parent", "text_version": "1"}
        self.post(f"/people/{person}/consents", consent)
        self.post(f"/courses/{course_id}/roster", {"person_id": person})
        return person

    def _is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.RequestException:
            return False


@contextmanager
def real_school(
    folder: Path,
    students: int = 3,
    *,
    broker: str = "mosquitto",
    extra_env: Mapping[str, str] | None = None,
) -> Iterator[RealSchool]:
    """Server and broker up inside the block and gone after it."""
    port, broker_port = free_port(), free_port()
    data_dir = folder / "server"
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(data_dir),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(broker_port),
        "ROLLCALL_SERVER_BROKER": broker,
        **(extra_env or {}),
    }
    school = RealSchool(
        Process([SERVER, "serve"], folder / "server.log", env),
        Process([SERVER, "broker"], folder / "broker.log", env),
        f"http://127.0.0.1:{port}",
        broker_port,
    )
    try:
        school.start_broker()
        school.start_server()
        school.set_up(data_dir, students)
        yield school
    finally:
        for process in (school.server, school.broker):
            process.stop()
            process.kill()
