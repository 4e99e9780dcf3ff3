"""Reads the bodies of requests to /api, after the key and before a worker is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from intake.asgi import declared_bytes
from intake.errors import (
    RETRY_AFTER_S,
    BodiesFullError,
    BodyError,
    BodyTooLargeError,
    BodyTooSlowError,
)
from intake.limits import MIB, BodyLimits
from intake.reading import BodyIntake
from models.service.answers import refusal_answer
from models.service.errors import ErrorCode, RefusalError
from models.service.pool import overloaded

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from models.service.config import Settings
    from models.service.metrics import Metrics

GUARDED = "/api/"
_RESERVED_BYTES = MIB


class RequestRoom:
    """How many requests may wait or be computed, and the memory of their bodies.

    Attributes:
        intake: reads the bodies.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.worker_count + settings.queue_limit
        self._taken = 0
        self.intake = BodyIntake(
            BodyLimits(
                body_bytes=settings.max_body_bytes,
                total_bytes=max(
                    settings.bodies_max_bytes, settings.max_body_bytes + _RESERVED_BYTES
                ),
                reserved_bytes=_RESERVED_BYTES,
                grace_s=settings.body_grace_s,
                bytes_per_s=settings.body_min_rate,
            )
        )

    @property
    def taken(self) -> int:
        """Requests that wait or are computed."""
        return self._taken

    def check(self) -> None:
        """Refuse where there is no place or no memory for another request with a photo.

        Raises:
            RefusalError: OVERLOADED.
        """
        self.check_places()
        if self.intake.is_full:
            raise overloaded()

    def check_places(self) -> None:
        """Refuse where there is no place for another request.

        Raises:
            RefusalError: OVERLOADED.
        """
        if self._taken >= self._limit:
            raise overloaded()

    def enter(self) -> None:
        """Take a place; `leave` gives it back.

        Raises:
            RefusalError: OVERLOADED, all are taken.
        """
        self.check_places()
        self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        self._taken -= 1


class BodyMiddleware:
    """Reads each body to its end, then takes a place for the request.

    A client that stalls holds no place, so it holds up nobody else.
    """

    def __init__(self, app: ASGIApp, *, room: RequestRoom, metrics: Metrics) -> None:
        self._app = app
        self._room = room
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        try:
            self._room.check_places()
            async with self._room.intake.hold(receive, _declared(scope)) as receive_whole:
                await self._serve(scope, receive_whole, send)
        except BodyError as error:
            await refusal_answer(scope, self._refusal(error))(scope, receive, send)
        except RefusalError as error:
            await refusal_answer(scope, error)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._room.enter()
        self._metrics.in_flight.set(self._room.taken)
        try:
            await self._app(scope, receive, send)
        finally:
            self._room.leave()
            self._metrics.in_flight.set(self._room.taken)

    def _refusal(self, error: BodyError) -> RefusalError:
        match error:
            case BodyTooLargeError():
                most = self._room.intake.limits.body_bytes
                words = f"The body is larger than {most} bytes."
                return RefusalError(ErrorCode.REQUEST_TOO_LARGE, words)
            case BodyTooSlowError():
                words = "The body arrived too slowly. Try again."
                return RefusalError(ErrorCode.REQUEST_TOO_SLOW, words, RETRY_AFTER_S)
            case BodiesFullError():
                return overloaded()
            case _:
                words = "The connection ended before the body did."
                return RefusalError(ErrorCode.MALFORMED_REQUEST, words)


def _declared(scope: Scope) -> int | None:
    try:
        return declared_bytes(scope)
    except ValueError as error:
        raise BodyTooLargeError from error
