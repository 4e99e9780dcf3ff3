"""A new server is believed by its fingerprint or by six words, and gets nothing secret before."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def meet(
    heard: Recorded, fingerprint: str | None = None, *, timeout_s: float = 5, proxy: str = ""
) -> Introduction:
    return introduce(
        heard.url,
        fingerprint=fingerprint,
        context_for=lambda pem: ssl.create_default_context(cadata=pem),
        timeout_s=timeout_s,
        proxy=proxy,
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


@contextmanager
def trickling(context: ssl.SSLContext | None, begins: bytes) -> Iterator[Recorded]:
    """Serve a client that never gets a whole answer: one more byte follows, again and again."""
    is_over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client = self.request
            with suppress(OSError):
                if context is not None:
                    client = context.wrap_socket(client, server_side=True)
                client.recv(1000)
                client.sendall(begins)
                while not is_over.wait(0.02):
                    client.sendall(b"a")
            client.close()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield Recorded(server.server_address[1])
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("is_tls", "begins"),
    [
        (True, b""),
        (True, b"HTTP/1.1 200 OK\r\nX: "),
        (True, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"),
        (True, b"HTTP/1.1 200 OK\r\n\r\n"),
        (False, b"\x16\x03\x03\x40\x00\x02"),
    ],
    ids=["status", "header", "body", "endless body", "handshake"],
)
def test_an_answer_that_trickles_ends_in_time(tmp_path: Path, is_tls: bool, begins: bytes) -> None:
    context = WORKS.server_context(tmp_path) if is_tls else None
    with trickling(context, begins) as heard, pytest.raises(TimeoutError):
        meet(heard, ca_fingerprint(SCHOOL.pem), timeout_s=0.2)


def test_a_proxy_that_trickles_ends_in_time() -> None:
    with trickling(None, b"HTTP/1.1 200 ") as proxy, pytest.raises(TimeoutError):
        meet(Recorded(1), timeout_s=0.2, proxy=f"http://127.0.0.1:{proxy.port}")


@contextmanager
def tunnelling(asked: list[bytes], target: Recorded) -> Iterator[str]:
    """A proxy that leads every tunnel to one server and writes down what it was asked."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.request.recv(65536))
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", target.port)) as there:
                back = threading.Thread(target=_pass_on, args=(there, self.request))
                back.start()
                _pass_on(self.request, there)
                back.join()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://tina:s%20t@127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_server_behind_a_proxy_is_met_through_it_alone(tmp_path: Path) -> None:
    asked: list[bytes] = []
    leaf = SCHOOL.leaf("rollcall.school.example")
    with server(tmp_path, leaf, offer(SCHOOL.pem)) as heard, tunnelling(asked, heard) as proxy:
        found = introduce(
            "https://rollcall.school.example",
            fingerprint=None,
            context_for=lambda pem: ssl.create_default_context(cadata=pem),
            timeout_s=5,
            proxy=proxy,
        )

    assert found.ca_pem == SCHOOL.pem
    assert len(asked) == 3
    assert all(one.startswith(b"CONNECT rollcall.school.example:443 ") for one in asked)
    assert all(b"Proxy-Authorization: Basic dGluYTpzIHQ=" in one for one in asked)
    assert b"Proxy-Authorization" not in heard.plain
    assert b"Host: rollcall.school.example\r\n" in heard.plain


def test_a_proxy_that_refuses_is_no_answer(tmp_path: Path) -> None:
    with (
        server(tmp_path, None, http(b"", "403 Forbidden")) as proxy,
        pytest.raises(OSError, match="403"),
    ):
        meet(Recorded(1), proxy=f"http://127.0.0.1:{proxy.port}")


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
