"""What this package asks of the areas above it, which it does not import."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Request
from sqlmodel import Session

from protocol.v1.messages import Ack, ConfigDocument
from server.web.principal import Principal
from server.web.translations import Translator

#: The value of a sign-in cookie to the account that is signed in with it; None: nobody is.
Authenticate = Callable[[str], Principal | None]
#: An API token, and the mark of the address it comes from, to its account. Raises
#: `InvalidTokenError`, or `TooManyAttemptsError` after too many wrong ones.
AuthenticateToken = Callable[[str, str], Principal]
#: Says everything that is wrong with recognition, in the language of the request.
Problems = Callable[[Request], list[str]]
#: Says which stored rows cannot be read, and why.
UnreadableWords = Callable[[Translator], list[str]]


class AckSigner(Protocol):
    """Signs as this server."""

    def key(self) -> Ed25519PrivateKey:
        """Return the key that signs.

        Raises:
            SealBrokenError: the key was sealed with another data key.
        """

    def sign_ack(self, ack: Ack) -> Ack:
        """Return the ack with the server's signature."""


class RefusedAddress(Protocol):
    """An address from which an unknown device asks."""

    @property
    def address(self) -> str:
        """Of the client, as the server sees it."""

    @property
    def last_at(self) -> datetime:
        """When the newest of its requests was refused, UTC."""


class WrongGuess(Protocol):
    """What a wrong claim code leads to."""

    @property
    def wait_until(self) -> datetime | None:
        """When its address is answered again; None: it may try at once."""

    @property
    def untold(self) -> int:
        """Of how many wrong codes the audit trail tells now; 0: of none."""


class GuessLog(Protocol):
    """Counts wrong claim codes."""

    def is_worn_out(self, issued_at: datetime) -> bool:
        """Whether a code that was issued then may have been guessed by now."""

    def note(self, address: str, at: datetime) -> WrongGuess:
        """Count a wrong code."""


class StrangerLog(Protocol):
    """Remembers the requests of devices that this server does not know."""

    def note(self, address: str, at: datetime) -> None:
        """Count one refused request."""

    def recent(self, at: datetime) -> Sequence[RefusedAddress]:
        """Return the addresses from which unknown devices ask now, newest request first."""


class PictureGate(Protocol):
    """Limits how many pictures of cameras are judged at a time."""

    def passing(self, person: object) -> AbstractContextManager[bool]:
        """Whether this person's next picture may be judged now; the block is the judging."""


class AdmitKiosk(Protocol):
    """Gives a kiosk that has just claimed its account on the broker."""

    def __call__(self, kiosk_id: str, generation: int) -> object:
        """Do it now if the broker can be reached."""


class Configurations(Protocol):
    """Builds configurations of kiosks, and knows which of them are still the same."""

    def unchanged(self, db: Session, kiosk: Any, at: datetime) -> str | None:
        """Return the version of the one built last where it is still the same; None: build it."""

    def build(self, db: Session, kiosk: Any, at: datetime) -> ConfigDocument:
        """Return what a kiosk should have now."""


class EventPace(Protocol):
    """Limits how fast the events of one kiosk are taken in."""

    def take(self, kiosk_id: str, payload: bytes) -> None:
        """Note that a batch is taken in now.

        Raises:
            TooManyEventsError: the kiosk is over its rate, and has to send the batch again.
        """


class ForgetIneligible(Protocol):
    """Deletes the PIN, cards and link of an account that may have none any more."""

    def __call__(self, db: Session, account: Any, *, actor: str) -> None:
        """Do so in the caller's transaction, before it writes to the audit trail."""


class CancelJob(Protocol):
    """Cancels a job; its handler follows up."""

    def __call__(self, db: Session, job_id: uuid.UUID, *, actor: str) -> None:
        """Cancel it in the caller's transaction.

        Raises:
            NotFoundError: it is done.
            ConflictError: it runs at this moment.
        """


class CountUndecided(Protocol):
    """Counts the events in quarantine that wait for a decision."""

    def __call__(self, db: Session, *, kiosk_id: uuid.UUID) -> int:
        """Count those of one kiosk."""


class LinkPageGate(Protocol):
    """Limits how often the page of a person's own link is asked for."""

    def wait_of_link(self, token: str) -> int:
        """Count a look at a link's page; returns the seconds to wait, 0: none."""

    def wait_of_wrong_link(self, address: str) -> int:
        """Count a link that does not exist; returns the seconds that its address has to wait."""
