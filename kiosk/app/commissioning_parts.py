"""Builds the acceptance test of a running kiosk from its parts."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from kiosk.app.commissioning import CommissioningDesk, CommissionSubject
from kiosk.app.commissioning_steps import Examined, FaceLook, StepTools
from kiosk.app.device import COMMISSIONING_JOB, Device
from kiosk.app.onboarding import software_version
from kiosk.app.technician import grey_picture, own_report
from kiosk.config import Settings
from kiosk.doctor import Examination, HostMachine, KioskSetup, examine
from kiosk.doctor.picture import NoPicture
from kiosk.domain.clock import Clock
from kiosk.domain.health import LinkHealth
from kiosk.domain.ports import Frame
from kiosk.domain.technician import Inspection
from kiosk.storage.commissioning import CommissioningFiles
from kiosk.ui.commissioning_callbacks import CommissioningCallbacks
from protocol.v1.commissioning import CommissionDrill
from protocol.v1.messages import LivenessLevel

_FOLDER = "commissioning"
_MOST_INSPECTIONS = 500
_OF_PICTURES = ("light", "focus")


class Commissioning:
    """The acceptance test of this process: the desk, and what it needs of the kiosk at work.

    Args:
        settings: of the kiosk.
        newest_frame: what the camera sees now.
        clock: the kiosk's.

    Attributes:
        desk: does what screen and command ask for.
    """

    def __init__(
        self, settings: Settings, newest_frame: Callable[[], Frame | None], clock: Clock
    ) -> None:
        self._settings = settings
        self._newest_frame = newest_frame
        self._device: Device | None = None
        self._look: FaceLook | None = None
        self._inspections: deque[Inspection] = deque(maxlen=_MOST_INSPECTIONS)
        tools = StepTools(
            examine=self._examined,
            look=lambda: self._look,
            inspections=self._seen,
            level=self._level,
            is_connected=self._is_connected,
            at=lambda: clock.reading().best_at,
        )
        files = CommissioningFiles(settings.data_dir / _FOLDER)
        self.desk = CommissioningDesk(files, tools, _start)

    def serve(self, device: Device) -> None:
        """Test this device from now on, and send its reports."""
        self._device = device
        subject = CommissionSubject(
            kiosk_id=device.kiosk_id,
            key=device.signing_key,
            room=lambda: device.roster.timetable.room_name,
            software_version=software_version(),
            links=DeviceLinks(device),
            send_report=device.client.send_commissioning,
        )
        self.desk.serve(subject)
        interval_s = self._settings.sync_interval_s
        device.scheduler.every(COMMISSIONING_JOB, interval_s, self.desk.deliver)

    def attend(self, look: FaceLook) -> None:
        """Show faces to tests from now on."""
        self._look = look

    def see(self, inspection: Inspection) -> None:
        """Take in what a picture shows. From any thread."""
        self._inspections.append(inspection)

    def callbacks(self) -> CommissioningCallbacks:
        """Return what the window calls."""
        desk = self.desk
        return CommissioningCallbacks(
            begin=lambda: _start(desk.begin),
            leave=desk.leave,
            run=desk.run,
            skip=lambda reason: _start(lambda: desk.skip(reason)),
            go_on=desk.go_on,
            finish=lambda: _start(desk.finish),
            start_again=lambda: _start(desk.start_again),
        )

    def _seen(self) -> Sequence[Inspection]:
        seen: list[Inspection] = []
        while self._inspections:
            seen.append(self._inspections.popleft())
        return seen

    def _examined(self, names: Sequence[str]) -> Examined:
        settings = self._settings
        exam = Examination(
            HostMachine(),
            KioskSetup.of(dict(settings), None),
            report=lambda: own_report(settings),
            picture=lambda: grey_picture(self._newest_frame()),
        )
        findings = examine(exam, names=names)
        needs_picture = not set(names).isdisjoint(_OF_PICTURES)
        return Examined(findings, exam.picture() if needs_picture else NoPicture.NOT_TRIED)

    def _level(self) -> LivenessLevel:
        if self._device is None:
            return LivenessLevel.OFF
        return self._device.roster.timetable.match_rules.liveness

    def _is_connected(self) -> bool | None:
        link = None if self._device is None else self._device.link
        return None if link is None else link.health is LinkHealth.UP


class DeviceLinks:
    """The links of a device, for the offline drill."""

    def __init__(self, device: Device) -> None:
        self._device = device

    @property
    def waiting(self) -> int:
        """Records that the server does not have yet."""
        return self._device.outbox.waiting

    def cut(self, seconds: float) -> None:
        """Cut server and broker off."""
        self._device.cut.begin(seconds)

    def restore(self) -> None:
        """End the cut, and deliver what waits."""
        self._device.cut.end()
        self._device.sync_now()

    def send_drill(self, drill: CommissionDrill) -> None:
        """Deliver the message; raises SyncError."""
        self._device.client.send_drill(drill)


def _start(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="commissioning", daemon=True).start()
