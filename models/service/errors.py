"""Why a request gets no answer: the codes, and what each means. docs/ml-service.md lists them."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from models.errors import ImageErrorCode


class ErrorCode(StrEnum):
    """Every `error_code` the service sends."""

    # The request is well formed, the picture is not what was asked for: 200, success false.
    INVALID_BASE64 = "INVALID_BASE64"
    EMPTY_IMAGE = "EMPTY_IMAGE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    CORRUPT_IMAGE = "CORRUPT_IMAGE"
    NO_FACE_FOUND = "NO_FACE_FOUND"
    MULTIPLE_FACES_FOUND = "MULTIPLE_FACES_FOUND"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    NOT_A_PHOTO = "NOT_A_PHOTO"
    UPRIGHT_UNCLEAR = "UPRIGHT_UNCLEAR"
    # The request is refused: 4xx or 5xx.
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    WRONG_EMBEDDING_LENGTH = "WRONG_EMBEDDING_LENGTH"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    NOT_CALIBRATED = "NOT_CALIBRATED"
    TOO_MANY_TEMPLATES = "TOO_MANY_TEMPLATES"
    UNAUTHORIZED = "UNAUTHORIZED"
    MATCHING_NOT_ALLOWED = "MATCHING_NOT_ALLOWED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    REQUEST_TOO_SLOW = "REQUEST_TOO_SLOW"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    NOT_READY = "NOT_READY"
    INTERNAL_ERROR = "INTERNAL_ERROR"

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status it comes with."""
        return _STATUS.get(self, HTTPStatus.OK)


_STATUS = {
    ErrorCode.MALFORMED_REQUEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.WRONG_EMBEDDING_LENGTH: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNKNOWN_MODEL: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.NOT_CALIBRATED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_MANY_TEMPLATES: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.MATCHING_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ErrorCode.REQUEST_TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    ErrorCode.REQUEST_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.OVERLOADED: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}

IMAGE_CODES = {
    ImageErrorCode.EMPTY: ErrorCode.EMPTY_IMAGE,
    ImageErrorCode.NOT_AN_IMAGE: ErrorCode.NOT_AN_IMAGE,
    ImageErrorCode.UNSUPPORTED_FORMAT: ErrorCode.UNSUPPORTED_FORMAT,
    ImageErrorCode.TOO_LARGE: ErrorCode.IMAGE_TOO_LARGE,
    ImageErrorCode.CORRUPT: ErrorCode.CORRUPT_IMAGE,
}

NO_FACE_WORDS = {
    ErrorCode.NO_FACE_FOUND: "There is no face in the picture.",
    ErrorCode.NOT_A_PHOTO: "The face looks drawn, or the light washes it out; send a photo in even"
    " light.",
    ErrorCode.UPRIGHT_UNCLEAR: "It is not clear which way up the picture is; turn it upright.",
}
"""Why no face of a picture can be used."""


class RefusalError(Exception):
    """A request that gets `success: false`.

    Attributes:
        code: for programs; decides the HTTP status.
        message: one sentence for people, without anything of the request in it.
        retry_after_s: when to come back, where that helps.
    """

    def __init__(self, code: ErrorCode, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
