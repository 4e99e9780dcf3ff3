"""The claim QR is read out of pictures as a camera takes them, and nothing else counts."""

import io
import threading
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.claim_codes import claim_reader, claim_scanner
from kiosk.vision.code_scanner import CodeScanner
from protocol.v1.trust import ClaimLink
from tests.support.waiting import wait_until

LINK = ClaimLink("https://rollcall.school.example:8443", "7KQ2M9TX", "a1" * 32)


def code(text: str, module_px: int = 5) -> BGRImage:
    """Render a QR code as the server's page does: black on white with its quiet zone."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="png", scale=module_px, border=4)
    picture = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    return picture.astype(np.uint8)


def in_view(
    text: str, *, side_px: int = 300, turn_deg: float = 0.0, blur_px: float = 0.0
) -> BGRImage:
    """Show a code on a screen in front of a corridor: (480, 640, 3), noisy, not evenly lit."""
    chance = np.random.default_rng(7)
    scene = chance.integers(70, 110, (480, 640, 3)).astype(np.float32)
    drawn = cv2.resize(code(text), (side_px, side_px), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D((side_px / 2, side_px / 2), turn_deg, 1.0)
    turn = turn + np.array([[0, 0, 320 - side_px / 2], [0, 0, 240 - side_px / 2]])
    shown = cv2.warpAffine(drawn, turn, (640, 480), borderValue=(0, 0, 0)).astype(np.float32)
    mask = cv2.warpAffine(np.ones_like(drawn), turn, (640, 480))
    scene = np.where(mask > 0, 25 + shown * 0.75, scene)
    scene = scene * np.linspace(0.8, 1.1, 640)[None, :, None] + chance.normal(0, 4, scene.shape)
    if blur_px:
        scene = cv2.GaussianBlur(scene, (0, 0), blur_px)
    shot: BGRImage = np.clip(scene, 0, 255).astype(np.uint8)
    return shot


@pytest.mark.parametrize(
    "picture",
    [
        code(LINK.text()),
        in_view(LINK.text()),
        in_view(LINK.text(), turn_deg=17),
        in_view(LINK.text(), turn_deg=90),
        in_view(LINK.text(), turn_deg=200),
        in_view(LINK.text(), side_px=190),
        in_view(LINK.text(), blur_px=1.2),
        cv2.resize(in_view(LINK.text()), (1920, 1440)).astype(np.uint8),
    ],
    ids=["plain", "scene", "17", "90", "200", "small", "blurred", "large camera"],
)
def test_a_claim_is_read_from_a_picture(picture: BGRImage) -> None:
    assert claim_reader().find(picture) == LINK


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/menu",
        "WIFI:S:school;T:WPA;P:secret;;",
        LINK.text().replace("https://", "javascript:"),
        LINK.text() + "/../admin",
        LINK.text().replace("7KQ2M9TX", "7KQ2M9T|"),
        "rollcall-claim:2|" + LINK.text(),
        "rollcall-claim:1" + "|" * 40,
        "\x1b[2J\x00%s%n" * 4,
        "مرحبا 👋",
        "A" * 1200,
    ],
)
def test_other_codes_are_ignored(text: str) -> None:
    assert claim_reader().find(code(text)) is None


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.full((1, 1, 3), 255, np.uint8),
        np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8),
    ],
    ids=["black", "one pixel", "noise"],
)
def test_a_picture_without_a_code_has_none(picture: BGRImage) -> None:
    assert claim_reader().find(picture) is None


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=60))
def test_whatever_bytes_a_code_holds_the_reader_goes_on(content: bytes) -> None:
    reader = claim_reader()
    drawn = io.BytesIO()
    segno.make(content, micro=False, mode="byte").save(drawn, kind="png", scale=4, border=4)
    picture = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)

    assert reader.find(picture.astype(np.uint8)) is None
    assert reader.find(code(LINK.text())) == LINK


class Feed:
    """A camera whose newest frame always is another one with the same picture."""

    def __init__(self, picture: BGRImage) -> None:
        self.picture = picture
        self.asked = 0

    def wait_newer(self, index: int, timeout_s: float) -> Frame | None:
        del timeout_s
        self.asked += 1
        return Frame(self.picture, 0.0, index + 1)


def scanning(feed: Feed, on_link: Callable[[ClaimLink], None]) -> CodeScanner[ClaimLink]:
    scanner = claim_scanner(feed, on_link)
    scanner.start()
    return scanner


def test_a_code_that_stays_in_view_is_told_once() -> None:
    seen: list[ClaimLink] = []
    feed = Feed(code(LINK.text()))
    scanner = scanning(feed, seen.append)
    scanner.want(is_wanted=True)
    wait_until(lambda: feed.asked > 2, what="three looks")
    scanner.stop()

    assert seen == [LINK]


def test_nothing_is_looked_at_while_no_code_is_wanted() -> None:
    feed = Feed(code(LINK.text()))
    scanner = scanning(feed, lambda _link: None)
    scanner.stop()

    assert feed.asked == 0


def test_a_fault_of_the_listener_does_not_end_the_scanner(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = threading.Event()

    def fails(_link: ClaimLink) -> None:
        told.set()
        raise RuntimeError("x")

    feed = Feed(code(LINK.text()))
    scanner = scanning(feed, fails)
    scanner.want(is_wanted=True)
    wait_until(lambda: feed.asked > 1, what="another look")
    scanner.stop()

    assert told.is_set()
    assert "unexpected error while looking for a claim code" in caplog.text
