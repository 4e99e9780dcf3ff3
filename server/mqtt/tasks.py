"""What the server runs beside its requests to talk to the broker."""

from server.attendance.pace import IngestPace
from server.certificates.links import Links
from server.db.engine import Database
from server.db.vault import Vault
from server.kiosks.server_key import ServerSigner
from server.mqtt.first_acks import FirstAcks
from server.mqtt.housekeeping import Housekeeper
from server.mqtt.link import BrokerLink
from server.mqtt.pacing import Pacing
from server.mqtt.writer import IngestWriter


class BrokerTasks:
    """The link, the writer behind it and the housekeeping, as one background task."""

    def __init__(self, links: Links, database: Database, vault: Vault, *, pace: IngestPace) -> None:
        self._link = BrokerLink(links)
        signer = ServerSigner(database, vault)
        first_acks = FirstAcks(self._link, database, signer)
        self._writer = IngestWriter(self._link, database, signer, Pacing(pace))
        self._housekeeper = Housekeeper(
            self._link, database, vault, links, each_round=first_acks.publish_some
        )

    def status(self) -> str:
        """`connected` or `disconnected`, for /health."""
        return self._link.status

    def admit(self, kiosk_id: str, generation: int) -> bool:
        """Give a kiosk that has just claimed its account at once; see `Housekeeper.admit`."""
        return self._housekeeper.admit(kiosk_id, generation)

    def start(self) -> None:
        """Begin; returns at once, whether the broker is up or not."""
        self._writer.start()
        self._housekeeper.start()
        self._link.start()

    def stop(self) -> None:
        """End: first what asks, then what hears; what was heard is stored and acknowledged."""
        self._housekeeper.stop()
        self._link.leave()
        self._writer.finish()
        self._link.stop()
        self._writer.stop()
