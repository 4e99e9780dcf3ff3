"""People on film: enrolled at the enrolment page's webcam from one clip, recognised in others."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.demo.processes import Supervisor
from scripts.demo.report import present_numbers
from scripts.demo.run import Demo
from scripts.demo.school import Student, admit
from tests.support.browser import chromium
from tests.support.clips import BGRImage, frames_of, jpeg, nearer, write_door
from tests.support.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420), pytest.mark.usefixtures("assets")]

ENROLLED = {"S001": "again", "S002": "please", "S003": "school"}
SEEN = {"S001": ("student", "yes"), "S002": ("sorry", "milk"), "S003": ("walk", "book")}
STRANGER = ("night", "sister")
PHOTOS = int(os.environ.get("ROLLCALL_TEST_PHOTOS", "3"))
"""One photo or three: docs/measurements/clips-sface.md has the figures of both."""


def write_webcam(path: Path, frames: Sequence[BGRImage]) -> Path:
    """Chromium's fake webcam takes JPEG pictures one after another."""
    path.write_bytes(b"".join(jpeg(frame) for frame in frames))
    return path


def enrol_at_webcam(page: Page, url: str) -> None:
    """Do what a secretary does: wait for the oval to turn good, take photos until three are in."""
    page.goto(url)
    page.click("#start")
    accepted = 0
    for attempt in range(1, 16):
        if accepted:
            # Nobody turns their head in a clip: a picture that was judged has to do.
            page.wait_for_event("response", lambda answer: "/guidance" in answer.url)
        else:
            expect(page.locator("#oval.is-good")).to_be_attached(timeout=20_000)
        page.click("#shoot")
        page.click("#send")
        expect(page.locator("#result > li")).to_have_count(attempt)
        newest = page.locator("#result > li").first
        outcome = newest.locator("[data-status=accepted], [data-status=rejected]")
        outcome.wait_for(timeout=60_000)
        accepted += outcome.get_attribute("data-status") == "accepted"
        if accepted == PHOTOS:
            return
        page.click("#again")
    raise AssertionError(f"no frame was good enough: {page.inner_text('#result')}")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    ports = {name: free_port() for name in ("server", "ml", "broker")}
    supervisor = Supervisor(tmp_path / "log", echo=False)
    (tmp_path / "pictures").mkdir()
    try:
        running = Demo(supervisor, tmp_path / "data", tmp_path / "pictures", ports, broker="auto")
        running.start_services()
        running.open_school()
        running.switch_liveness_off()  # the register here is about recognition alone
        yield running
    finally:
        supervisor.stop_all()


def seen_at_the_door(demo: Demo, visitors: Sequence[Path]) -> set[str]:
    """Let these people walk up to the kiosk, one after another; who is present after that."""
    door = write_door(demo.scratch / "door.avi", visitors)
    demo.start_kiosk(f"replay:{door}", headless=True)
    demo.wait_for_kiosk()
    return present_numbers(demo.register())


def test_three_enrolled_from_one_clip_are_known_in_others_and_a_fourth_is_not(
    demo: Demo, shared_faces: Path, tmp_path: Path
) -> None:
    clips = shared_faces / "clips"
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    for number, clip in ENROLLED.items():
        person = admit(demo.client, demo.school, Student(number, "Person", number))
        film = nearer(frames_of(clips / f"{clip}.mkv"), pipeline)
        webcam = write_webcam(tmp_path / f"{clip}.mjpeg", film)
        with chromium(
            [
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={webcam}",
            ]
        ) as browser:
            context = browser.new_context()
            context.add_cookies(demo.client.cookies)  # type: ignore[arg-type]
            enrol_at_webcam(context.new_page(), f"{demo.server_url}/people/{person}/enrol")
    assert seen_at_the_door(demo, [clips / f"{name}.mkv" for name in STRANGER]) == set()
    assert demo.stranger_was_refused()
    visitors = [name for pair in zip(*SEEN.values(), strict=True) for name in pair]
    assert seen_at_the_door(demo, [clips / f"{name}.mkv" for name in visitors]) == set(SEEN)
