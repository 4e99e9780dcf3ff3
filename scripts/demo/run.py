"""The demo's processes and what is asked of them, in order."""

import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from scripts.demo import report
from scripts.demo.processes import DemoError, Supervisor, answers, console_script, listens
from scripts.demo.school import AdminClient, School, Student, admit, enrol, set_up

ROOM = "R12"
_START_S = 60.0
_KIOSK_S = 180.0
_LOOK_S = 1.0


def _ignore(_name: str, _address: str) -> None:
    pass


class Demo:
    """One run: start, fill, watch, read the register."""

    def __init__(
        self,
        supervisor: Supervisor,
        scratch: Path,
        output: Path,
        ports: dict[str, int],
        *,
        broker: str = "embedded",
        embedder: str = "dlib-resnet-v1",
    ) -> None:
        self._supervisor = supervisor
        self.scratch = scratch
        self.output = output
        self._ports = ports
        self._broker = broker
        self.embedder = embedder
        self._api_key = secrets.token_urlsafe(32)
        self.server_url = f"http://127.0.0.1:{ports['server']}"
        self.password = f"demo-{secrets.token_urlsafe(9)}"
        self.client = AdminClient(self.server_url)
        self._school: School | None = None

    @property
    def school(self) -> School:
        """What was set up.

        Raises:
            DemoError: nothing yet.
        """
        if self._school is None:
            raise DemoError("the school is not set up yet")
        return self._school

    def server_settings(self) -> dict[str, str]:
        """Return the environment of server and broker."""
        return {
            "ROLLCALL_SERVER_DATA_DIR": str(self.scratch / "server"),
            "ROLLCALL_SERVER_PORT": str(self._ports["server"]),
            "ROLLCALL_SERVER_BROKER_PORT": str(self._ports["broker"]),
            "ROLLCALL_SERVER_BROKER": self._broker,
            "ROLLCALL_SERVER_SCHOOL_NAME": "Demo School",
            "ML_SERVICE_URL": f"http://127.0.0.1:{self._ports['ml']}",
            "ML_SERVICE_API_KEY": self._api_key,
        }

    def start_services(self, started: Callable[[str, str], None] = _ignore) -> None:
        """Start broker, ML service and server, and wait until each is healthy.

        Args:
            started: told the name and the address of each that is ready.
        """
        ml_env = {
            "ROLLCALL_ML_PORT": str(self._ports["ml"]),
            "ROLLCALL_ML_API_KEY": self._api_key,
            "ROLLCALL_ML_MATCH_KEYS": self._api_key,
            "ROLLCALL_ML_EMBEDDER": self.embedder,
        }
        server, start = console_script("rollcall-server"), self._supervisor.start
        start("broker", [server, "broker"], self.server_settings())
        start("ml", [console_script("rollcall-ml")], ml_env)
        self._wait("broker", lambda: listens(self._ports["broker"]))
        start("server", [server, "serve"], self.server_settings())
        started("broker", f"127.0.0.1:{self._ports['broker']}")
        self._wait("ml", lambda: answers(f"http://127.0.0.1:{self._ports['ml']}/health"))
        started("ML service", f"http://127.0.0.1:{self._ports['ml']}")
        self._wait("server", lambda: answers(f"{self.server_url}/health"))
        started("server", self.server_url)

    def _wait(self, name: str, is_healthy: Callable[[], bool]) -> None:
        self._supervisor.wait_healthy(name, is_healthy, _START_S)

    def open_school(self) -> None:
        """Sign in as the first admin, choose a password, set up room, course and kiosk."""
        one_time = (self.scratch / "server" / "admin-password.txt").read_text().strip()
        self.client.sign_in("admin", one_time)
        self.client.post("/sign-in/password", {"old": one_time, "new": self.password})
        self._school = set_up(self.client, ROOM)

    def switch_liveness_off(self) -> None:
        """Let photos pass: a clip that is made of photos cannot show that a person is alive."""
        self.client.put("/policy", {"kiosk": {"liveness": "off"}})

    def enrol(self, photos: Mapping[Student, Path]) -> None:
        """Admit everybody and wait until each photo is a template.

        Raises:
            DemoError: a photo was refused, or took too long.
        """
        people = {student: admit(self.client, self.school, student) for student in photos}
        enrolments = [enrol(self.client, people[student], photos[student]) for student in photos]
        for enrolment in enrolments:
            self._wait("ml", partial(self._is_accepted, enrolment))

    def _is_accepted(self, enrolment_id: str) -> bool:
        state = self.client.get(f"/enrolments/{enrolment_id}")
        if state["status"] == "rejected":
            raise DemoError(f"a sample photo was refused: {state['message']}")
        return bool(state["status"] == "accepted")

    def start_kiosk(
        self, camera: str, *, headless: bool, more: Mapping[str, str] | None = None
    ) -> None:
        """Start the kiosk in front of `camera`; it claims itself. `more`: further settings."""
        env = {
            "ROLLCALL_KIOSK_DATA_DIR": str(self.scratch / "kiosk"),
            "ROLLCALL_KIOSK_SERVER_URL": self.server_url,
            "ROLLCALL_KIOSK_CLAIM_CODE": self.school.claim_code,
            "ROLLCALL_KIOSK_CAMERA": camera,
            "ROLLCALL_KIOSK_EMBEDDER": self.embedder,
            "ROLLCALL_KIOSK_SCREENSHOTS_DIR": str(self.output),
            "ROLLCALL_KIOSK_FULLSCREEN": "false",
        }
        if headless:
            env |= {
                "QT_QPA_PLATFORM": "offscreen",
                "QT_QUICK_BACKEND": "software",
                "ROLLCALL_KIOSK_EXIT_AFTER_REPLAY": "true",
            }
        else:
            env["ROLLCALL_KIOSK_REPLAY_LOOP"] = "true"
        env |= more or {}
        self._supervisor.start("kiosk", [console_script("rollcall-kiosk")], env)

    def watch(self, look: Callable[[Mapping[str, Any]], None]) -> tuple[str, int]:
        """Show the register to `look` again and again until one of the processes has ended.

        Returns:
            Name and exit status of the one that ended.
        """
        while (ended := self._supervisor.ended_within(_LOOK_S)) is None:
            look(self.register())
        return ended, self._supervisor.wait_ended(ended, 0)

    def watch_kiosk(self, look: Callable[[Mapping[str, Any]], None]) -> None:
        """Show the register to `look` until the clip is over and every event is delivered.

        Raises:
            DemoError: the kiosk failed or did not end in time, or another process ended.
        """
        deadline = time.monotonic() + _KIOSK_S
        while (ended := self._supervisor.ended_within(_LOOK_S)) is None:
            if time.monotonic() > deadline:
                raise DemoError(f"the kiosk was still running after {_KIOSK_S:.0f} s")
            look(self.register())
        if (status := self._supervisor.wait_ended(ended, 0)) or ended != "kiosk":
            raise DemoError(
                f"the {ended} ended with status {status}; see {self._supervisor.log_path}"
            )

    def wait_for_kiosk(self) -> None:
        """Wait until the clip is over and every event is delivered.

        Raises:
            DemoError: the kiosk failed, or did not end in time.
        """
        status = self._supervisor.wait_ended("kiosk", _KIOSK_S)
        if status != 0:
            raise DemoError(f"the kiosk ended with status {status}")

    def register(self) -> dict[str, Any]:
        """The lesson's register as the server sees it now."""
        register: dict[str, Any] = self.client.get(f"/lessons/{self.school.lesson_id}/register")
        return register

    def photograph(self) -> None:
        """Save pictures of the register and the Today page."""
        pages = {"register": f"/lessons/{self.school.lesson_id}", "today": "/"}
        report.photograph_pages(self.server_url, self.client, pages, self.output)

    def pictures(self) -> int:
        """How many pictures were saved."""
        return len(list(self.output.glob("*.png")))

    def stranger_was_refused(self) -> bool:
        """Whether the kiosk showed its "not recognised" screen."""
        return any(self.output.glob("*not*recognised*.png"))
