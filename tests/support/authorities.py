"""Certificate authorities and certificates for tests, made when they are needed."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEAR = timedelta(days=365)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Leaf:
    """A server's certificate and key, PEM."""

    certificate_pem: str
    key_pem: str

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Store both; returns the files of certificate and key."""
        certificate, key = folder / "leaf.pem", folder / "leaf.key"
        certificate.write_text(self.certificate_pem)
        key.write_text(self.key_pem)
        return certificate, key

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """Return the TLS context of a server with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.write(folder))
        return context


@dataclass(frozen=True)
class Authority:
    """A certificate authority."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    begins_at: datetime = field(default_factory=lambda: datetime.now(UTC) - YEAR)
    ends_at: datetime = field(default_factory=lambda: datetime.now(UTC) + 5 * YEAR)

    @cached_property
    def pem(self) -> str:
        """Its certificate."""
        key = self.key.public_key()
        built = _builder(self.name, self.name, key, self.begins_at, self.ends_at)
        limits = x509.BasicConstraints(ca=True, path_length=0)
        usage = _usage(is_authority=True)
        built = built.add_extension(limits, critical=True).add_extension(usage, critical=True)
        return _pem(built, self.key)

    def leaf(
        self,
        *names: str,
        begins_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Leaf:
        """Return a certificate for these names or addresses; 127.0.0.1 where there are none."""
        now, key = datetime.now(UTC), _key()
        begin, end = begins_at or now - timedelta(days=1), ends_at or now + YEAR
        alternatives = x509.SubjectAlternativeName([_name(one) for one in names or ("127.0.0.1",)])
        built = _builder("server", self.name, key.public_key(), begin, end)
        built = built.add_extension(alternatives, critical=False)
        built = built.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        return Leaf(_pem(built, self.key), _private(key))


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePublicKey,
    begins_at: datetime,
    ends_at: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_common(subject))
        .issuer_name(_common(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins_at)
        .not_valid_after(ends_at)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(built: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> str:
    signed = built.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
