"""The kiosk's password for the broker goes to a broker whose certificate it accepts, only."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.domain.links import CertificateTime, LinkSecurity
from kiosk.sync.backoff import Backoff
from kiosk.sync.inbox import Inbox
from kiosk.sync.mqtt import MQTTLink
from kiosk.sync.trust import LinkTrust
from tests.fakes.school import broker_access
from tests.support.authorities import Authority, Leaf
from tests.support.certificates import school
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running
from tests.support.tls_mosquitto import tls_broker
from tests.support.tls_recorder import recording
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

SCHOOL, OTHER, NEXT = Authority("School"), Authority("School"), Authority("School 2")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
PASSWORD = broker_access(1).password.encode()


@contextmanager
def linked(port: int, trust: LinkTrust, *, host: str = "127.0.0.1") -> Iterator[MQTTLink]:
    access = broker_access(port).model_copy(update={"tls": True, "host": host})
    link = MQTTLink(access, Inbox(), Backoff(0.05, 0.1), trust)
    link.start()
    try:
        yield link
    finally:
        link.stop()


def wait_up(link: MQTTLink) -> None:
    wait_until(lambda: link.health is LinkHealth.UP, what="the link", timeout_s=20)


def test_the_link_follows_renewed_certificates_and_a_renewed_authority(tmp_path: Path) -> None:
    trust = LinkTrust(SCHOOL.pem)
    with (
        tls_broker(tmp_path, SCHOOL.leaf()) as broker,
        linked(broker.port, trust) as link,
    ):
        wait_up(link)
        assert link.security is LinkSecurity.TLS
        broker.restart_with(SCHOOL.leaf())
        wait_until(lambda: link.health is not LinkHealth.UP, what="the end of the link")
        wait_up(link)
        trust.use(SCHOOL.pem + NEXT.pem)
        broker.restart_with(NEXT.leaf())
        wait_until(lambda: link.health is not LinkHealth.UP, what="the end of the link")
        wait_up(link)


@pytest.mark.parametrize(
    ("leaf", "fault"),
    [
        (OTHER.leaf(), LinkSecurity.FOREIGN_AUTHORITY),
        (SCHOOL.leaf("broker.example"), LinkSecurity.WRONG_NAME),
        (SCHOOL.leaf(begins_at=NOW - 9 * DAY, ends_at=NOW - DAY), LinkSecurity.EXPIRED),
        (SCHOOL.leaf(begins_at=NOW + DAY), LinkSecurity.NOT_YET_VALID),
    ],
    ids=["foreign", "name", "expired", "early"],
)
def test_mosquitto_with_a_wrong_certificate_is_not_used(
    tmp_path: Path, leaf: Leaf, fault: LinkSecurity
) -> None:
    with (
        tls_broker(tmp_path, leaf) as broker,
        linked(broker.port, LinkTrust(SCHOOL.pem)) as link,
    ):
        wait_until(lambda: link.security is fault, what=fault, timeout_s=10)

        assert link.health is LinkHealth.DOWN


def test_a_clock_that_is_not_set_does_not_keep_the_broker_away(tmp_path: Path) -> None:
    unset = CertificateTime(NOW - 300 * DAY, is_exact=False)
    with (
        tls_broker(tmp_path, SCHOOL.leaf()) as broker,
        linked(broker.port, LinkTrust(SCHOOL.pem, time=lambda: unset)) as link,
    ):
        wait_up(link)  # fails where the link does not come up
        assert link.security is LinkSecurity.TLS


def test_the_embedded_broker_is_checked_in_the_same_way(tmp_path: Path) -> None:
    port, folder = free_port(), school(tmp_path / "data")
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(tmp_path / "data"),
        "ROLLCALL_SERVER_BROKER": "embedded",
        "ROLLCALL_SERVER_BROKER_PORT": str(port),
    }
    with (
        running(
            [str(BIN / "rollcall-server"), "broker"],
            log_path=tmp_path / "broker.log",
            ready=lambda: is_listening(port),
            env=env,
        ),
        linked(port, LinkTrust(folder.authorities.read_text())) as known,
        linked(port, LinkTrust(OTHER.pem)) as unknown,
    ):
        # It has no account for this kiosk, and says so inside TLS.
        wait_until(lambda: known.health is LinkHealth.REFUSED, what="the refusal")
        wait_until(lambda: unknown.security.is_fault, what="the fault")

        assert known.security is LinkSecurity.TLS
        assert unknown.security is LinkSecurity.FOREIGN_AUTHORITY


@pytest.mark.parametrize(
    "leaf", [OTHER.leaf(), SCHOOL.leaf(begins_at=NOW - 9 * DAY, ends_at=NOW - DAY)]
)
def test_a_broker_in_the_middle_never_sees_the_password(tmp_path: Path, leaf: Leaf) -> None:
    with (
        recording(leaf, tmp_path) as heard,
        linked(heard.port, LinkTrust(SCHOOL.pem)) as link,
    ):
        wait_until(lambda: heard.connections > 1, what="two tries")
        wait_until(lambda: link.security.is_fault, what="the fault")

    assert PASSWORD not in heard.plain
    assert heard.plain == b""


def test_a_plain_broker_on_another_machine_is_never_connected_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    access = broker_access(1883).model_copy(update={"host": "broker.example"})
    link = MQTTLink(access, Inbox(), Backoff(0.01, 0.02))
    with caplog.at_level(logging.WARNING):
        link.start()
        wait_until(lambda: link._backoff._failures > 2, what="three tries")
        link.stop()

    assert link.security is LinkSecurity.PLAIN_REFUSED
    assert "use TLS, or set allow_plain" in caplog.text
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("host", "allows_plain", "expected"),
    [
        ("127.0.0.1", False, LinkSecurity.LOCAL),
        ("broker.example", True, LinkSecurity.PLAIN),
    ],
)
def test_a_link_says_how_it_is_protected(
    host: str, allows_plain: bool, expected: LinkSecurity
) -> None:
    access = broker_access(1883).model_copy(update={"host": host})
    link = MQTTLink(access, Inbox(), trust=LinkTrust(allows_plain=allows_plain))

    assert link.security is expected
