"""Makes the files of a card out of its publisher's files, bit for bit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.build.full_int8 import read_calibration, to_full_int8
from models.build.ir import read_ir
from models.build.ir_to_tflite import to_tflite
from models.build.kernel_storage import KernelStorage
from models.build.onnx_file import read_onnx
from models.build.onnx_to_ir import to_ir
from models.errors import ConversionError
from models.store import OnnxOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.build.ir import Network
    from models.build.ir_input import Normalisation
    from models.store import CardFile, ModelCard

FULL_INT8 = "full-int8"
"""The variant that edgetpu_compiler takes."""

SFACE_CALIBRATION = Path(__file__).with_name("sface-calibration.json")
"""What `scripts/calibrate_sface.py` measured; the one ONNX network with a full-int8 file."""


def translate_sources(card: ModelCard, sources: Sequence[bytes]) -> list[bytes]:
    """Make every file of a card.

    Args:
        card: names its origin; the variants of an ONNX file are kernel storages.
        sources: the publisher's files, in the card's order, already checked.

    Returns:
        The contents, in the order of the card's files.

    Raises:
        ConversionError: a file cannot be translated, or comes out otherwise than the card says.
    """
    is_onnx = isinstance(card.origin, OnnxOrigin)
    network = to_ir(read_onnx(sources[0])) if is_onnx else read_ir(sources[0], sources[1])
    return [_translated(card, file, network, is_onnx=is_onnx) for file in card.files]


def _translated(card: ModelCard, file: CardFile, network: Network, *, is_onnx: bool) -> bytes:
    if file.variant == FULL_INT8:
        content, normalisation = to_full_int8(network, card.id, read_calibration(SFACE_CALIBRATION))
    else:
        storage = KernelStorage(file.variant) if is_onnx else KernelStorage.EXACT
        content, normalisation = to_tflite(network, card.id, storage)
    if not _agrees(normalisation, card):
        raise ConversionError(f"the card {card.id} scales the input otherwise than its publisher")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise ConversionError(
            f"the translation of {card.id} came out otherwise than recorded: its sha256 is"
            f" {digest[:12]}…, expected {file.sha256[:12]}…; is flatbuffers the version of the"
            " extra convert?"
        )
    return content


def _agrees(normalisation: Normalisation, card: ModelCard) -> bool:
    return np.allclose(normalisation.mean, card.input.mean, rtol=1e-9) and np.allclose(
        normalisation.scale, card.input.scale, rtol=1e-9
    )
