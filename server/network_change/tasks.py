"""Compare a person's scans of two days: one job for each person while a change collects scans."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial

from sqlmodel import Session

from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.jobs.recognition import after_failure, is_ready
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.ml.encoder import EncoderUnavailableError, FaceEncoder, GalleryQuestion
from server.network_change import sealed_scans
from server.network_change.pairs import ScanPair, Values, make_templates, pairs_of, settled
from server.networks import scans
from server.people import service as people

_logger = logging.getLogger(__name__)
#: The service compares nobody, or not for our key; asked again another day.
_CANNOT_CHECK = Later("CANNOT_CHECK", pause=timedelta(days=1))
#: A day is not over, or its kiosk has not reported everything of it.
_NOT_SETTLED = Later("SCANS_OPEN", pause=timedelta(hours=1))


class ConfirmScans:
    """The handler. Whether two scans show one person, the recognition service decides.

    It is asked as for a duplicate: by the strict limit at which two people count as one.
    """

    kind = scans.CONFIRM

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, zone: SchoolZone
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone

    def is_ready(self) -> bool:
        """Return whether the recognition service can be asked."""
        return is_ready(self._encoder)

    def run(self, job: ClaimedJob) -> Result:
        """Find two scans of different days that agree, and make templates of them."""
        model_id = job.about["model"]
        with self._database.reading() as db:
            waiting = scans.of_person(db, _person(job))
            ripe = settled(db, waiting, self._zone())
        opened = sealed_scans.open_readable(self._vault, ripe)
        pairs = pairs_of([one for one in ripe if one.id in opened], model_id)
        try:
            agreed = self._first_that_agrees(pairs, opened, job)
        except EncoderUnavailableError as exc:
            return after_failure(self._encoder, exc)
        if isinstance(agreed, Later):
            return agreed
        if agreed is None:
            may_come = len(pairs_of(waiting, model_id)) > len(pairs_of(ripe, model_id))
            return _NOT_SETTLED if may_come else Done(lambda _: None, "no_pair")
        today = self._today()
        make = partial(make_templates, vault=self._vault, pair=agreed, opened=opened, today=today)
        return Done(make, "made")

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Delete the person's waiting scans: an admin decided so, and the trail has the job."""
        del actor
        people.get_person(db, _person(job), lock=True)
        scans.forget_people(db, [_person(job)])

    def _first_that_agrees(
        self, pairs: Sequence[ScanPair], opened: Mapping[uuid.UUID, Values], job: ClaimedJob
    ) -> ScanPair | Later | None:
        for pair in pairs:
            one, other = opened[pair.first.id], opened[pair.second.id]
            question = GalleryQuestion(pair.first.model_id, (one,), {"other": (other,)})
            found = self._encoder.check_gallery(question, correlation_id=job.correlation_id)
            if found is None:
                return _CANNOT_CHECK
            if found.duplicates:
                return pair
        return None

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()


def _person(job: ClaimedJob) -> uuid.UUID:
    return uuid.UUID(job.about["person"])
