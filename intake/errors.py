"""Why a body is not taken in."""

from __future__ import annotations

RETRY_AFTER_S = 2


class BodyError(Exception):
    """The body of a request was not read to its end.

    Attributes:
        retry_after_s: seconds until another attempt makes sense; None where it never does.
    """

    retry_after_s: int | None = RETRY_AFTER_S


class BodyTooLargeError(BodyError):
    """The body is larger than one body may be."""

    retry_after_s = None


class BodyTooSlowError(BodyError):
    """The body did not arrive in time, or a faster one needed its place."""


class BodiesFullError(BodyError):
    """The bodies that are being read or used fill the memory that is set aside for them."""


class BodyBrokenOffError(BodyError):
    """The client disconnected before the end of the body."""

    retry_after_s = None
