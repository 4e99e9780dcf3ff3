"""Everything that is replaced in this process while a run goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kiosk.storage.outbox import SQLiteOutbox
from kiosk.sync.inbox import Inbox
from tests.simulation import kiosk_parts, links, mutations
from tests.simulation.ambient import simulated
from tests.simulation.kiosk_host import KioskHost
from tests.simulation.links import Place
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle, watched_append
from tests.simulation.world import World


@contextmanager
def replaced(
    world: World, network: Network, oracle: Oracle, mutation: str | None
) -> Iterator[None]:
    """Let the product run in a world, overheard by an oracle, perhaps with a fault of before."""
    logging.disable(logging.CRITICAL)
    try:
        with simulated(world, network.exchange), pytest.MonkeyPatch.context() as patch:
            for name, part in (*kiosk_parts.replaced_parts(), *links.replaced_parts()):
                patch.setattr(name, part)
            patch.setattr(SQLiteOutbox, "append", watched_append(oracle, SQLiteOutbox.append))
            patch.setattr(Inbox, "put", _poking(Inbox.put))
            mutations.apply(mutation, patch)
            yield
    finally:
        logging.disable(logging.NOTSET)


def _poking(put: object) -> object:
    """Return `Inbox.put`, after which the uploader of that kiosk looks soon."""

    def put_and_poke(inbox: Inbox, item: object) -> None:
        put(inbox, item)  # type: ignore[operator]
        host = Place.world.host
        if isinstance(host, KioskHost):
            host.poke()

    return put_and_poke
