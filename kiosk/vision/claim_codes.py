"""Finds the claim QR in the camera's picture, while the kiosk waits for a claim code."""

from collections.abc import Callable

from kiosk.vision.code_scanner import CodeScanner, QRReader
from kiosk.vision.worker import FrameFeed
from protocol.v1.trust import ClaimLink, ClaimLinkError, read_claim_link


def claim_reader() -> QRReader[ClaimLink]:
    """Return a reader of claims; what is no claim of Rollcall's is ignored."""
    return QRReader(_claim)


def claim_scanner(feed: FrameFeed, on_link: Callable[[ClaimLink], None]) -> CodeScanner[ClaimLink]:
    """Return a scanner that looks for a claim QR.

    Args:
        feed: frames.
        on_link: hears of each claim that is seen; a code that stays in view is told once.
    """
    return CodeScanner(feed, claim_reader(), on_link, "claim code")


def _claim(text: str) -> ClaimLink | None:
    try:
        return read_claim_link(text)
    except ClaimLinkError:
        return None
