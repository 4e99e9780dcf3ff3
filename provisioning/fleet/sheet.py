"""The sheet of claim codes: one HTML page that any browser prints."""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urlsplit

import segno

from protocol.v1.trust import ClaimLink, six_words

#: Modules of light around a code. Source: ISO/IEC 18004, 9.1.
_QUIET_MODULES = 4
_STYLE = """
@page { size: A4; margin: 12mm }
body { font: 11pt/1.35 system-ui, sans-serif; color: #000; background: #fff; margin: 0 auto;
  max-width: 186mm }
h1 { font-size: 15pt; margin: 0 0 2mm }
.notes { margin: 0 0 1mm }
.cards { display: grid; grid-template-columns: 1fr 1fr; gap: 5mm; list-style: none; margin: 5mm 0 0;
  padding: 0 }
.card { border: 0.3mm solid #666; border-radius: 2mm; padding: 4mm; break-inside: avoid }
.card h2 { font-size: 13pt; margin: 0; overflow-wrap: anywhere }
.card p { margin: 0.5mm 0; overflow-wrap: anywhere }
.card svg { display: block; width: 64mm; height: 64mm; margin: 2mm auto }
.code { font: bold 15pt ui-monospace, monospace; letter-spacing: 0.12em; text-align: center }
"""


@dataclass(frozen=True)
class SheetCard:
    """One kiosk on the sheet.

    Attributes:
        name: of the kiosk.
        room: where it hangs.
        code: its claim code.
        expires_at: ISO 8601, UTC.
    """

    name: str
    room: str
    code: str
    expires_at: str


def sheet(cards: list[SheetCard], *, server: str, fingerprint: str | None) -> str:
    """Return the sheet as one HTML file that loads nothing else.

    Args:
        cards: one for each kiosk, in the order of the sheet.
        server: scheme, host and port by which the kiosks reach it.
        fingerprint: of its certificate authority; None where it has a public certificate.
    """
    parts = urlsplit(server)
    address = f"{parts.scheme}://{parts.netloc}"
    words = " ".join(six_words(fingerprint)) if fingerprint else ""
    notes = [
        "Hold the code before the camera of the kiosk, or type the 8 characters on its screen.",
        "Each code works once. Destroy this sheet when the kiosks are claimed.",
    ]
    if words:
        notes.append(f"If the kiosk shows six words, compare them: {words}")
    items = "".join(_item(card, address, fingerprint) for card in cards)
    paragraphs = "".join(f'<p class="notes">{escape(note)}</p>' for note in notes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Claim codes</title><style>{_STYLE}</style></head>"
        f'<body><h1>Claim codes</h1>{paragraphs}<ul class="cards">{items}</ul></body></html>\n'
    )


def _item(card: SheetCard, server: str, fingerprint: str | None) -> str:
    link = ClaimLink(server, card.code, fingerprint).text()
    picture = segno.make_qr(link, error="m").svg_inline(
        border=_QUIET_MODULES, dark="#000", light="#fff", omitsize=True
    )
    until = datetime.fromisoformat(card.expires_at).astimezone()
    day = f"{until:%A} {until.day} {until:%B %Y, %H:%M}"
    return (
        f'<li class="card"><h2 dir="auto">{escape(card.name)}</h2>'
        f"<p>Room <bdi>{escape(card.room)}</bdi></p>{picture}"
        f'<p class="code">{escape(card.code)}</p>'
        f"<p>Server {escape(server)}</p><p>Valid until {escape(day)}</p></li>"
    )
