"""Two servers on one broker and one database."""

import uuid
from collections.abc import Iterator

import pytest

from server.db.types import now
from server.kiosks.tables import Kiosk
from server.mqtt.tasks import BrokerTasks
from tests.integration.school.test_broker_link import Link, counted, link, next_ack, send
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]
__all__ = ["link"]


@pytest.fixture
def two(link: Link) -> Iterator[tuple[BrokerTasks, BrokerTasks]]:
    """Two servers on one broker and one database."""
    with link.server() as first, link.server() as second:
        both = (first, second)
        wait_until(lambda: all(one.status() == "connected" for one in both), what="the links")
        yield both


def test_two_servers_stay_connected_and_one_takes_each_batch(
    link: Link, two: tuple[BrokerTasks, BrokerTasks]
) -> None:
    device = link.school.kiosk()
    client = link.connect(device)
    repeated = counted("mqtt", "repeated")
    for number in range(1, 7):
        send(client, device, device.event(now()))
        while next_ack(client).stored_through < number:
            continue
    assert [row.seq for row in link.school.stored(device)] == [1, 2, 3, 4, 5, 6]
    assert [one._link.connections for one in two] == [1, 1]
    if link.settings.broker == "mosquitto":  # the embedded one cannot share
        assert counted("mqtt", "repeated") == repeated


def test_server_that_stops_has_stored_what_it_heard(
    link: Link, two: tuple[BrokerTasks, BrokerTasks]
) -> None:
    device = link.school.kiosk()
    client = link.connect(device)
    for event in device.events(30, now()):
        send(client, device, event)
    two[0].stop()
    for event in device.events(2, now()):
        send(client, device, event)
    while next_ack(client).stored_through < 32:  # fails where an ack does not come
        continue
    assert [row.seq for row in link.school.stored(device)] == list(range(1, 33))
    assert [one.status() for one in two][1] == "connected"


def test_second_server_leaves_the_connection_of_a_new_kiosk_alone(
    link: Link, two: tuple[BrokerTasks, BrokerTasks]
) -> None:
    device = link.school.kiosk()
    client = link.connect(device)
    with link.school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
    assert all(one.admit(kiosk.wire_id, kiosk.generation) for one in two)
    send(client, device, device.event(now()))
    assert next_ack(client).stored_through == 1
    assert not client.dropped.is_set()
