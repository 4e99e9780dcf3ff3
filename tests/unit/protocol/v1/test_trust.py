"""Fingerprints, six words and the text of the claim QR."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import trust

CODE = "7K3M9QRX"
FINGERPRINT = "0f" * 32

fingerprints = st.binary(min_size=32, max_size=32).map(bytes.hex)
codes = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8)
addresses = st.sampled_from(
    ["https://rollcall.school.example", "https://10.0.0.7:8000", "http://[fd00::7]:8000"]
)


def _certificate() -> x509.Certificate:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a school")])
    start = datetime(2026, 11, 27, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7)
    lasting = builder.not_valid_before(start).not_valid_after(start + timedelta(days=1))
    return lasting.sign(key, None)


def test_the_fingerprint_is_the_one_that_other_tools_show() -> None:
    certificate = _certificate()
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    expected = certificate.fingerprint(hashes.SHA256()).hex()
    assert trust.ca_fingerprint(pem) == expected
    other = _certificate().public_bytes(serialization.Encoding.PEM).decode()
    assert trust.ca_fingerprint(f"# made today\n{pem}{other}") == expected


@pytest.mark.parametrize("text", ["", "no certificate", ssl.PEM_HEADER, ssl.PEM_FOOTER])
def test_a_text_without_a_certificate_has_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        trust.ca_fingerprint(text)


def test_known_fingerprints_have_known_words() -> None:
    """Both sides must agree for years; BIP-39's own vectors begin with these words."""
    assert trust.six_words("00" * 32) == ("abandon",) * 6
    assert trust.six_words("ff" * 32) == ("zoo",) * 6
    assert trust.six_words("7f" * 32) == ("legal", "winner", "thank", "year", "wave", "sausage")


@given(fingerprints, fingerprints)
def test_equal_words_mean_equal_first_66_bits(one: str, two: str) -> None:
    are_equal = int(one, 16) >> 190 == int(two, 16) >> 190
    assert (trust.six_words(one) == trust.six_words(two)) is are_equal


@pytest.mark.parametrize("text", ["", "0f" * 31, "0F" * 32, "0g" * 32, "0f" * 33])
def test_what_is_no_fingerprint_has_no_words(text: str) -> None:
    with pytest.raises(ValueError, match="no fingerprint"):
        trust.six_words(text)


@given(addresses, codes, st.none() | fingerprints)
def test_a_claim_link_reads_back(address: str, code: str, fingerprint: str | None) -> None:
    link = trust.ClaimLink(address, code, fingerprint)
    assert trust.read_claim_link(link.text()) == link


@given(st.text(max_size=600))
def test_any_text_is_a_link_or_a_clear_refusal(text: str) -> None:
    with pytest.raises(trust.ClaimLinkError):
        trust.read_claim_link(text)


@given(
    st.lists(st.text(max_size=90), min_size=3, max_size=3),
)
def test_any_text_in_the_parts_is_whole_or_refused(parts: list[str]) -> None:
    text = "|".join(["rollcall-claim:1", *parts])
    try:
        link = trust.read_claim_link(text)
    except trust.ClaimLinkError:
        return
    assert link.text() == text


@pytest.mark.parametrize(
    "text",
    [
        f"rollcall-claim:2|{CODE}|{FINGERPRINT}|https://a.example",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|ftp://a.example",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://user:secret@a.example",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a.example/path",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a.example?x=1",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a.example:99999",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a%2eexample",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT[:-1]}|https://a.example",
        f"rollcall-claim:1|{CODE.lower()}|{FINGERPRINT}|https://a.example",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a.example|more",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://{'a' * 500}.example",
        f"rollcall-claim:1|{CODE}|{FINGERPRINT}|https://a.example\n",
    ],
)
def test_a_hostile_link_is_refused(text: str) -> None:
    with pytest.raises(trust.ClaimLinkError):
        trust.read_claim_link(text)
