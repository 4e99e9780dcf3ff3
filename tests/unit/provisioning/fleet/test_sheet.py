"""The printed sheet: each code can be scanned, and no name can do anything in a browser."""

import re

import pytest
import segno

from protocol.v1.trust import ClaimLink, read_claim_link, six_words
from provisioning.fleet.sheet import SheetCard, sheet

FINGERPRINT = "ab" * 32
CARDS = [
    SheetCard("Door of R12", "R12", "7KQ2M9TX", "2026-11-29T10:00:00Z"),
    SheetCard(
        '<script>alert("x")</script>', "باب & </title>", "8KQ2M9TX", "2026-11-29T10:00:00+00:00"
    ),
]


@pytest.fixture
def page() -> str:
    return sheet(CARDS, server="https://rollcall.example.org/", fingerprint=FINGERPRINT)


def test_each_kiosk_has_its_code_address_and_words(page: str) -> None:
    assert page.count('<li class="card">') == page.count("<svg") == 2
    assert "7KQ2M9TX" in page
    assert "Server https://rollcall.example.org<" in page
    assert " ".join(six_words(FINGERPRINT)) in page
    assert re.search(r"Valid until (Saturday|Sunday|Monday) \d+ November 2026, \d\d:\d\d", page)


def test_the_picture_is_the_claim_that_a_kiosk_reads(page: str) -> None:
    link = ClaimLink("https://rollcall.example.org", "7KQ2M9TX", FINGERPRINT)
    assert read_claim_link(link.text()) == link
    picture = segno.make_qr(link.text(), error="m").svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True
    )
    assert picture in page


def test_names_are_text_and_nothing_is_loaded(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;/title&gt;" in page
    assert not re.search(r"(src|href|url\()\s*=?", page)
