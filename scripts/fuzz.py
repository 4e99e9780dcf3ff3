"""Feed mutated pictures, cards and requests to what reads them, guided by coverage.

    python -m scripts.fuzz picture|card|request|onnx [--seconds 60]

A finding ends the run with a traceback and leaves its input beside: it becomes a test. atheris is
of the group `fuzz`; the tests fuzz the same readers with hypothesis.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import atheris
import cv2
import numpy as np
from pydantic import ValidationError

with atheris.instrument_imports(
    include=["models.store", "models.stages", "models.service", "models.build"]
):
    from models.build.ir_to_tflite import to_tflite
    from models.build.onnx_file import read_onnx
    from models.build.onnx_to_ir import to_ir
    from models.errors import CardError, ConversionError, ImageError
    from models.service.errors import RefusalError
    from models.service.gallery_check import check_gallery
    from models.service.native_schemas import GalleryCheckRequest, OperatingPointRequest
    from models.service.operating_point import operating_point
    from models.stages.decode import decode_image
    from models.store import default_store, read_card

from tests.unit.models.build.onnx_networks import small_onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_PIXELS = 1_000_000
_CARDS = Path(__file__).parent.parent / "models" / "cards"


def picture(data: bytes) -> None:
    """A picture is decoded or refused."""
    with contextlib.suppress(ImageError):
        decode_image(data, max_pixels=_MAX_PIXELS)


def card(data: bytes) -> None:
    """A card is read or refused."""
    path = Path(tempfile.gettempdir()) / "fuzzed-card.toml"
    path.write_bytes(data)
    with contextlib.suppress(CardError):
        read_card(path)


def request(data: bytes) -> None:
    """Questions about galleries are answered or refused."""
    known = default_store().find("dlib-resnet-v1")[0]
    with contextlib.suppress(ValidationError, RefusalError):
        check_gallery(known, GalleryCheckRequest.model_validate_json(data))
    with contextlib.suppress(ValidationError, RefusalError):
        operating_point(known, OperatingPointRequest.model_validate_json(data))


def onnx(data: bytes) -> None:
    """A network is translated or refused."""
    with contextlib.suppress(ConversionError):
        to_tflite(to_ir(read_onnx(data)), "fuzzed")


def seeds(target: str) -> Iterator[bytes]:
    """Good inputs to begin with."""
    if target == "card":
        for path in sorted(_CARDS.glob("*.toml")):
            yield path.read_bytes()
    elif target == "picture":
        tiny = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        for suffix in (".jpg", ".png", ".webp"):
            yield cv2.imencode(suffix, tiny)[1].tobytes()
    elif target == "onnx":
        yield small_onnx()[0].content
    else:
        yield b'{"model_id":"m","person":{"id":"a","templates":["AAAAAA=="]},"others":[]}'
        yield b'{"model_id":"m","people":[{"id":"a","templates":["AAAAAA=="],"cohorts":["9b"]}]}'


TARGETS: dict[str, Callable[[bytes], None]] = {
    "picture": picture,
    "card": card,
    "request": request,
    "onnx": onnx,
}


def main() -> None:
    """Fuzz one target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-fuzz-"))
    for number, seed in enumerate(seeds(options.target)):
        (folder / str(number)).write_bytes(seed)
    flags = [f"-max_total_time={options.seconds}", "-max_len=8192", "-rss_limit_mb=3000"]
    atheris.Setup([sys.argv[0], str(folder), *flags], TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
