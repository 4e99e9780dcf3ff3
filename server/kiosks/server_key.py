"""The server's signing key, opened once: acks are signed too often to open it for each."""

import threading

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.v1 import statements
from protocol.v1.messages import Ack
from server.db.engine import Database
from server.db.vault import Vault
from server.kiosks.claiming import server_signing_key


class ServerSigner:
    """Signs as this server. Safe to share between threads.

    Use it outside a transaction: the first use opens the key in a separate transaction.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._lock = threading.Lock()
        self._key: Ed25519PrivateKey | None = None

    def key(self) -> Ed25519PrivateKey:
        """Return the key; reads the database the first time only.

        Raises:
            SealBrokenError: the key was sealed with another data key.
        """
        with self._lock:
            if self._key is None:
                with self._database.transaction() as db:
                    self._key = server_signing_key(db, self._vault)
            return self._key

    def sign_ack(self, ack: Ack) -> Ack:
        """Return the ack with the server's signature."""
        return statements.sign_ack(ack, self.key())
