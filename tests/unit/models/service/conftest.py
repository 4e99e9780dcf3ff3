"""The service in process, with its real models, and pictures to send it."""

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

from models.service.app import create_app, open_parts
from models.service.config import Settings, load_settings
from models.service.logs import configure_logging

KEY = "a-key-for-tests-only"


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings(
        embedder="dlib-resnet-v1",
        api_key=KEY,
        match_keys=KEY,
        workers=1,
        queue_limit=4,
        max_body_bytes=8_000_000,
        rate_per_minute=0,
        match_per_minute=0,
    )


@pytest.fixture(scope="session")
def app(settings: Settings, assets: Path) -> FastAPI:
    del assets
    return create_app(settings, open_parts(settings))


@pytest.fixture(scope="session")
def session_client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"X-API-Key": KEY}) as client:
        yield client


@pytest.fixture
def client(session_client: TestClient) -> TestClient:
    return session_client


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Undo what the service does to logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture
def logged() -> Callable[[], list[dict[str, object]]]:
    """What the service logs during the test, parsed."""
    stream = io.StringIO()
    configure_logging("debug", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def as_base64(picture_bgr: NDArray[np.uint8], extension: str = ".jpg") -> str:
    is_good, data = cv2.imencode(extension, picture_bgr)
    assert is_good
    return base64.b64encode(data.tobytes()).decode()
