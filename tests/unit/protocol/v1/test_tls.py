"""A new server is believed by its fingerprint or by six words, and gets nothing secret before."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.v1.messages import TrustOffer
from protocol.v1.tls import (
    CertificateFault,
    Introduction,
    UntrustedServerError,
    certificate_fault,
    introduce,
    is_loopback,
    is_plain_abroad,
)
from protocol.v1.trust import ca_fingerprint
from tests.support.authorities import Authority, Leaf
from tests.support.ports import free_port
from tests.support.tls_recorder import Recorded, recording

SCHOOL = Authority("School")
ATTACKER = Authority("School")
STRANGER = Authority("Another")  # one with the school's name would not be looked at
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
WORKS = SCHOOL.leaf()


def http(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def offer(pem: str | None) -> bytes:
    return http(TrustOffer(ca_pem=pem).to_json())


@contextmanager
def server(folder: Path, leaf: Leaf | None, answer: bytes) -> Iterator[Recorded]:
    with recording(leaf, folder, answer) as heard:
        yield heard


def meet(heard: Recorded, fingerprint: str | None = None) -> Introduction:
    return introduce(
        heard.url,
        fingerprint=fingerprint,
        context_for=lambda pem: ssl.create_default_context(cadata=pem),
        timeout_s=5,
    )


def fault_of(heard: Recorded, fingerprint: str | None = None) -> CertificateFault:
    with pytest.raises(UntrustedServerError) as caught:
        meet(heard, fingerprint)
    return caught.value.fault


def test_an_unknown_server_needs_a_person_who_compares(tmp_path: Path) -> None:
    with server(tmp_path, WORKS, offer(SCHOOL.pem)) as heard:
        found = meet(heard)

    assert (found.ca_pem, found.is_confirmed) == (SCHOOL.pem, False)
    assert found.fingerprint == ca_fingerprint(SCHOOL.pem)
    assert heard.plain.splitlines()[0] == b"GET /api/v1/devices/trust HTTP/1.1"
    assert heard.plain.count(b"HTTP/1.1") == 1


def test_an_expected_fingerprint_needs_nobody(tmp_path: Path) -> None:
    with server(tmp_path, WORKS, offer(SCHOOL.pem)) as heard:
        assert meet(heard, ca_fingerprint(SCHOOL.pem)).is_confirmed


def test_another_fingerprint_ends_it(tmp_path: Path) -> None:
    with server(tmp_path, ATTACKER.leaf(), offer(ATTACKER.pem)) as heard:
        fault = fault_of(heard, ca_fingerprint(SCHOOL.pem))

    assert fault is CertificateFault.OTHER_FINGERPRINT


@pytest.mark.parametrize("offered", [SCHOOL.pem, SCHOOL.pem + STRANGER.pem])
def test_the_authority_that_is_compared_must_have_signed(tmp_path: Path, offered: str) -> None:
    """The fingerprint vouches for the first certificate alone, and that one is public."""
    with server(tmp_path, STRANGER.leaf(), offer(offered)) as heard:
        fault = fault_of(heard, ca_fingerprint(SCHOOL.pem))

    assert fault is CertificateFault.FOREIGN_AUTHORITY


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (SCHOOL.leaf("rollcall.example"), CertificateFault.WRONG_NAME),
        (SCHOOL.leaf("127.0.0.2"), CertificateFault.WRONG_NAME),
        (SCHOOL.leaf(begins_at=NOW - 9 * DAY, ends_at=NOW - DAY), CertificateFault.EXPIRED),
        (SCHOOL.leaf(begins_at=NOW + DAY), CertificateFault.NOT_YET_VALID),
        (None, CertificateFault.NO_TLS),
    ],
    ids=["name", "address", "expired", "not yet valid", "no TLS"],
)
def test_a_certificate_that_is_wrong_is_named(
    tmp_path: Path, leaf: Leaf | None, expected: CertificateFault
) -> None:
    with server(tmp_path, leaf, offer(SCHOOL.pem)) as heard:
        assert fault_of(heard, ca_fingerprint(SCHOOL.pem)) is expected


@pytest.mark.parametrize(
    "answer",
    [
        offer(None),
        offer("no certificate"),
        offer("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"),
        http(b"<html>sign in</html>"),
        http(b"[]"),
        http(b"", "404 Not Found"),
        http(b'{"ca_pem": "' + b"x" * 300_000 + b'"}'),
        b"no HTTP\r\n\r\n",
    ],
    ids=["none", "text", "damaged", "page", "list", "older server", "too long", "no HTTP"],
)
def test_an_offer_that_is_none_is_an_unknown_authority(tmp_path: Path, answer: bytes) -> None:
    with server(tmp_path, WORKS, answer) as heard:
        assert fault_of(heard) is CertificateFault.FOREIGN_AUTHORITY


def test_nobody_listening_is_no_answer() -> None:
    with pytest.raises(ConnectionRefusedError):
        meet(Recorded(free_port()))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LOCALHOST", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://school.example", True),
        ("http://127.0.0.1@school.example", True),
        ("http://127.0.0.1:8000", False),
        ("https://school.example", False),
    ],
)
def test_plain_http_to_another_machine_is_told_apart(address: str, expected: bool) -> None:
    assert is_plain_abroad(address) is expected


def test_an_error_that_says_nothing_of_certificates_is_no_fault() -> None:
    wrapped = ConnectionResetError("reset")
    wrapped.__cause__ = ssl.SSLEOFError(8, "EOF")

    assert certificate_fault(wrapped) is None
    assert certificate_fault(RuntimeError("x", wrapped)) is None
