"""Where a guess runs: one that has to wait is refused by readers, and takes no other's place."""

from collections.abc import Callable

from starlette.responses import Response

from server.accounts.signing_in import Credentials, SignInOutcome, refused_at_once, sign_in
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.web.threads import ThreadLane, run_in_lane


async def sign_in_by_turns(
    database: Database,
    settings: Settings,
    guess: Credentials,
    answer: Callable[[SignInOutcome], Response],
) -> Response:
    """Check a guess in the threads for passwords; only one that will be checked waits for them.

    Args:
        database: where.
        settings: of the server.
        guess: who wants to sign in.
        answer: puts the outcome into words; it runs in the same thread.

    Raises:
        SignInBusyError: too many wait already, of all places or of this one.
    """

    def at_once() -> Response | None:
        locked = refused_at_once(database, settings, guess=guess, at=now())
        return None if locked is None else answer(locked)

    def checked() -> Response:
        return answer(sign_in(database, settings, guess=guess, at=now()))

    refused = await run_in_lane(ThreadLane.READERS, at_once)
    if refused is not None:
        return refused
    holder = guess.place.device or guess.place.address
    return await run_in_lane(ThreadLane.PASSWORDS, checked, holder=holder)
