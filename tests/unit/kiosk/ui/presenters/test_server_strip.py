"""The strip says what is wrong with the server, and whether a new claim code would help."""

from dataclasses import replace

import pytest

from kiosk.domain.health import Health, LinkHealth
from kiosk.domain.links import LinkSecurity
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


@pytest.mark.parametrize(
    ("server", "broker", "said"),
    [
        (LinkSecurity.TLS, LinkSecurity.TLS, "Connected"),
        (LinkSecurity.LOCAL, None, "Connected"),
        (LinkSecurity.PLAIN, None, "Connection not encrypted"),
        (LinkSecurity.TLS, LinkSecurity.PLAIN, "Connection not encrypted"),
        (LinkSecurity.TLS, LinkSecurity.PLAIN_REFUSED, "Broker refused: it does not encrypt"),
        (LinkSecurity.TLS, LinkSecurity.WRONG_NAME, "Broker certificate not accepted"),
        (
            LinkSecurity.FOREIGN_AUTHORITY,
            LinkSecurity.PLAIN,
            "Server certificate from an unknown authority",
        ),
    ],
)
def test_the_strip_says_how_the_connections_are_protected(
    words: Catalogue, server: LinkSecurity, broker: LinkSecurity | None, said: str
) -> None:
    state = replace(health(LinkHealth.UP), server_link=server, broker_link=broker)

    assert [item.words for item in health_view(state, words).items] == [said]


@pytest.mark.parametrize("link", [link for link in LinkSecurity if link.is_fault])
def test_every_fault_of_the_server_s_certificate_is_said(
    words: Catalogue, link: LinkSecurity
) -> None:
    view = health_view(replace(health(LinkHealth.DOWN), server_link=link), words)

    assert [item.severity for item in view.items] == ["warning", "warning"]
    assert view.items[1].words == "Offline"


def test_acks_through_the_broker_count_where_http_is_blocked(words: Catalogue) -> None:
    view = health_view(health(LinkHealth.DOWN, is_heard=True), words)

    assert [item.words for item in view.items] == ["Connected"]
