"""A real HTTP server that plays the recognition service, and misbehaves on demand."""

import base64
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from server.ml.blank_picture import blank_picture

API_KEY = "the-key-of-the-test"
EMBEDDING = [i / 128 for i in range(128)]
ACCEPTED: dict[str, Any] = {
    "success": True,
    "embedding": EMBEDDING,
    "face_location": {"top": 1, "right": 2, "bottom": 3, "left": 0},
    "metadata": {
        "face_area_ratio": 0.25,
        "image_dimensions": [640, 480],
        "model_id": "dlib-resnet-v1",
        "quality": {"reasons": []},
    },
}
FACES: dict[str, Any] = {
    "faces": [
        {
            "box": {"left": 0, "top": 1, "width": 2, "height": 2},
            "area_ratio": 0.25,
            "landmarks_presence": 0.99,
            "quality": {"reasons": [], "blocking": [], "measures": {}, "pose": None},
            "templates": [
                {
                    "model_id": "dlib-resnet-v1",
                    "dimension": 128,
                    "values_base64": base64.b64encode(struct.pack("<128f", *EMBEDDING)).decode(),
                }
            ],
        }
    ],
    "image": {"width": 640, "height": 480},
    "processing_time_ms": 1.0,
}
#: A good face that looks into the camera; limits as the real service has them.
QUALITY: dict[str, Any] = {
    "success": True,
    "face": FACES["faces"][0]
    | {
        "quality": {
            "reasons": [],
            "blocking": [],
            "measures": {
                "side": {"value": 180.0, "unit": "px", "least": 60.0, "most": None},
                "area": {"value": 0.25, "unit": "", "least": 0.0, "most": None},
                "sharpness": {"value": 240.0, "unit": "grey^2", "least": 60.0, "most": None},
                "brightness": {"value": 120.0, "unit": "grey", "least": 45.0, "most": 220.0},
                "yaw": {"value": 2.0, "unit": "deg", "least": -30.0, "most": 30.0},
                "pitch": {"value": -3.0, "unit": "deg", "least": -25.0, "most": 25.0},
                "roll": {"value": 1.0, "unit": "deg", "least": -25.0, "most": 25.0},
                "eyes_open": {"value": 0.28, "unit": "", "least": 0.13, "most": None},
                "covered": {"value": 0.02, "unit": "", "least": None, "most": 0.5},
                "off_centre": {"value": 0.08, "unit": "", "least": None, "most": 0.35},
            },
            "pose": {"yaw_deg": 2.0, "pitch_deg": -3.0, "roll_deg": 1.0},
        }
    },
    "faces_count": 1,
    "image": {"width": 480, "height": 360},
    "processing_time_ms": 1.0,
}
NOTHING_FOUND: dict[str, Any] = {
    "set_aside": [],
    "duplicates": [],
    "look_alikes": [],
    "limits": {"outlier": 0.6, "duplicate": 0.5, "look_alike": 0.55},
}
HEALTHY: dict[str, Any] = {
    "status": "healthy",
    "models": {"detector": "d", "landmarks": "l", "embedders": ["dlib-resnet-v1"]},
}
NO_ENDPOINT = {"success": False, "error_code": "NOT_FOUND", "error": "There is nothing here."}
_BLANK = base64.b64encode(blank_picture()).decode()
Behaviour = Callable[["_Handler"], None]


@dataclass
class MLServer:
    """What the test sees of it.

    Attributes:
        url: base address.
        behaviours: how the next posts are answered; the last one stays.
        requests: headers and body of every post.
        paths: where to, in the same order.
        is_healthy: what /health says.
        health: how /health is answered otherwise.
        origins: how /api/v1/models is answered; None: there is no such endpoint.
        proofs: how many pictures without a face came; they are no requests.
        hang: set at the end, so that slow answers end with the test.
    """

    url: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    is_healthy: bool = True
    health: Behaviour | None = None
    origins: Behaviour | None = None
    proofs: int = 0
    hang: threading.Event = field(default_factory=threading.Event)

    def behave(self, *behaviours: Behaviour) -> None:
        """Answer the next posts like this, and all later ones like the last."""
        self.behaviours[:] = behaviours


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state: MLServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    is_blank = False
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state = self.server.state
        if self.path == "/api/v1/models":
            (state.origins or answer(404, NO_ENDPOINT))(self)
            return
        health = state.health or answer(200 if state.is_healthy else 503, HEALTHY)
        health(self)

    def do_POST(self) -> None:
        state = self.server.state
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content = json.loads(body)
        self.is_blank = content.get("image_base64") == _BLANK
        if self.is_blank:
            state.proofs += 1
        else:
            state.paths.append(self.path)
            state.requests.append((dict(self.headers), content))
        behaviour = state.behaviours[0]
        if len(state.behaviours) > 1:
            state.behaviours.pop(0)
        behaviour(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


def answer(status: int, body: object) -> Behaviour:
    """A complete JSON answer."""

    def behave(handler: _Handler) -> None:
        content = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def raw(status: int, content: bytes, **headers: str) -> Behaviour:
    """An answer that need not be JSON, with headers such as Retry_After="20"."""

    def behave(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def hang_up(handler: _Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


def stop_half_way(handler: _Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"success": tr')
    handler.close_connection = True


def never_answer(handler: _Handler) -> None:
    """Accept the request and say nothing."""
    handler.server.state.hang.wait(30)
    handler.close_connection = True


def drip(handler: _Handler) -> None:
    """Send a byte now and then, so that no single read ever times out."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(300):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        if handler.server.state.hang.wait(0.05):
            break
    handler.close_connection = True


def accept_with_key(handler: _Handler) -> None:
    """What the real service does with a good photo, and with a gallery without a problem."""
    accept_seeing(QUALITY)(handler)


def accept_seeing(quality: dict[str, Any], *, faces: dict[str, Any] = FACES) -> Behaviour:
    """The same, with this to say of camera pictures, and of photos."""
    answers = {
        "/api/v1/faces": faces,
        "/api/v1/gallery/check": NOTHING_FOUND,
        "/api/v1/quality": quality,
    }
    return lambda handler: _by_path(handler, answers)


def accept_as_planned(handler: _Handler) -> None:
    """What a service does that has the plan's endpoints only."""
    _by_path(handler, {"/api/ml/encode-face": ACCEPTED})


def _by_path(handler: _Handler, answers: dict[str, dict[str, Any]]) -> None:
    if handler.headers.get("X-API-Key") != API_KEY:
        answer(401, {"success": False, "error_code": "UNAUTHORIZED"})(handler)
    elif handler.path in answers and handler.is_blank:
        answer(200, {"success": False, "error_code": "NO_FACE_FOUND"})(handler)
    elif handler.path in answers:
        answer(200, answers[handler.path])(handler)
    else:
        answer(404, {"success": False, "error_code": "NOT_FOUND"})(handler)


def one_face(**quality: list[str]) -> Behaviour:
    """A photo of one person, of this quality."""
    face = FACES["faces"][0]
    return answer(200, FACES | {"faces": [face | {"quality": face["quality"] | quality}]})


def seen(codes: list[str], **values: float) -> dict[str, Any]:
    """What `/api/v1/quality` says of a face with these faults and these values."""
    face = QUALITY["face"]
    given = face["quality"]["measures"]
    measures = given | {name: given[name] | {"value": value} for name, value in values.items()}
    quality = face["quality"] | {"reasons": codes, "blocking": codes, "measures": measures}
    return QUALITY | {"face": face | {"quality": quality}}


@contextmanager
def ml_server() -> Iterator[MLServer]:
    """Run it on a free port for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = MLServer(url=f"http://127.0.0.1:{server.server_address[1]}")
    server.state.behave(accept_with_key)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.state.hang.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
