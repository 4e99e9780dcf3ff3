"""The strip says what is wrong with the server, and whether a new claim code would help."""

import pytest

from kiosk.domain.health import Health, LinkHealth
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.health import health_view
from protocol.v1.messages import ClockSource


def health(server: LinkHealth, *, is_heard: bool = False) -> Health:
    return Health(server=server, broker=LinkHealth.UP, is_heard=is_heard, clock=ClockSource.NTP)


@pytest.mark.parametrize(
    ("server", "said", "is_claimable"),
    [
        (LinkHealth.UP, ["Connected"], False),
        (LinkHealth.DOWN, ["Offline"], False),
        (
            LinkHealth.FOREIGN,
            ["Something else answers for the server"],
            False,
        ),
        (
            LinkHealth.OTHER_SERVER,
            ["Server too old, or another one. Check its address"],
            False,
        ),
        (
            LinkHealth.UNKNOWN_KIOSK,
            ["Server does not know this kiosk. Tap for a new claim code"],
            True,
        ),
    ],
)
def test_each_fault_of_the_server_has_its_words(
    words: Catalogue, server: LinkHealth, said: list[str], *, is_claimable: bool
) -> None:
    view = health_view(health(server), words)

    assert [item.words for item in view.items] == said
    assert view.claimable is is_claimable


def test_acks_through_the_broker_count_where_http_is_blocked(words: Catalogue) -> None:
    view = health_view(health(LinkHealth.DOWN, is_heard=True), words)

    assert [item.words for item in view.items] == ["Connected"]
