"""One picture: the pixels of a screen are a reason against a face, and nothing is one for it."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from tests.unit.models.service.conftest import as_base64

Picture = NDArray[np.uint8]
Photo = Callable[[str], Picture]


def on_a_screen(picture: Picture) -> Picture:
    """The picture with the fine pattern of a screen whose pixels the camera resolves."""
    height, width = picture.shape[:2]
    columns = np.sin(np.arange(width) * 2 * np.pi * 0.31)
    rows = np.sin(np.arange(height) * 2 * np.pi * 0.27)
    pattern = 1.0 + 0.2 * columns[None, :, None] * rows[:, None, None]
    return np.asarray(np.clip(picture * pattern, 0, 255), np.uint8)


@pytest.mark.parametrize("path", ["/api/ml/detect-faces", "/api/ml/encode-face", "/api/v1/faces"])
def test_a_portrait_is_neither_and_a_screen_is_not_live(
    client: TestClient, photo: Photo, path: str
) -> None:
    portrait = photo("person-1-a.jpg")

    found = [
        client.post(path, json={"image_base64": as_base64(picture, ".png")}).json()
        for picture in (portrait, on_a_screen(portrait))
    ]

    faces = [body["faces"][0] if "faces" in body else body["metadata"] for body in found]
    assert [(face["is_live"], face["is_live_reason"]) for face in faces] == [
        (None, "ONE_PICTURE"),
        (False, "SCREEN_PATTERN"),
    ]
