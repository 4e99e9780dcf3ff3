"""The server's job workers, taken one step at a time."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from server.accuracy.tasks import MeasureSchool
from server.db.engine import Database
from server.db.vault import Vault
from server.enrollment.backfill_tasks import AddTemplates
from server.enrollment.check_tasks import ComparePeople
from server.enrollment.encoding import EncodePhotos
from server.enrollment.tasks import EnrolmentUpkeep
from server.jobs import service as jobs
from server.jobs.service import Worker
from server.jobs.tasks import JobWorkers
from server.ml.encoder import FaceEncoder

_KINDS = ("encode", "compare", "add_model", "measure")
LEASE = timedelta(seconds=30)


def worker_of(owner: str, lease: timedelta = LEASE) -> Worker:
    """Another process that claims jobs."""
    return Worker(owner, lease, "1")


class SteppedWorkers:
    """One worker pool of a server, with everything that its threads would do.

    Attributes:
        workers: the pool itself.
        upkeep: what runs beside it.
        version: of the software, as parked jobs remember it.
    """

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: ZoneInfo
    ) -> None:
        parts = (database, vault, encoder, lambda: zone)
        self.version = "1"
        self._encode = EncodePhotos(*parts)
        self._compare = ComparePeople(*parts)
        self._add = AddTemplates(*parts)
        self._measure = MeasureSchool(*parts)
        self.workers = JobWorkers(database, [], lease=LEASE, software=lambda: self.version)
        self.upkeep = EnrolmentUpkeep(
            *parts,
            retry_parked=lambda db: jobs.retry_after_upgrade(db, _KINDS, self.version),
        )

    def run_one(self) -> bool:
        """Work on one photo; returns whether there was one."""
        return self.workers.run_one([self._encode])

    def check_one(self) -> bool:
        """Compare one person with the others; returns whether there was one."""
        return self.workers.run_one([self._compare])

    def add_one(self) -> bool:
        """Make one template of a further model; returns whether there was one."""
        return self.workers.run_one([self._add])

    def measure_one(self) -> bool:
        """Measure one model; returns whether there was one."""
        return self.workers.run_one([self._measure])

    def find_missing(self) -> int:
        """Queue photos that lack a template; returns how many."""
        return self.upkeep.find_missing()

    def sweep(self) -> int:
        """Erase what may not be kept; returns how many people lost their consent."""
        return self.upkeep.sweep()
