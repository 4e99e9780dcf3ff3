"""A new claim of a kiosk whose numbers another device used: offer every kept event again.

An ack names numbers, not events. Where a copy of this kiosk delivered its own events under our
numbers, and a restored server had lost ours, every ack says that nothing is missing. The hash that
the claim names tells: it is not that of our event of this number.
"""

import json
import sqlite3

from kiosk.storage.chain import ChainStart
from protocol.v1.messages import GapReason


def offer_again(db: sqlite3.Connection, start: ChainStart, most: int) -> int:
    """Let the newest kept events wait again, once for each claim that names another chain.

    The server answers those that it has, and the others get new numbers.

    Args:
        db: in a transaction, before the chain is taken up at ``start``.
        start: where the server said at the claim that the chain is.
        most: how many events may wait again.

    Returns:
        How many events wait again.
    """
    row = db.execute("SELECT claim FROM chain").fetchone()
    if row is None or start.claim is None:
        return 0
    is_new = row[0] is not None and row[0] != start.claim
    if not is_new or _is_our_chain(db, start):
        return 0
    return db.execute(
        "UPDATE event SET delivered_ms = NULL WHERE seq IN (SELECT seq FROM event"
        " INDEXED BY event_kept WHERE delivered_ms IS NOT NULL ORDER BY seq DESC LIMIT ?)",
        (most,),
    ).rowcount


def note_claim(db: sqlite3.Connection, claim: int | None) -> None:
    """Remember the claim that the file was opened with; nothing is written where it is the same."""
    db.execute("UPDATE chain SET claim = ? WHERE claim IS NOT ?", (claim, claim))


def _is_our_chain(db: sqlite3.Connection, start: ChainStart) -> bool:
    """Whether the server's newest event is ours, or one that we had and deleted by age."""
    if start.seq == 0:
        return True
    row = db.execute("SELECT body FROM event WHERE seq = ?", (start.seq,)).fetchone()
    if row is not None:
        return _hash_of(row[0]) == start.hash
    query = "SELECT reason FROM gone WHERE ? BETWEEN first AND last"
    gone = db.execute(query, (start.seq,)).fetchone()
    return gone is not None and gone[0] == GapReason.EXPIRED.value


def _hash_of(body: str) -> str | None:
    try:
        found = json.loads(body)["hash"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
