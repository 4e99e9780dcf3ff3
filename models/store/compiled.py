"""Finds the file that was compiled for an accelerator from one of a card's files.

edgetpu_compiler runs where the people are who want an Edge TPU, so no card can hold the sha256 of
what it writes. A file beside it holds it: the one line that `sha256sum` writes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from models.errors import ModelFileCorruptError
from models.store.card import CardFile
from models.store.store import VerifiedModel

if TYPE_CHECKING:
    from models.store.card import ModelCard
    from models.store.store import ModelStore

VARIANT = "edgetpu"
MARK = b"edgetpu-custom-op"
"""Name of the operator in which the compiler packs what runs on the device."""


def load_compiled(store: ModelStore, card: ModelCard) -> VerifiedModel | None:
    """Read `<card id>-edgetpu.tflite` and verify it by `<card id>-edgetpu.tflite.sha256`.

    Returns:
        None where there is no such file.

    Raises:
        ModelFileCorruptError: it cannot be read, is not the one that the digest is of, or was not
            compiled.
    """
    name = f"{card.id}-{VARIANT}.tflite"
    path = next((folder / name for folder in store.folders if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        content = path.read_bytes()
        words = path.with_name(f"{name}.sha256").read_text("ascii").split()
    except FileNotFoundError as error:
        raise ModelFileCorruptError(
            f"the model file {path} has no digest beside it: run sha256sum {name} > {name}.sha256"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFileCorruptError(f"the model file {path} cannot be read: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    if not words or not hmac.compare_digest(digest, words[0].lower()):
        raise ModelFileCorruptError(
            f"the model file {path} is not the one that {name}.sha256 is of; compile it again"
        )
    if MARK not in content:
        raise ModelFileCorruptError(
            f"the model file {path} was not compiled for the Edge TPU: run edgetpu_compiler"
        )
    file = CardFile(variant=VARIANT, name=name, sha256=digest, size_bytes=len(content))
    return VerifiedModel(card, file, content)
