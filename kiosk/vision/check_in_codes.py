"""Finds the QR of a phone or of a printed card in the camera's picture."""

from collections.abc import Callable

from kiosk.vision.code_scanner import CodeScanner, QRReader
from kiosk.vision.worker import FrameFeed
from protocol.v1.checkin import is_check_in_code, is_printed_card


def check_in_reader() -> QRReader[str]:
    """Return a reader of check-in codes and printed cards; nothing is verified yet."""
    return QRReader(_own_text)


def check_in_scanner(feed: FrameFeed, on_text: Callable[[str], None]) -> CodeScanner[str]:
    """Return a scanner that looks for codes of phones and printed cards.

    Args:
        feed: frames.
        on_text: hears the text of each code; a code that stays in view is told once.
    """
    return CodeScanner(feed, check_in_reader(), on_text, "check-in code")


def _own_text(text: str) -> str | None:
    return text if is_check_in_code(text) or is_printed_card(text) else None
