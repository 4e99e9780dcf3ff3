"""Renew the school's certificates while the server runs."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from server.certificates.folder import CertificateFolder, Change
from server.certificates.links import broker_chain
from server.config import Settings
from server.db.types import now
from server.errors import ServerError

logger = logging.getLogger(__name__)

#: Certificates are renewed 30 days before they end, so one look a day is enough; an hour also
#: serves a server that is off at night.
INTERVAL_S = 3600.0


def renew_due(settings: Settings, at: datetime) -> list[Change]:
    """Renew what ends soon, where the school has an authority here.

    Raises:
        ConfigurationError: a file is damaged.
    """
    folder = CertificateFolder(settings.data_dir)
    if not folder.has_authority:
        return []
    changes = folder.ensure(school=settings.school.name, at=at)
    for change in changes:
        logger.info("certificate renewed for=%s ends_at=%s", change.what, change.ends_at)
    return changes


def renew_at_start(settings: Settings, at: datetime) -> None:
    """Renew what ends soon before a listener starts; a fault is logged, and does not stop it.

    What is there may hold for weeks, and the running server tries again. A file that the listener
    itself cannot use stops it when it opens that.
    """
    try:
        renew_due(settings, at)
    except (ServerError, OSError) as exc:
        logger.exception("certificates not renewed at start: %s", type(exc).__name__)


class CertificateUpkeep:
    """A thread that renews certificates, and tells the broker of a renewed file.

    Our own listeners look at their files every few seconds.
    """

    def __init__(self, settings: Settings, tell_broker: Callable[[], object]) -> None:
        """Prepare.

        Args:
            settings: of the server.
            tell_broker: called after the broker's file changed, and once at the start.
        """
        self._settings = settings
        self._tell_broker = tell_broker
        self._told: int | None = None
        self._is_failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def look(self, at: datetime) -> None:
        """Renew what is due now. A fault is logged once and tried again."""
        try:
            renew_due(self._settings, at)
            self._note_broker_file()
            self._is_failing = False
        except (ServerError, OSError) as exc:
            if not self._is_failing:
                logger.exception("certificates not renewed: %s", type(exc).__name__)
            self._is_failing = True

    def _note_broker_file(self) -> None:
        chain = broker_chain(self._settings)
        if chain is None:
            return
        stamp = chain.certificate.stat().st_mtime_ns
        if stamp != self._told:
            self._tell_broker()
            self._told = stamp

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.look(now())
            self._stopping.wait(INTERVAL_S)
