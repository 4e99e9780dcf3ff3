"""What runs beside the requests: job workers, upkeep of enrolment, the link to the broker."""

import uuid
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.absences.service import expire_texts
from server.absences.tasks import TextUpkeep
from server.accuracy.nightly import NightlyMeasurement
from server.accuracy.tasks import MeasureSchool
from server.attendance.decisions.remarks import expire_remarks
from server.attendance.pace import IngestPace
from server.attendance.tasks import QuarantineUpkeep
from server.backup.schedule import BackupSchedule
from server.certificates.links import Links
from server.certificates.upkeep import CertificateUpkeep
from server.config import Settings
from server.credentials.tasks import CredentialUpkeep
from server.db.engine import Database
from server.db.vault import Vault
from server.enrollment.backfill_tasks import AddTemplates
from server.enrollment.check_tasks import ComparePeople
from server.enrollment.encoding import EncodePhotos
from server.enrollment.tasks import EnrolmentUpkeep
from server.guardians.service import expire_guardians
from server.imports.tasks import ImportFiles, ImportUpkeep
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob
from server.jobs.tasks import JobWorkers, Lane
from server.key_rotation.tasks import FollowKeys, RotateKeys
from server.kiosks.claiming import KIOSK_PURPOSES
from server.line_files.service import expire_files
from server.ml.encoder import FaceEncoder
from server.mqtt.mosquitto import tell_mosquitto
from server.mqtt.tasks import BrokerTasks
from server.network_change.tasks import ConfirmScans
from server.past_marks.files import AttendanceFiles
from server.reports.tasks import PrepareReport, ReportUpkeep
from server.school.tasks import FollowSchool
from server.timetable.patterns.tasks import LessonPlanning
from server.tokens.tasks import TokenUpkeep
from server.trail.tasks import VerifyTrail
from server.web.tasks import BackgroundTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.jobs.schemas import JobHandler


#: What is deleted in time, by its name in the log.
_OLD_TEXTS = {
    "texts of absences": expire_texts,
    "remarks in registers": expire_remarks,
    "guardians of students who left": expire_guardians,
    "files in registers": expire_files,
}


class Background:
    """Builds all tasks; each starts and stops on its own.

    Attributes:
        handlers: by kind of job.
        workers: the threads that work on jobs.
        upkeep: watches the recognition service, and erases.
        nightly: asks for measurements of the school.
        quarantine: judges events again that lay in the future.
        pace: how fast events of each kiosk are taken in.
        broker: talks to the broker.
        certificates: renews the school's certificates.
        credentials: renews PINs that a revoked kiosk held.
        school: follows what an admin enters about the school.
        tokens: deletes API tokens and idempotency keys that are over.
        reports: deletes prepared reports that have expired.
        texts: deletes texts and files of old absences, old remarks and files in registers, and
            guardians of students who left.
        imports: deletes imported files and their reports in time.
        planning: plans the lessons of weekly patterns ahead.
        keys: takes new data keys into use.
        backups: makes backups, and knows how they stand.
    """

    def __init__(
        self, links: Links, database: Database, vault: Vault, encoder: FaceEncoder
    ) -> None:
        settings = links.settings
        self._encoder = encoder

        def zone() -> ZoneInfo:
            return settings.zone

        parts = (database, vault, encoder, zone)
        photos: Sequence[JobHandler] = (EncodePhotos(*parts), AddTemplates(*parts))
        # A kiosk waits for each check, so none waits behind thousands of photos; and no photo
        # waits behind a measurement, which takes minutes.
        checks: Sequence[JobHandler] = (ComparePeople(*parts), ConfirmScans(*parts))
        slow: Sequence[JobHandler] = (MeasureSchool(*parts),)
        trail: Sequence[JobHandler] = (VerifyTrail(database),)
        reports: Sequence[JobHandler] = (
            PrepareReport(database, vault, zone, lambda: settings.school),
        )
        imports: Sequence[JobHandler] = (_imports(settings, database, vault),)
        rotation: Sequence[JobHandler] = (RotateKeys(database, vault),)
        handlers = (*photos, *checks, *slow, *trail, *reports, *imports, *rotation)
        self.handlers: dict[str, JobHandler] = {one.kind: one for one in handlers}
        threads = settings.enrolment_workers
        self.workers = JobWorkers(
            database,
            [
                Lane(photos, threads),
                Lane(checks, min(threads, 1)),
                *(Lane(one, 1) for one in (slow, trail, reports, imports, rotation)),
            ],
            lease=timedelta(seconds=settings.job_lease_s),
            software=self._software,
        )
        self.upkeep = EnrolmentUpkeep(
            database,
            vault,
            encoder,
            zone,
            retry_parked=self._retry_parked,
            kiosk_purposes=KIOSK_PURPOSES,
        )
        self.nightly = NightlyMeasurement(database, encoder.software, zone)
        self.quarantine = QuarantineUpkeep(database)
        self.credentials = CredentialUpkeep(database, vault)
        self.tokens = TokenUpkeep(database)
        self.reports = ReportUpkeep(database)
        self.texts = TextUpkeep(database, zone, _OLD_TEXTS)
        self.imports = ImportUpkeep(database)
        self.planning = LessonPlanning(database, zone)
        self.keys = FollowKeys(vault)
        self.backups = BackupSchedule(database, vault, settings)
        self.pace = IngestPace(settings.ingest_rate, settings.ingest_burst)
        self.broker = BrokerTasks(links, database, vault, pace=self.pace)
        self.school = FollowSchool(database, settings)
        self.certificates = CertificateUpkeep(settings, partial(tell_mosquitto, settings))

    def tasks(self) -> list[BackgroundTask]:
        """Return all of them, in the order in which they start."""
        return [
            self.school,
            self.workers,
            self.upkeep,
            self.nightly,
            self.quarantine,
            self.broker,
            self.certificates,
            self.credentials,
            self.tokens,
            self.reports,
            self.texts,
            self.imports,
            self.planning,
            self.keys,
            self.backups,
        ]

    def cancel_job(self, db: Session, job_id: uuid.UUID, *, actor: str) -> None:
        """Cancel a job; its handler follows up. See `server.web.ports.CancelJob`."""

        def follow_up(job: ClaimedJob) -> None:
            if job.kind in self.handlers:
                self.handlers[job.kind].cancel(db, job, actor=actor)

        jobs.cancel(db, job_id, follow_up=follow_up, actor=actor)

    def _retry_parked(self, db: Session) -> int:
        return jobs.retry_after_upgrade(db, tuple(self.handlers), self._software())

    def _software(self) -> str:
        """What a failed job failed under: another version may not fail."""
        return f"{version('rollcall')} {self._encoder.software()}"[:300]


def _imports(settings: Settings, database: Database, vault: Vault) -> ImportFiles:
    """Return what brings files in; the names of marks are those of the school's language."""
    return ImportFiles(
        database,
        vault,
        lambda: settings.zone,
        photo_max_bytes=settings.photo_max_bytes,
        attendance=lambda: AttendanceFiles(settings.zone, settings.school.language),
    )
