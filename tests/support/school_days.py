"""A school of real processes over several days: server, ML service, broker, a kiosk with a camera.

The processes' clocks are shifted by whole days, as if the machines had slept: a test waits for no
midnight. Every clock agrees, and the time since the system started counts the sleep, as on Linux.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
from sqlmodel import select

from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.enrollment.tables import Template
from server.networks.tables import WaitingScan
from server.timetable.tables import Lesson
from tests.faults.recognition import KEY, ml_service
from tests.faults.school.world import clock_library
from tests.integration.kiosk.real_school import PASSWORD, SERVER, RealSchool
from tests.support.ports import free_port
from tests.support.processes import BIN, Process
from tests.support.waiting import wait_until

_DAY_S = 86_400
_MIDDAY = 12


@dataclass
class SchoolDays:
    """The school, and what its database holds.

    Attributes:
        school: server and broker, the people, and a lesson of the first day.
        kiosk: claimed at its first start.
        data: the server's data folder.
        clocks: the library that shifts clocks.
        first: the date of the first day, at the school.
        day: how many days have passed.
    """

    school: RealSchool
    kiosk: Process
    data: Path
    clocks: Path
    first: date
    day: int = 0

    def next_day(self) -> None:
        """End the kiosk's and the server's day, and start the server on the next one."""
        assert self.kiosk.stop() == 0, self.kiosk.log[-3000:]
        self.school.server.stop()
        self.day += 1
        self.school.server.env = {**self.school.server.env, **self._shift()}
        self.school.start_server()
        self.school.post("/sign-in", {"username": "admin", "password": PASSWORD})

    def open_door(self, film: Path) -> None:
        """Start the kiosk; the film goes on before its camera, over and over."""
        camera = {"ROLLCALL_KIOSK_CAMERA": f"replay:{film}"}
        self.kiosk.env = {**self.kiosk.env, **camera, **self._shift()}
        self.kiosk.start(lambda: True)

    def plan(self, days: int) -> None:
        """Let the first day's lesson be held on the days after it too."""
        (first,) = self._rows(Lesson)
        for later in (timedelta(days=number) for number in range(1, days)):
            body = {
                "course_id": str(first.course_id),
                "room_id": str(first.room_id),
                "starts_at": (first.starts_at + later).isoformat(),
                "ends_at": (first.ends_at + later).isoformat(),
            }
            self.school.post("/lessons", body)

    def set_policy(self, document: Mapping[str, object]) -> None:
        """Put a policy in force."""
        url = f"{self.school.url}/api/v1/policy"
        self.school.http.put(url, json=document, timeout=30).raise_for_status()

    def enrol(self, person_id: str, photos: Iterable[bytes], *, wanted: int) -> None:
        """Hand photos in, as many as it takes until so many are templates."""
        path = f"{self.school.url}/api/v1/people/{person_id}/enrolments"
        accepted = 0
        for photo in photos:
            answer = self.school.http.post(path, files={"photo": photo}, timeout=30)
            assert answer.status_code == 202, answer.text
            enrolment_id = answer.json()["id"]
            state = wait_until(partial(self._judged, enrolment_id), what="a photo")
            accepted += state["status"] == "accepted"
            if accepted == wanted:
                return
        raise AssertionError(f"too few photos were good enough: {accepted}")

    def page(self, path: str) -> str:
        """Return a page of the server."""
        answer = self.school.http.get(f"{self.school.url}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.text

    def submit(self, path: str, **form: str) -> None:
        """Send a form of the server's pages."""
        answer = self.school.http.post(f"{self.school.url}{path}", data=form, timeout=30)
        assert answer.status_code == 200, answer.text

    def waiting(self) -> list[tuple[str, int]]:
        """Return whose scans wait at the server, each with the day of it."""
        rows = self._rows(WaitingScan)
        return sorted((str(one.person_id), (one.day - self.first).days) for one in rows)

    def templates(self, model_id: str) -> list[str]:
        """Return whose templates of a network there are, one entry for each template."""
        rows = self._rows(Template)
        return sorted(str(one.person_id) for one in rows if one.model_id == model_id)

    def events(self) -> list[StoredEvent]:
        """Return every stored event."""
        return self._rows(StoredEvent)

    def _judged(self, enrolment_id: str) -> Any:
        state = self.school.get(f"/enrolments/{enrolment_id}")
        return state if state["status"] in {"accepted", "rejected"} else None

    def _rows(self, table: type[Any]) -> list[Any]:
        database = Database(f"sqlite:///{self.data / 'rollcall.sqlite3'}")
        with database.reading() as db:
            rows = list(db.exec(select(table)))
        database.close()
        return rows

    def _shift(self) -> dict[str, str]:
        shift_s = str(self.day * _DAY_S)
        names = ("WALL_CLOCK_SHIFT_S", "BOOT_CLOCK_SHIFT_S")
        return {"LD_PRELOAD": str(self.clocks), **dict.fromkeys(names, shift_s)}


@contextmanager
def school_days(
    folder: Path, assets: Path, *, embedder: str, students: int
) -> Iterator[SchoolDays]:
    """Run a school of some students without photos; everything is gone after the block.

    Args:
        folder: of this test.
        assets: the asset folder of the ML service and the kiosk.
        embedder: the network that the first photo fixes.
        students: on the roster of the lesson that runs now.
    """
    ml, ml_url, is_listening = ml_service(folder)
    ml.env = {**ml.env, "ROLLCALL_ASSETS": str(assets), "ROLLCALL_ML_EMBEDDER": embedder}
    data = folder / "server"
    at = datetime.now(UTC)
    school = _school(folder, data, ml_url, at)
    kiosk = _kiosk(folder, school.url, assets)
    days = SchoolDays(school, kiosk, data, clock_library(folder), at.date())
    processes = (kiosk, school.server, school.broker, ml)
    try:
        ml.start(is_listening)
        school.start_broker()
        school.start_server()
        school.set_up(data, students)
        kiosk.env = {**kiosk.env, "ROLLCALL_KIOSK_CLAIM_CODE": school.claim_code}
        yield days
    finally:
        for process in processes:
            process.stop()
            process.kill()


def _school(folder: Path, data: Path, ml_url: str, at: datetime) -> RealSchool:
    port, broker_port = free_port(), free_port()
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(data),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(broker_port),
        "ROLLCALL_SERVER_BROKER": "mosquitto",
        # About noon, so that no day of the school ends during the test.
        "ROLLCALL_SERVER_TIMEZONE": f"Etc/GMT{at.hour - _MIDDAY:+d}",
        "ML_SERVICE_URL": ml_url,
        "ML_SERVICE_API_KEY": KEY,
    }
    return RealSchool(
        Process([SERVER, "serve"], folder / "server.log", env),
        Process([SERVER, "broker"], folder / "broker.log", env),
        f"http://127.0.0.1:{port}",
        broker_port,
        requests.Session(),
    )


def _kiosk(folder: Path, server_url: str, assets: Path) -> Process:
    env = {
        "ROLLCALL_ASSETS": str(assets),
        "ROLLCALL_KIOSK_DATA_DIR": str(folder / "kiosk"),
        "ROLLCALL_KIOSK_SERVER_URL": server_url,
        "ROLLCALL_KIOSK_REPLAY_LOOP": "true",
        "ROLLCALL_KIOSK_HEADLESS": "true",
        "ROLLCALL_KIOSK_FULLSCREEN": "false",
        "ROLLCALL_KIOSK_SYNC_INTERVAL_S": "1",
        "ROLLCALL_KIOSK_STATUS_INTERVAL_S": "1",
    }
    return Process([str(BIN / "rollcall-kiosk")], folder / "kiosk.log", env)
