"""Make certificates: a school's authority, and what it signs. Nothing here touches a file."""

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LASTS = timedelta(days=3650)
LEAF_LASTS = timedelta(days=397)
#: A kiosk without a battery may start in 1970 and learns the time over this very link, so no
#: certificate of ours begins later. Only its end limits it.
BEGINS = datetime(1970, 1, 1, tzinfo=UTC)
#: Of a subject. Source: RFC 5280, appendix A.1, ub-common-name and ub-organization-name.
_MOST_CHARS = 64


class Use(StrEnum):
    """What a certificate is for; also the name of its file."""

    SERVER = "server"
    BROKER = "broker"
    ML_SERVICE = "ml-service"
    ML_CLIENT = "ml-client"


@dataclass(frozen=True)
class Signed:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def ends_at(self) -> datetime:
        """When it ends, UTC."""
        return self.certificate.not_valid_after_utc

    @property
    def certificate_pem(self) -> str:
        """The certificate alone, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def pem(self) -> str:
        """Certificate and unencrypted private key, PEM, for one file that is replaced at once."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return self.certificate_pem + key.decode()


def read_signed(pem: str) -> Signed:
    """Read what `Signed.pem` wrote.

    Raises:
        ValueError: it is something else.
    """
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not an elliptic curve key")
    if key.public_key() != certificate.public_key():
        raise ValueError("the key does not fit the certificate")
    return Signed(certificate, key)


def make_authority(school: str, at: datetime) -> Signed:
    """Make an authority that signs leaves and no other authority; it lasts ten years.

    Args:
        school: shown by browsers as who it belongs to.
        at: now, UTC.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    # Two authorities of a school must not have the same name, or a reader may try the wrong key.
    name = _name(f"Rollcall authority {secrets.token_hex(4)}", school)
    usage = _usage(signs_certificates=True)
    builder = (
        _begin(name, name, key.public_key(), at + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return Signed(builder.sign(key, hashes.SHA256()), key)


def issue(authority: Signed, use: Use, names: tuple[str, ...], at: datetime) -> Signed:
    """Make a certificate for one process; it lasts 397 days, and no longer than its authority.

    Args:
        authority: signs it.
        use: what it is for. The one of a client opens no listener, and the reverse.
        names: host names and addresses by which the process is reached.
        at: now, UTC.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    ends_at = min(at + LEAF_LASTS, authority.ends_at)
    role = (
        ExtendedKeyUsageOID.CLIENT_AUTH if use is Use.ML_CLIENT else ExtendedKeyUsageOID.SERVER_AUTH
    )
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    subject = _name(f"Rollcall {use}", "")
    builder = (
        _begin(subject, authority.certificate.subject, key.public_key(), ends_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([role]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
        .add_extension(signer, critical=False)
    )
    return Signed(builder.sign(authority.key, hashes.SHA256()), key)


def is_signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority's key signed a certificate."""
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate is for, in its order."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one.value) for one in found if isinstance(one, x509.DNSName | x509.IPAddress))


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGINS)
        .not_valid_after(ends_at.replace(microsecond=0))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organization: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization.strip():
        shown = organization.strip()[:_MOST_CHARS]
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, shown))
    return x509.Name(parts)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
