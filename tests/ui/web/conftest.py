"""A real server process, a real browser, and a recognition service that can be lost."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from models.stages.images import BGRImage
from tests.fakes.ml_server import API_KEY, MLServer, ml_server
from tests.support.browser import CHROMIUM
from tests.support.ports import free_port
from tests.support.processes import BIN, Process, running

PASSWORD = "correct horse battery"


@dataclass
class Site:
    """A running server.

    Attributes:
        url: its address.
        data_dir: its data folder.
        process: to read its log, or to kill it.
    """

    url: str
    data_dir: Path
    process: Process

    @property
    def one_time_password(self) -> str:
        """What the first start printed."""
        return (self.data_dir / "admin-password.txt").read_text().strip()

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                healthy: bool = json.load(answer)["status"] == "healthy"
                return healthy
        except OSError:
            return False


@pytest.fixture
def recognition() -> Iterator[MLServer]:
    """A recognition service over real HTTP that accepts every photo until told otherwise."""
    with ml_server() as server:
        yield server


@pytest.fixture
def recognition_url(recognition: MLServer) -> str:
    """Where the server looks for recognition."""
    return recognition.url


@pytest.fixture
def school_settings() -> dict[str, str]:
    """What the settings of the server say about the school."""
    return {"ROLLCALL_SERVER_SCHOOL_NAME": "Lindenhof School"}


@pytest.fixture
def site(
    tmp_path: Path, recognition_url: str, migrated_sqlite: Path, school_settings: dict[str, str]
) -> Iterator[Site]:
    """A server of its own, with an empty database."""
    port = free_port()
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, tmp_path / "data" / "rollcall.sqlite3")
    site = Site(f"http://localhost:{port}", tmp_path / "data", Process([], tmp_path / "log"))
    settings = {
        "ROLLCALL_SERVER_DATA_DIR": str(site.data_dir),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        "ROLLCALL_SERVER_JOB_LEASE_S": "2",
        "ML_SERVICE_URL": recognition_url,
        "ML_SERVICE_API_KEY": API_KEY,
        "ML_SERVICE_MAX_RETRIES": "0",
    } | school_settings
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=tmp_path / "log",
        ready=site.is_up,
        env=settings,
    ) as process:
        site.process = process
        yield site


@dataclass(frozen=True)
class Camera:
    """The clip that a browser plays in place of a camera.

    Attributes:
        path: of the clip; read from its start whenever a page starts the camera.
        face: what it shows, uint8 BGR of shape (480, 640, 3).
    """

    path: Path
    face: BGRImage

    def film(self, seed: int) -> None:
        """Film the face anew: with another seed no frame is the same file as one before.

        The server takes the same file for the same photo. A page that starts the camera again
        sees the clip from its start again, so each photo needs a clip of its own.
        """
        frames = [bytes(cv2.imencode(".jpg", one)[1]) for one in _noisy(self.face, seed)]
        new = self.path.with_suffix(".new")
        new.write_bytes(b"".join(frames))
        new.replace(self.path)


def _noisy(frame: BGRImage, seed: int) -> Iterator[BGRImage]:
    """Repeat a picture with a camera's noise: no two frames are the same file."""
    random = np.random.default_rng(seed)
    for _ in range(30):
        noise = random.normal(0, 2, frame.shape)
        yield np.clip(frame + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def camera(tmp_path: Path, assets: Path) -> Camera:
    """A camera that shows a face from the sample photos."""
    found = sorted(assets.rglob("person-1-a.jpg"))
    if not found:
        pytest.skip("needs the sample photos of the asset cache")
    picture = cv2.imread(str(found[0]))
    width = picture.shape[1]
    face = cv2.resize(picture[: width * 3 // 4], (640, 480), interpolation=cv2.INTER_AREA)
    camera = Camera(tmp_path / "camera.mjpeg", face.astype(np.uint8))
    camera.film(seed=0)
    return camera


@pytest.fixture
def camera_browser(browser: Browser, camera: Camera) -> Iterator[Browser]:
    """A browser with that camera."""
    fake_camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera.path}",
    ]
    own = browser.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *fake_camera]
    )
    yield own
    own.close()
