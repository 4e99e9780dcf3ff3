"""Guides an acceptance test: keeps how far it is, runs its steps, signs and delivers its report."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.app.commissioning_drill import DrillLinks, DrillSubject, OfflineDrill
from kiosk.app.commissioning_steps import (
    StepTools,
    StepWatch,
    check_attack,
    check_distance,
    check_machine,
    failed,
    skipped,
)
from kiosk.domain.commissioning import CommissionProgress, CommissionView, ReportDelivery
from kiosk.errors import RefusedError, StorageError, SyncError
from kiosk.storage.commissioning import CommissioningFiles
from protocol.v1.commissioning import (
    CHOSEN_REASONS,
    CommissionReport,
    sign_commissioning,
    unsigned_signature,
)
from protocol.v1.findings import CodedText, coded
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import CommissionStep, CommissionStepName, SkipReason

logger = logging.getLogger(__name__)

_ATTACKS = (CommissionStepName.PRINT_ATTACK, CommissionStepName.SCREEN_ATTACK)
_OTHER_ANSWERS = {
    HTTPStatus.NOT_FOUND.value: ReportDelivery.KEPT,
    HTTPStatus.FORBIDDEN.value: ReportDelivery.WAITING,
    HTTPStatus.UNAUTHORIZED.value: ReportDelivery.WAITING,
}
"""Answers that say nothing against the report: an older server, or one that does not know us."""
_NOT_STORED = coded("step.not_stored")


@dataclass(frozen=True, slots=True)
class CommissionSubject:
    """The kiosk that is tested.

    Attributes:
        kiosk_id: its id.
        key: signs the report.
        room: returns where it stands.
        software_version: of this software.
        links: that the drill cuts.
        send_report: delivers a report; raises SyncError.
    """

    kiosk_id: str
    key: Ed25519PrivateKey
    room: Callable[[], str]
    software_version: str
    links: DrillLinks
    send_report: Callable[[CommissionReport], None]


class CommissioningDesk:
    """Does what the screen and the command ask for; each call returns at once. For any thread.

    Steps run only while the test is open, because recognition is paused then.

    Args:
        files: where progress and reports are kept.
        tools: what the steps use.
        start: runs work on another thread.
    """

    def __init__(
        self,
        files: CommissioningFiles,
        tools: StepTools,
        start: Callable[[Callable[[], None]], None],
    ) -> None:
        self._files = files
        self._tools = tools
        self._start = start
        self._lock = threading.RLock()
        self._listeners: list[Callable[[CommissionView], None]] = []
        self._subject: CommissionSubject | None = None
        self._view = CommissionView()
        self._watch: StepWatch | None = None
        self._is_open = False
        self._delivering = threading.Lock()
        self._said: dict[str, int] = {}

    @property
    def view(self) -> CommissionView:
        """What is shown now."""
        return self._view

    def show_on(self, listener: Callable[[CommissionView], None]) -> None:
        """Tell this listener of each change, on any thread."""
        self._listeners.append(listener)

    def serve(self, subject: CommissionSubject) -> None:
        """Test this kiosk from now on."""
        self._subject = subject

    def begin(self) -> None:
        """Open the test, at the step where it stopped; a finished one begins anew."""
        with self._lock:
            is_under_way = self._view.progress and self._view.delivery is ReportDelivery.NONE
            if self._view.is_running or (self._is_open and is_under_way):
                self._show(self._view)
                return
            subject = self._subject
            if subject is None:
                self._show(CommissionView(problem=coded("step.unclaimed")))
                return
            self._is_open = True
            progress = self._loaded(subject)
            self._show(CommissionView(progress, progress.next_step))

    def leave(self) -> None:
        """Close the test; a step that runs ends without a result."""
        with self._lock:
            self._is_open = False
            if self._watch is not None:
                self._watch.end()

    def run(self) -> None:
        """Test the current step."""
        with self._lock:
            view, subject = self._view, self._subject
            is_ready = self._is_open and not view.is_running
            if view.progress is None or view.current is None or not subject or not is_ready:
                return
            watch = StepWatch(self._on_left)
            self._watch = watch
            self._show(replace(view, is_running=True, left_s=None, problem=CodedText()))
            name = view.current
        self._start(lambda: self._run(name, subject, watch))

    def skip(self, reason: str) -> None:
        """Leave the current step out, with one of the reasons that a technician may choose."""
        with self._lock:
            name = self._view.current
            if name is None or self._view.is_running or reason not in CHOSEN_REASONS:
                return
            self._keep(skipped(self._tools.at(), name, SkipReason(reason)))
            self.go_on()

    def go_on(self) -> None:
        """Turn to the next step; only once the current one has a result."""
        with self._lock:
            view = self._view
            if view.progress is not None and view.result is not None and not view.is_running:
                self._show(replace(view, current=view.progress.next_step))

    def finish(self) -> None:
        """Sign the report and send it; only once all steps have a result."""
        with self._lock:
            view, subject = self._view, self._subject
            is_open = view.delivery is ReportDelivery.NONE and not view.is_running
            if subject is None or view.progress is None or view.progress.next_step or not is_open:
                return
            report = _signed(view.progress, subject, self._tools.at())
            try:
                self._files.keep_report(report)
                self._files.forget()
            except StorageError as exc:
                logger.warning("commissioning report not stored: %s", exc)
                self._show(replace(view, problem=_NOT_STORED))
                return
            self._show(
                replace(view, current=None, delivery=ReportDelivery.WAITING, problem=CodedText())
            )
        logger.info("commissioning finished id=%s", report.id)
        self._start(self.deliver)

    def deliver(self) -> None:
        """Send the reports that wait, oldest first; takes seconds."""
        subject = self._subject
        with self._delivering:
            for report in self._files.reports() if subject is not None else ():
                if subject is None or not self._delivered(report, subject):
                    return

    def start_again(self) -> None:
        """Forget the results of an unfinished test, and begin with the first step."""
        with self._lock:
            if self._view.is_running:
                return
            try:
                self._files.forget()
            except StorageError as exc:
                logger.warning("progress of the commissioning not deleted: %s", exc)
                self._show(replace(self._view, problem=_NOT_STORED))
                return
            self._view = CommissionView()
            self.begin()

    def _loaded(self, subject: CommissionSubject) -> CommissionProgress:
        try:
            kept = self._files.load(subject.kiosk_id)
            if kept is not None and any(one.id == kept.report_id for one in self._files.reports()):
                kept = None  # the power went between the report and the end of the test
        except StorageError as exc:
            logger.warning("progress of the commissioning not read: %s", exc)
            kept = None
        return kept or CommissionProgress(
            str(uuid7()), subject.kiosk_id, subject.room()[:120], self._tools.at()
        )

    def _run(self, name: CommissionStepName, subject: CommissionSubject, watch: StepWatch) -> None:
        try:
            step = self._tested(name, subject, watch)
        except Exception as exc:  # the edge of this thread: the test goes on with the next step
            logger.exception("commissioning step failed name=%s", name)
            step = failed(self._tools, name, coded("step.error", error=type(exc).__name__))
        with self._lock:
            self._watch = None
            # Told once, together with the result: nobody may see a step that ended without one.
            self._view = replace(self._view, is_running=False, left_s=None)
            if watch.is_ended:
                self._show(self._view)
            else:
                self._keep(step)

    def _tested(
        self, name: CommissionStepName, subject: CommissionSubject, watch: StepWatch
    ) -> CommissionStep:
        if name is CommissionStepName.DISTANCE:
            return check_distance(self._tools, watch)
        if name in _ATTACKS:
            return check_attack(self._tools, name, watch)
        if name is CommissionStepName.OFFLINE_DRILL:
            progress = self._view.progress
            report_id = "" if progress is None else progress.report_id
            whose = DrillSubject(report_id, subject.kiosk_id, subject.key)
            return OfflineDrill(self._tools, subject.links, whose).run(watch)
        return check_machine(self._tools, name)

    def _keep(self, step: CommissionStep) -> None:
        """Store a result; where the disk refuses, there is none."""
        view = self._view
        if view.progress is None:
            return
        progress = view.progress.with_step(step)
        try:
            self._files.save(progress)
        except StorageError as exc:
            logger.warning("commissioning step not stored: %s", exc)
            self._show(replace(view, problem=_NOT_STORED))
            return
        self._show(replace(view, progress=progress, problem=CodedText()))

    def _delivered(self, report: CommissionReport, subject: CommissionSubject) -> bool:
        """Send one report; False: the server cannot be reached, so the others wait too."""
        try:
            subject.send_report(report)
        except RefusedError as exc:
            state = _OTHER_ANSWERS.get(exc.status, ReportDelivery.REFUSED)
            if self._said.get(report.id) != exc.status:
                self._said[report.id] = exc.status
                logger.info("commissioning report not taken id=%s: %s", report.id, exc)
            if state is ReportDelivery.REFUSED:
                self._settle(lambda: self._files.set_report_aside(report.id))
        except SyncError as exc:
            logger.debug("commissioning report waits id=%s: %s", report.id, exc)
            return False
        else:
            state = ReportDelivery.DELIVERED
            logger.info("commissioning report delivered id=%s", report.id)
            self._settle(lambda: self._files.drop_report(report.id))
        with self._lock:
            shown = self._view.progress
            if shown is not None and shown.report_id == report.id:
                self._show(replace(self._view, delivery=state))
        return True

    def _settle(self, change: Callable[[], None]) -> None:
        try:
            change()
        except StorageError as exc:
            logger.warning("commissioning report stays here: %s", exc)

    def _on_left(self, left_s: float) -> None:
        with self._lock:
            if self._view.is_running:
                self._show(replace(self._view, left_s=left_s))

    def _show(self, view: CommissionView) -> None:
        self._view = view
        for listener in self._listeners:
            listener(view)


def _signed(
    progress: CommissionProgress, subject: CommissionSubject, at: datetime
) -> CommissionReport:
    report = CommissionReport(
        id=progress.report_id,
        kiosk_id=progress.kiosk_id,
        room=progress.room,
        started_at=progress.started_at,
        finished_at=at,
        software_version=subject.software_version,
        steps=progress.steps,
        signature=unsigned_signature(),
    )
    return sign_commissioning(report, subject.key)
