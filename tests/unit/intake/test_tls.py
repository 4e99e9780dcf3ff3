"""A listener's certificate is renewed while it serves."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from intake.tls import CertificateFileError, ServedCertificate
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.db.types import now
from tests.support.certificates import ended, school


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes | None:
    """Shake hands in memory; return the certificate that the client accepted, DER."""
    return _call(server, client).getpeercert(binary_form=True)


def _call(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    listener = server.wrap_bio(to_server, to_client, server_side=True)
    caller = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1", session=session)
    for _ in range(4):
        for side in (caller, listener):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    with suppress(ssl.SSLWantReadError):
        caller.read()  # a ticket for another time, if there is one
    return caller


def _client(folder: CertificateFolder) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder.authorities))


def test_renewed_file_is_taken_without_a_restart(tmp_path: Path) -> None:
    folder = ended(tmp_path, Use.SERVER)
    served = ServedCertificate(folder.leaf(Use.SERVER))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _handshake(served.context, _client(folder))
    assert not served.look()
    folder.ensure(at=now())
    assert served.look()
    assert _handshake(served.context, _client(folder))


def test_unusable_file_leaves_the_earlier_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = school(tmp_path, Use.SERVER)
    leaf = folder.leaf(Use.SERVER)
    served = ServedCertificate(leaf)
    good = leaf.read_text()
    for damaged in ("", good[: len(good) // 2]):
        leaf.write_text(damaged)
        assert not served.look()
        assert _handshake(served.context, _client(folder))
    leaf.unlink()
    assert not served.look()
    assert len(caplog.records) == 1
    leaf.write_text(good)
    assert served.look()


def test_key_of_another_certificate_changes_nothing(tmp_path: Path) -> None:
    folder, other = school(tmp_path / "a", Use.SERVER), school(tmp_path / "b", Use.SERVER)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    for path in (certificate, key):
        path.write_text(folder.leaf(Use.SERVER).read_text())
    served = ServedCertificate(certificate, key)
    key.write_text(other.leaf(Use.SERVER).read_text())
    assert not served.look()
    assert _handshake(served.context, _client(folder))


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_file_that_is_no_certificate_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CertificateFileError, match=r"certificate\.pem"):
        ServedCertificate(path)


def test_caller_without_a_certificate_is_not_let_in(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.ML_SERVICE, Use.ML_CLIENT)
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=folder.authorities)
    stranger = _client(folder)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        _handshake(served.context, stranger)
    known = _client(folder)
    known.load_cert_chain(folder.leaf(Use.ML_CLIENT))
    assert _handshake(served.context, known)


def test_certificate_of_a_listener_opens_no_door_as_a_caller(tmp_path: Path) -> None:
    folder = school(tmp_path, Use.ML_SERVICE, Use.BROKER)
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=folder.authorities)
    caller = _client(folder)
    caller.load_cert_chain(folder.leaf(Use.BROKER))
    with pytest.raises(ssl.SSLError):
        _handshake(served.context, caller)


def _known(folder: CertificateFolder, authorities: CertificateFolder) -> ssl.SSLContext:
    """A caller with a certificate of one school that trusts another's service."""
    caller = _client(authorities)
    caller.load_cert_chain(folder.leaf(Use.ML_CLIENT))
    return caller


def test_authority_of_callers_that_was_taken_out_opens_no_door(tmp_path: Path) -> None:
    ours, other = school(tmp_path / "a", *Use), school(tmp_path / "b", Use.ML_CLIENT)
    named = tmp_path / "callers.pem"
    named.write_text(ours.authorities.read_text())
    served = ServedCertificate(ours.leaf(Use.ML_SERVICE), client_ca=named)
    former, new = _known(ours, ours), _known(other, ours)
    with pytest.raises(ssl.SSLError):
        _handshake(served.context, new)
    named.write_text(ours.authorities.read_text() + other.authorities.read_text())
    assert served.look()
    session = _call(served.context, former).session
    assert _handshake(served.context, new)

    named.write_text(other.authorities.read_text())
    assert served.look()
    for kept in (None, session):
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            _call(served.context, former, kept)
    assert _handshake(served.context, new)


def test_unusable_authorities_of_callers_leave_the_earlier_ones(tmp_path: Path) -> None:
    folder = school(tmp_path / "a", *Use)
    named = tmp_path / "callers.pem"
    named.write_text(folder.authorities.read_text())
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=named)
    for content in ("", "no certificate"):
        named.write_text(content)
        assert not served.look()
        assert _handshake(served.context, _known(folder, folder))


def test_service_that_asks_for_certificates_is_renewed_too(tmp_path: Path) -> None:
    folder = ended(tmp_path, Use.ML_SERVICE, Use.ML_CLIENT)
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=folder.authorities)
    folder.ensure(at=now())
    assert served.look()
    assert _handshake(served.context, _known(folder, folder))


def test_caller_cannot_ask_for_the_version_that_skips_the_check(tmp_path: Path) -> None:
    folder = school(tmp_path, *Use)
    served = ServedCertificate(folder.leaf(Use.ML_SERVICE), client_ca=folder.authorities)
    caller = _known(folder, folder)
    caller.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        _handshake(served.context, caller)
