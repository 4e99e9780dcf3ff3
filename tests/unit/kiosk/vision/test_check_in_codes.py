"""Codes of phones and printed cards are read out of camera pictures; other codes are ignored."""

import io
import uuid

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.check_in_codes import check_in_reader, check_in_scanner
from protocol.v1.checkin import make_check_in_code, make_printed_card
from tests.fakes.kiosk_clock import START
from tests.fakes.school import SERVER_KEY
from tests.support.waiting import wait_until
from tests.unit.kiosk.vision.test_claim_codes import LINK, Feed, code, in_view

PHONE = make_check_in_code(uuid.UUID(int=7), START, SERVER_KEY)
CARD = make_printed_card()


@pytest.mark.parametrize("text", [PHONE, CARD], ids=["phone", "card"])
@pytest.mark.parametrize(
    ("side_px", "turn_deg", "blur_px"),
    [(300, 0, 0), (300, 17, 0), (300, 200, 1), (150, 0, 0), (170, 17, 1), (220, 0, 1.6)],
)
def test_a_code_is_read_at_640x480(
    text: str, side_px: int, turn_deg: float, blur_px: float
) -> None:
    picture = in_view(text, side_px=side_px, turn_deg=turn_deg, blur_px=blur_px)

    assert check_in_reader().find(picture) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/menu",
        LINK.text(),
        "RC1",
        "RCC1:ABC",
        "RC2:A",
        "RC1:X",
        "RC1:" + "A" * 600,
    ],
)
def test_other_codes_are_ignored(text: str) -> None:
    assert check_in_reader().find(code(text)) is None


def test_a_code_beside_another_code_is_found() -> None:
    both = np.hstack([cv2.resize(code(text), (300, 300)) for text in ("menu", PHONE)])

    assert check_in_reader().find(both.astype(np.uint8)) == PHONE


OTHERS = make_check_in_code(uuid.UUID(int=8), START, SERVER_KEY)


@pytest.mark.parametrize("beside", [OTHERS, CARD, "RC1:X"], ids=["another", "card", "junk"])
def test_a_sticker_in_view_hides_no_code(beside: str) -> None:
    seen: list[str] = []
    scanner = check_in_scanner(Feed(code(PHONE)), seen.append)
    sticker, phone = (
        cv2.resize(code(text), (side, side)) for text, side in ((beside, 300), (PHONE, 300))
    )
    scanner.look(Frame(sticker.astype(np.uint8), 0.0, 0))
    scanner.look(Frame(np.hstack([sticker, phone]).astype(np.uint8), 0.0, 1))
    scanner.look(Frame(np.hstack([sticker, phone]).astype(np.uint8), 0.0, 2))

    assert seen.count(PHONE) == 1
    assert len(seen) == len(set(seen))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=120), st.sampled_from([b"", b"RC1:", b"RCC1:"]))
def test_whatever_bytes_a_code_holds_the_reader_goes_on(content: bytes, prefix: bytes) -> None:
    reader = check_in_reader()
    drawn = io.BytesIO()
    segno.make(prefix + content, micro=False, mode="byte").save(drawn, kind="png", scale=4)
    picture = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)

    found = reader.find(picture.astype(np.uint8))

    assert found is None or found.startswith("RC")
    assert reader.find(code(PHONE)) == PHONE


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (480, 640, 3)])
def test_noise_holds_no_code(shape: tuple[int, int, int]) -> None:
    picture: BGRImage = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)

    assert check_in_reader().find(picture) is None


def test_each_code_is_told_once_while_it_stays_in_view() -> None:
    seen: list[str] = []
    scanner = check_in_scanner(Feed(code(PHONE)), seen.append)
    for index, text in enumerate([PHONE, PHONE, CARD, CARD]):
        scanner.look(Frame(code(text), 0.0, index))

    assert seen == [PHONE, CARD]


def test_nothing_is_looked_at_any_more_when_no_code_is_wanted() -> None:
    feed = Feed(code(PHONE))
    seen: list[str] = []
    scanner = check_in_scanner(feed, seen.append)
    scanner.start()
    scanner.want(is_wanted=True)
    wait_until(lambda: seen == [PHONE], what="the code")
    scanner.want(is_wanted=False)
    scanner.stop()

    assert seen == [PHONE]
