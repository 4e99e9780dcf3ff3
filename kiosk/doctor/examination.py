"""What several checks share: one picture, one status of the kiosk, one answer of the server."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from kiosk.doctor.machine import HostMachine
from kiosk.doctor.picture import GreyPicture, NoPicture, take_picture
from kiosk.doctor.report import KioskReport, read_report
from kiosk.doctor.server import HealthAnswer, NoAnswer, Trust, ask_server, meet_server
from kiosk.doctor.subject import KioskSetup
from protocol.v1.findings import CodedText

T = TypeVar("T")


class Once(Generic[T]):
    """A value that the first of several threads gets, and the others wait for."""

    def __init__(self, get: Callable[[], T]) -> None:
        self._get = get
        self._lock = threading.Lock()
        self._values: list[T] = []

    def __call__(self) -> T:
        """Return the value."""
        with self._lock:
            if not self._values:
                self._values.append(self._get())
            return self._values[0]


class Examination:
    """One run of the checks.

    Args:
        machine: that is examined.
        subject: what it has to serve.
        report: returns the kiosk's status, or why there is none; None: the command
            `rollcall-kiosk status` is asked.
        is_running: whether the kiosk runs and uses the camera; None: found out. Not asked where
            a picture is given.
        picture: returns what the kiosk itself sees; None: the camera is opened.

    Attributes:
        picture: of the camera; it is not opened while the kiosk runs.
        report: the kiosk's status.
        trust: how the server's certificate was met.
        answer: of the server, over HTTP.
    """

    def __init__(
        self,
        machine: HostMachine,
        subject: KioskSetup,
        *,
        report: Callable[[], KioskReport | CodedText] | None = None,
        is_running: bool | None = None,
        picture: Callable[[], GreyPicture | NoPicture] | None = None,
    ) -> None:
        self.machine = machine
        self.subject = subject
        if is_running is None:
            is_running = picture is None and is_kiosk_running(machine, subject.data_dir)
        self.is_running = is_running
        self.report: Once[KioskReport | CodedText] = Once(
            report or (lambda: read_report(machine, subject.settings_file))
        )
        self.picture: Once[GreyPicture | NoPicture] = Once(
            picture or (lambda: take_picture(machine, subject))
        )
        self.trust: Once[Trust] = Once(lambda: meet_server(subject))
        self.answer: Once[HealthAnswer | NoAnswer] = Once(lambda: ask_server(subject, self.trust()))


def is_kiosk_running(machine: HostMachine, data_dir: Path) -> bool:
    """Return whether a kiosk holds its data folder, without touching the lock.

    Source: proc_locks(5): id, FLOCK, ADVISORY, WRITE, process, device:inode, from, to.
    """
    try:
        found = data_dir.stat()
    except OSError:
        return False
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    locks = (line.split() for line in (machine.text("/proc/locks") or "").splitlines())
    return any(lock[1:2] == ["FLOCK"] and device in lock for lock in locks)
