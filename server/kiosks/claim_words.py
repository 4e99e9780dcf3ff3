"""What a page shows for a claim: the QR code, the address, and six words to compare."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from markupsafe import Markup

from protocol.v1.trust import ClaimLink, ca_fingerprint, six_words
from server.certificates.links import Links
from server.certificates.names import is_loopback
from server.web.qr import qr_picture, server_address


@dataclass(frozen=True)
class ClaimCard:
    """How a kiosk may claim.

    Attributes:
        address: of the server as kiosks reach it, without a path.
        is_out_of_reach: whether only this very machine reaches that address.
        qr: the picture, SVG.
        words: to compare on both screens where the code is typed; empty where there is no
            authority of the school's.
    """

    address: str
    is_out_of_reach: bool
    qr: Markup
    words: tuple[str, ...]


def claim_offer(request: Request, links: Links, code: str) -> ClaimCard:
    """Put together what a kiosk needs for a claim with this code."""
    address = server_address(request, links.settings)
    authorities = links.offered_authorities()
    fingerprint = ca_fingerprint(authorities) if authorities else None
    text = ClaimLink(address, code, fingerprint).text()
    return ClaimCard(
        address=address,
        is_out_of_reach=is_loopback(urlsplit(address).hostname or ""),
        qr=qr_picture(text, "claim-qr"),
        words=six_words(fingerprint) if fingerprint else (),
    )


def words_to_compare(links: Links) -> tuple[str, ...]:
    """Return the six words of the authority that signs now; none without one of the school's."""
    authorities = links.offered_authorities()
    return six_words(ca_fingerprint(authorities)) if authorities else ()
