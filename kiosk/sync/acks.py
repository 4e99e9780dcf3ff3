"""Which acks from the broker are believed: those that our own server signed."""

import logging

from kiosk.domain.clock import Clock
from kiosk.domain.health import FaultEdge
from protocol.v1 import signing, statements
from protocol.v1.errors import BadSignatureError
from protocol.v1.messages import Ack

logger = logging.getLogger(__name__)


class AckCheck:
    """Checks signatures of acks from the broker. Used by one thread.

    Over HTTP the signature of the whole answer proves the ack, see `kiosk.sync.peer`.

    Args:
        server_key: the server's public key from the claim, base64.
        clock: for how long no ack could be believed.
    """

    def __init__(self, server_key: str, clock: Clock) -> None:
        self._key = signing.public_key(server_key)
        self._clock = clock
        self._fault = FaultEdge()

    def is_genuine(self, ack: Ack) -> bool:
        """Return whether our server made this ack; one that it did not make is logged once."""
        try:
            statements.verify_ack(ack, self._key)
        except BadSignatureError as exc:
            if self._fault.start(self._clock.monotonic_s()):
                logger.error("ack not from our server, ignored: %s", exc)  # noqa: TRY400
            return False
        if self._fault.clear(self._clock.monotonic_s()):
            logger.info("acks signed by our server again")
        return True
