"""Vectors as they travel: base64 of float32, little-endian."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np

from models.service.errors import ErrorCode, RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import FloatArray, FloatVector

_LARGEST = 1000.0
"""Larger values are no embedding, and their squares leave float32."""


def packed(vector: FloatVector) -> str:
    """Make (D,) float32 text."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def unpacked(texts: Sequence[str], dimension: int) -> FloatArray:
    """Read vectors.

    Args:
        texts: base64.
        dimension: values of each.

    Returns:
        (N, D) float32, finite, none of them 0.

    Raises:
        RefusalError: one cannot be read, has another length, or has no direction.
    """
    rows = np.empty((len(texts), dimension), np.float32)
    for index, text in enumerate(texts):
        try:
            plain = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusalError(ErrorCode.MALFORMED_REQUEST, "A template is not base64.") from error
        if len(plain) != 4 * dimension:
            raise RefusalError(
                ErrorCode.WRONG_EMBEDDING_LENGTH, f"Every template must have {dimension} numbers."
            )
        rows[index] = np.frombuffer(plain, "<f4")
    if not np.isfinite(rows).all() or np.abs(rows).max(initial=0.0) > _LARGEST:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "A template holds no usable numbers.")
    if len(rows) and float(np.linalg.norm(rows, axis=1).min()) < np.finfo(np.float32).tiny:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "A template has no direction.")
    return rows
