"""Which broker the server gives its password to, when the file of authorities changes."""

import socket
import ssl
from pathlib import Path

import pytest

from server.certificates.authority import Use
from server.mqtt.link import BrokerTrust
from tests.support.certificates import eavesdropper, school


def _connect(trust: BrokerTrust, port: int) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        trust.context.wrap_socket(raw, server_hostname="127.0.0.1") as secure,
    ):
        secure.do_handshake()


def test_authority_that_was_taken_out_is_trusted_no_more(tmp_path: Path) -> None:
    former, new = (school(tmp_path / name, Use.BROKER) for name in ("a", "b"))
    named = tmp_path / "authorities.pem"
    named.write_text(former.authorities.read_text())
    trust = BrokerTrust(named)
    with eavesdropper(former, Use.BROKER) as first, eavesdropper(new, Use.BROKER) as second:
        _connect(trust, first.port)
        with pytest.raises(ssl.SSLCertVerificationError):
            _connect(trust, second.port)
        named.write_text(new.authorities.read_text())
        trust.look()
        _connect(trust, second.port)
        with pytest.raises(ssl.SSLCertVerificationError):
            _connect(trust, first.port)


@pytest.mark.parametrize("content", [None, "", "damaged"])
def test_file_that_cannot_be_read_changes_nothing(tmp_path: Path, content: str | None) -> None:
    folder = school(tmp_path / "a", Use.BROKER)
    named = tmp_path / "authorities.pem"
    named.write_text(folder.authorities.read_text())
    trust = BrokerTrust(named)
    named.unlink()
    if content is not None:
        named.write_text(content)
    trust.look()
    with eavesdropper(folder, Use.BROKER) as broker:
        _connect(trust, broker.port)


def test_public_authorities_do_not_vouch_for_a_school(tmp_path: Path) -> None:
    with (
        eavesdropper(school(tmp_path, Use.BROKER), Use.BROKER) as broker,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        _connect(BrokerTrust(None), broker.port)
