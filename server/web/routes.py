"""Routes that check who calls before they read what is sent."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response

from intake.asgi import declared_bytes
from intake.errors import BodiesFullError, BodyError, BodyTooLargeError, BodyTooSlowError
from intake.limits import MIB, BodyLimits
from intake.reading import BodyIntake
from server.config import Settings
from server.errors import (
    ConfigurationError,
    MalformedError,
    NotSignedInError,
    ServerError,
    TooLargeError,
    UploadsFullError,
    UploadTooSlowError,
)
from server.web.access import Guard, guards_of, is_open_to_anyone
from server.web.kept_forms import keep_form
from server.web.threads import threaded

#: A multipart form around a photo.
FORM_OVERHEAD_BYTES = MIB
#: Forms, JSON, a camera frame, and a kiosk's batch of events (at most 256 KiB).
BODY_BYTES = MIB
#: Names, passwords and claim codes: all that is sent without a sign-in.
OPEN_BODY_BYTES = 8 * 1024
_OPEN_TOTAL_BYTES = 4 * MIB
_RESERVED_BYTES = MIB
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}


async def _photo_body() -> None:
    """Say that an endpoint takes a photo."""


#: `dependencies=[PHOTO_BODY]` on an endpoint that takes a photo; others take `BODY_BYTES` at most.
PHOTO_BODY = Depends(_photo_body)


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
        known = BodyLimits(
            body_bytes=largest,
            total_bytes=max(settings.bodies_max_bytes, largest + _RESERVED_BYTES),
            reserved_bytes=_RESERVED_BYTES,
            grace_s=settings.body_grace_s,
            bytes_per_s=settings.body_min_rate,
        )
        for_anyone = replace(
            known,
            body_bytes=OPEN_BODY_BYTES,
            total_bytes=_OPEN_TOTAL_BYTES,
            oldest_gives_way=True,
        )
        return cls(BodyIntake(known), BodyIntake(for_anyone))

    def for_route(self, dependant: Dependant) -> tuple[BodyIntake, int]:
        """Return what reads the bodies of an endpoint, and the largest of them, bytes."""
        if is_open_to_anyone(guards_of(dependant)):
            return self.open, OPEN_BODY_BYTES
        takes_photo = any(one.call is _photo_body for one in dependant.dependencies)
        return self.known, self.known.limits.body_bytes if takes_photo else BODY_BYTES


class GuardedRoute(APIRoute):
    """Runs the route's guards, then reads the body within its limits, then does its work.

    The framework reads a body before it asks any dependency, the guards among them.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, threaded(path, endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()
        if (self.methods or set()) <= _WITHOUT_BODY:
            return handle
        guards = guards_of(self.dependant)

        async def handle_guarded(request: Request) -> Response:
            bodies: Bodies = request.app.state.bodies
            try:
                for guard in guards:
                    await _ask(guard, request)
            except NotSignedInError:
                await keep_form(request, bodies.open)
                raise
            intake, most_bytes = bodies.for_route(self.dependant)
            return await _handle_whole(request, intake, most_bytes, handle)

        return handle_guarded


class GuardedRouter(APIRouter):
    """An `APIRouter` whose routes are guarded. Every router of the server is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=GuardedRoute, **options)


async def _ask(guard: Guard, request: Request) -> None:
    """Ask a guard; only one that may wait gets a thread."""
    if iscoroutinefunction(guard):
        await guard(request)
    else:
        await run_in_threadpool(guard, request)


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
    most_bytes: int,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    try:
        declared = declared_bytes(request.scope)
    except ValueError as exc:
        raise MalformedError from exc
    try:
        async with intake.hold(request.receive, declared, most_bytes=most_bytes) as receive:
            return await handle(Request(request.scope, receive))
    except BodyError as exc:
        raise _as_server_error(exc, most_bytes) from exc


def _as_server_error(error: BodyError, most_bytes: int) -> ServerError:
    match error:
        case BodyTooLargeError():
            return TooLargeError(limit_bytes=most_bytes)
        case BodyTooSlowError():
            return UploadTooSlowError()
        case BodiesFullError():
            return UploadsFullError()
        case _:
            return MalformedError()
