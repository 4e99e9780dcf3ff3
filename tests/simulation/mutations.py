"""Faults that the product once had, brought back on purpose: the simulation must find each."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from kiosk.errors import KioskError, RefusedError, UnprovenAnswerError
from kiosk.storage import kept, settling
from kiosk.storage.chain import Chain
from kiosk.storage.numbers import NumberFile
from kiosk.storage.verdicts import Row, SeqSpan
from kiosk.sync.downloader import Downloader
from protocol.v1.identifiers import uuid7
from server.attendance import watermarks


@dataclass(frozen=True)
class Mutation:
    """A fault of the product, and the kinds of faults of the world under which it shows.

    Attributes:
        words: what is wrong.
        bring_back: patches the product for one run.
        faults: the only kinds that happen in a run that looks for it.
    """

    words: str
    bring_back: Callable[[pytest.MonkeyPatch], None]
    faults: frozenset[str]


def apply(name: str | None, patch: pytest.MonkeyPatch) -> None:
    """Bring a fault back for one run."""
    if name is not None:
        MUTATIONS[name].bring_back(patch)


def _delete_delivered(patch: pytest.MonkeyPatch) -> None:
    def deliver(
        db: sqlite3.Connection, spans: Iterable[SeqSpan], at_ms: int, *, but: Sequence[str]
    ) -> int:
        count = kept_deliver(db, spans, at_ms, but=but)
        db.execute("DELETE FROM event WHERE delivered_ms IS NOT NULL")
        return count

    kept_deliver = kept.deliver
    patch.setattr(kept, "deliver", deliver)


def _believe_any_401(patch: pytest.MonkeyPatch) -> None:
    def failed(downloader: Downloader, error: KioskError) -> None:
        if isinstance(error, UnprovenAnswerError | RefusedError):
            downloader._on_revoked()
        real_failed(downloader, error)

    real_failed = Downloader._failed
    patch.setattr(Downloader, "_failed", failed)


def _forget_numbers(patch: pytest.MonkeyPatch) -> None:
    def init(numbers: NumberFile, *args: Any) -> None:
        real_init(numbers, *args)
        numbers.written = 0

    real_init = NumberFile.__init__
    patch.setattr(NumberFile, "__init__", init)
    patch.setattr(NumberFile, "_copies", lambda _numbers: [None, None])


def _believe_watermarks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(watermarks, "_is_genuine", lambda _watermark, _kiosk: True)


def _renumber_once(patch: pytest.MonkeyPatch) -> None:
    def taken(settlement: settling.Settlement) -> list[Row]:
        rows = real_taken(settlement)
        first = [row for row in rows if row.id not in renumbered]
        for row in rows:
            if row.id in renumbered:
                settlement._put_apart(row, "fork")
        renumbered.update(row.id for row in rows)
        return first

    renumbered: set[str] = set()
    real_taken = settling.Settlement._taken
    patch.setattr(settling.Settlement, "_taken", taken)


def _new_id_with_new_number(patch: pytest.MonkeyPatch) -> None:
    def renumber(chain: Chain, db: sqlite3.Connection, row: Row) -> None:
        fresh = str(uuid7())
        real_renumber(chain, db, row._replace(body=row.body.replace(row.id, fresh)))

    real_renumber = Chain.renumber
    patch.setattr(Chain, "renumber", renumber)


def _state_no_gaps(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling.Settlement, "_state_gaps", lambda _settlement: 0)


MUTATIONS = {
    "deletes_delivered": Mutation(
        "the kiosk deletes events as soon as they are acknowledged",
        _delete_delivered,
        frozenset({"server_restore"}),
    ),
    "believes_any_401": Mutation(
        "an answer that nobody signed ends the claim",
        _believe_any_401,
        frozenset({"captive_portal"}),
    ),
    "reuses_numbers": Mutation(
        "nothing outside the outbox knows which numbers were given",
        _forget_numbers,
        frozenset({"kiosk_damage", "kiosk_lost_writes", "partition"}),
    ),
    "believes_watermarks": Mutation(
        "the server believes a watermark that the kiosk did not sign",
        _believe_watermarks,
        frozenset({"forged_watermark"}),
    ),
    "renumbers_once": Mutation(
        "an event that meets a second taken number ends as refused",
        _renumber_once,
        frozenset({"kiosk_restore", "kiosk_clone", "partition"}),
    ),
    "counts_twice": Mutation(
        "an event that gets another number gets another id, too",
        _new_id_with_new_number,
        frozenset({"kiosk_restore", "kiosk_clone", "partition"}),
    ),
    "states_no_gaps": Mutation(
        "a kiosk says nothing about numbers that it lost",
        _state_no_gaps,
        frozenset({"kiosk_damage", "kiosk_lost_writes", "drop"}),
    ),
}
