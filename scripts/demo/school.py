"""Fill an empty server with one school, through its public API, as an admin would."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from scripts.demo.processes import DemoError

_TIMEOUT_S = 30
_AGE_YEARS = 35  # the people on the sample photos are adults, and adults' limits apply to them


@dataclass(frozen=True)
class Student:
    """A person of the demo, by an invented name."""

    number: str
    given_name: str
    family_name: str


@dataclass(frozen=True)
class School:
    """What was set up, by the ids the server gave."""

    course_id: str
    lesson_id: str
    kiosk_id: str
    claim_code: str


class AdminClient:
    """The admin's side of the API."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._http = requests.Session()
        self._http.headers["X-Requested-With"] = "rollcall"

    def sign_in(self, username: str, password: str) -> None:
        """Open a lesson; its cookie stays in this client."""
        self.post("/sign-in", {"username": username, "password": password})

    @property
    def cookies(self) -> list[dict[str, str]]:
        """The lesson cookie in the form a browser context takes."""
        return [
            {"name": cookie.name, "value": cookie.value or "", "url": self._base}
            for cookie in self._http.cookies
        ]

    def get(self, path: str) -> Any:
        """GET an API path.

        Raises:
            DemoError: the server refused; with its own words.
        """
        return _checked(self._http.get(f"{self._base}/api/v1{path}", timeout=_TIMEOUT_S))

    def post(self, path: str, body: Mapping[str, object] | None = None, **files: Any) -> Any:
        """POST JSON, or files as a form. Raises DemoError when the server refuses."""
        url = f"{self._base}/api/v1{path}"
        if files:
            return _checked(self._http.post(url, files=files, timeout=_TIMEOUT_S))
        return _checked(self._http.post(url, json=body or {}, timeout=_TIMEOUT_S))

    def put(self, path: str, body: Mapping[str, object]) -> Any:
        """PUT JSON. Raises DemoError when the server refuses."""
        return _checked(self._http.put(f"{self._base}/api/v1{path}", json=body, timeout=_TIMEOUT_S))


def _checked(answer: requests.Response) -> Any:
    if not answer.ok:
        raise DemoError(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def set_up(client: AdminClient, room: str) -> School:
    """Make a room, a course that meets there now, and a kiosk at its door."""
    room_id = client.post("/rooms", {"name": room})["id"]
    course_id = client.post("/courses", {"code": "MAT-7", "title": "Mathematics 7"})["id"]
    kiosk = client.post("/kiosks", {"name": f"Door of {room}", "room_id": room_id})
    now = datetime.now(UTC).replace(microsecond=0)
    db = client.post(
        "/lessons",
        {
            "course_id": course_id,
            "room_id": room_id,
            "starts_at": (now - timedelta(minutes=1)).isoformat(),
            "ends_at": (now + timedelta(minutes=44)).isoformat(),
        },
    )
    return School(course_id, db["id"], kiosk["id"], kiosk["claim_code"])


def admit(client: AdminClient, school: School, student: Student) -> str:
    """Add a student with consent to the course's roster; returns the person's id."""
    person: str = client.post(
        "/people",
        {
            "student_number": student.number,
            "given_name": student.given_name,
            "family_name": student.family_name,
            "year_of_birth": datetime.now(UTC).year - _AGE_YEARS,
        },
    )["id"]
    consent = {"given_by": "Demo parent", "role": "parent", "text_version": "demo-1"}
    client.post(f"/people/{person}/consents", consent)
    client.post(f"/courses/{school.course_id}/roster", {"person_id": person})
    return person


def enrol(client: AdminClient, person_id: str, photo: Path) -> str:
    """Upload a photo; returns the enrolment's id."""
    with photo.open("rb") as file:
        answer: dict[str, str] = client.post(f"/people/{person_id}/enrolments", photo=file)
    return answer["id"]
