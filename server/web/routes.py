"""Routes that check who calls before they read what is sent."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.responses import Response

from intake.asgi import declared_bytes
from intake.errors import BodiesFullError, BodyError, BodyTooLargeError, BodyTooSlowError
from intake.reading import BodyIntake, BodyLimits
from server.config import Settings
from server.errors import (
    ConfigurationError,
    MalformedError,
    ServerError,
    TooLargeError,
    UploadsFullError,
    UploadTooSlowError,
)
from server.web.access import guards_of, is_open_to_anyone

#: A multipart form around a photo.
FORM_OVERHEAD_BYTES = 1024 * 1024
#: Names, passwords and claim codes: all that is sent without a sign-in.
OPEN_BODY_BYTES = 64 * 1024
_OPEN_TOTAL_BYTES = 64 * OPEN_BODY_BYTES
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Bodies:
    """What reads the bodies of requests, so that strangers cannot use up the room of users.

    Attributes:
        known: of requests with a sign-in or a device token.
        open: of requests that anyone may send.
    """

    known: BodyIntake
    open: BodyIntake

    @classmethod
    def of(cls, settings: Settings) -> "Bodies":
        """Take the limits from the settings."""
        largest = settings.photo_max_bytes + FORM_OVERHEAD_BYTES
        total = max(settings.bodies_max_bytes, largest)
        known = BodyLimits(
            body_bytes=largest,
            total_bytes=total,
            grace_s=settings.body_grace_s,
            bytes_per_s=settings.body_min_rate,
        )
        for_anyone = replace(known, body_bytes=OPEN_BODY_BYTES, total_bytes=_OPEN_TOTAL_BYTES)
        return cls(BodyIntake(known), BodyIntake(for_anyone))


class GuardedRoute(APIRoute):
    """Runs the route's guards, then reads the body within its limits, then does its work.

    The framework reads a body before it asks any dependency, the guards among them.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()
        if (self.methods or set()) <= _WITHOUT_BODY:
            return handle
        guards = guards_of(self.dependant)
        is_open = is_open_to_anyone(guards)

        async def handle_guarded(request: Request) -> Response:
            for guard in guards:
                await run_in_threadpool(guard, request)
            bodies: Bodies = request.app.state.bodies
            return await _handle_whole(request, bodies.open if is_open else bodies.known, handle)

        return handle_guarded


class GuardedRouter(APIRouter):
    """An `APIRouter` whose routes are guarded. Every router of the server is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=GuardedRoute, **options)


def refuse_unguarded(routers: Iterable[APIRouter]) -> None:
    """Stop the start if an endpoint forgot to say who may call it, or reads bodies too early.

    Raises:
        ConfigurationError: names the endpoint.
    """
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, APIRoute):
            continue
        if not guards_of(route.dependant):
            raise ConfigurationError(f"{route.methods} {route.path} declares no access guard")
        if not isinstance(route, GuardedRoute):
            raise ConfigurationError(
                f"{route.methods} {route.path} is not on a GuardedRouter: its body would be read"
                " before its guard is asked"
            )


async def _handle_whole(
    request: Request,
    intake: BodyIntake,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    try:
        declared = declared_bytes(request.scope)
    except ValueError as exc:
        raise MalformedError from exc
    try:
        async with intake.hold(request.receive, declared) as receive:
            return await handle(Request(request.scope, receive))
    except BodyError as exc:
        raise _as_server_error(exc, intake.limits) from exc


def _as_server_error(error: BodyError, limits: BodyLimits) -> ServerError:
    match error:
        case BodyTooLargeError():
            return TooLargeError(limit_bytes=limits.body_bytes)
        case BodyTooSlowError():
            return UploadTooSlowError()
        case BodiesFullError():
            return UploadsFullError()
        case _:
            return MalformedError()
