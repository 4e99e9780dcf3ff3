"""The errors of `models`, one tree.

ModelsError
├── StoreError
│   ├── CardError              a card does not follow the schema, or two cards collide
│   ├── UnknownModelError      no card has that id
│   ├── ModelFileMissingError  a card's file is in none of the folders
│   ├── ModelFileCorruptError  a file is not the one its card names
│   └── SelectionError         the file that names the selected embedder cannot be used
├── RuntimeFaultError
│   ├── RuntimeUnavailableError  the inference runtime is not installed
│   ├── ModelRefusedError        the runtime cannot load the file
│   └── InferenceError           the runtime failed while running
│       └── AcceleratorError     the accelerator cannot be used, with a fault
├── InstallError               a model cannot be installed
│   ├── DownloadError          its publisher's file cannot be had, or is another one
│   ├── ConversionError        its publisher's file cannot be translated
│   └── ParityError            it computes other numbers here than its publisher's runtime did
├── GalleryError               templates that do not belong together
├── FrameError                 an array that is not a picture
└── ImageError                 bytes that are not a usable picture, with a code
"""

from __future__ import annotations

from enum import StrEnum


class ModelsError(Exception):
    """Anything `models` refuses or fails to do."""


class StoreError(ModelsError):
    """A model cannot be had from the store."""


class CardError(StoreError):
    """A card does not follow the schema, or collides with another card."""


class UnknownModelError(StoreError):
    """No card has the id that was asked for."""


class ModelFileMissingError(StoreError):
    """A card's file lies in none of the store's folders."""


class ModelFileCorruptError(StoreError):
    """A file's content is not what its card says."""


class SelectionError(StoreError):
    """The file that names the selected embedder cannot be used."""


class RuntimeFaultError(ModelsError):
    """The inference runtime could not do its work."""


class RuntimeUnavailableError(RuntimeFaultError):
    """The inference runtime that was asked for is not installed."""


class ModelRefusedError(RuntimeFaultError):
    """The inference runtime cannot load this model."""


class InferenceError(RuntimeFaultError):
    """The inference runtime failed while running a model."""


class AcceleratorFault(StrEnum):
    """What is wrong with an accelerator."""

    ABSENT = "absent"
    REFUSED = "refused"
    DISAGREES = "disagrees"
    HUNG = "hung"
    CRASHED = "crashed"
    FAILED = "failed"


class AcceleratorError(InferenceError):
    """The accelerator cannot be used; the CPU can.

    Attributes:
        fault: what is wrong, for programs.
    """

    def __init__(self, fault: AcceleratorFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class InstallError(ModelsError):
    """A model cannot be installed."""


class DownloadError(InstallError):
    """A publisher's file cannot be had, or is not the one its card names."""


class ConversionError(InstallError):
    """A publisher's file cannot be translated."""


class ParityError(InstallError):
    """A model computes other numbers here than its publisher's runtime did."""


class GalleryError(ModelsError):
    """Templates that do not belong together, or a probe that does not belong to them."""


class FrameError(ModelsError):
    """An array that is not a (H, W, 3) uint8 picture."""


class ImageErrorCode(StrEnum):
    """Why bytes are not a usable picture."""

    EMPTY = "EMPTY"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    TOO_LARGE = "TOO_LARGE"
    CORRUPT = "CORRUPT"


class ImageError(ModelsError):
    """Bytes that are not a usable picture.

    Attributes:
        code: the reason, for programs.
    """

    def __init__(self, code: ImageErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
