"""Routes that check who calls before they read what is sent."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response

from intake.asgi import declared_bytes
from intake.errors import BodiesFullError, BodyError, BodyTooLargeError, BodyTooSlowError
from intake.limits import MIB
from intake.reading import BodyIntake
from server.db.dependencies import is_reading, is_writing
from server.errors import (
    ConfigurationError,
    MalformedError,
    NotSignedInError,
    ServerError,
    TooLargeError,
    UploadsFullError,
    UploadTooSlowError,
)
from server.idempotency.service import KeyedRequest
from server.web.access import Guard, guards_of, is_open_to_anyone, principal_soon
from server.web.bodies import OPEN_BODY_BYTES, Bodies
from server.web.kept_forms import keep_form
from server.web.once import OnceOnly, UnusableKeyError, hash_of, key_of, once_only
from server.web.queries import is_of_people, query_names, refuse_unknown_query
from server.web.reading import PART_OF_ARRAY, as_read, gives_array
from server.web.scopes import ROUTE_SCOPES
from server.web.state import get_services
from server.web.threads import threaded

#: Forms, JSON, a camera frame, and a kiosk's batch of events (at most 256 KiB).
BODY_BYTES = MIB
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def _photo_body() -> None:
    """Say that an endpoint takes a photo, or another file."""


#: `dependencies=[PHOTO_BODY]` on an endpoint that takes a photo or another file; others take
#: `BODY_BYTES` at most.
PHOTO_BODY = Depends(_photo_body)
#: The same for one that takes a file of rows.
FILE_BODY = PHOTO_BODY


def body_rules(bodies: Bodies, dependant: Dependant) -> tuple[BodyIntake, int]:
    """Return what reads the bodies of an endpoint, and the largest of them, bytes."""
    if is_open_to_anyone(guards_of(dependant)):
        return bodies.open, OPEN_BODY_BYTES
    takes_photo = any(one.call is _photo_body for one in dependant.dependencies)
    return bodies.known, bodies.known.limits.body_bytes if takes_photo else BODY_BYTES


class GuardedRoute(APIRoute):
    """Runs the route's guards, then reads the body within its limits, then does its work.

    The framework reads a body before it asks any dependency, the guards among them.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.is_array = is_of_people(path) and gives_array(endpoint)
        if self.is_array and "GET" in (options.get("methods") or ()):
            options["dependencies"] = [*(options.get("dependencies") or ()), PART_OF_ARRAY]
        super().__init__(path, threaded(path, endpoint), **options)

    def get_route_handler(self) -> Handler:
        """See `APIRoute`."""
        guards = guards_of(self.dependant)
        handle = self._strict(self._read(self._once(super().get_route_handler())), guards)
        if (self.methods or set()) <= _WITHOUT_BODY:
            return handle

        async def handle_guarded(request: Request) -> Response:
            bodies = get_services(request).bodies
            try:
                await _ask_all(guards, request)
            except NotSignedInError:
                await keep_form(request, bodies.open)
                raise
            intake, most_bytes = body_rules(bodies, self.dependant)
            return await _handle_whole(request, intake, most_bytes, handle)

        return handle_guarded

    def _read(self, handle: Handler) -> Handler:
        """Give the answers of a GET their names, and cut arrays."""
        if "GET" not in (self.methods or ()) or not is_of_people(self.path):
            return handle

        async def handle_read(request: Request) -> Response:
            return as_read(request, await handle(request), is_array=self.is_array)

        return handle_read

    def _once(self, handle: Handler) -> Handler:
        """Do a request that has an `Idempotency-Key` once. The guards have been asked already."""
        if self.methods != {"POST"} or not is_of_people(self.path):
            return handle
        calls = [one.call for one in self.dependant.dependencies]
        takes_key, only_reads = any(map(is_writing, calls)), any(map(is_reading, calls))
        is_kept = f"POST {self.path}" in ROUTE_SCOPES

        async def handle_once(request: Request) -> Response:
            key = None if only_reads else key_of(request)
            if key is None:
                return await handle(request)
            account = await principal_soon(request) if takes_key else None
            if account is None:
                raise UnusableKeyError
            body_hash = await hash_of(request)
            keyed = KeyedRequest(account.account_id, key, body_hash, is_kept)
            running = get_services(request).running_keys
            asked = OnceOnly(keyed, self._as_response)
            with running.holding(account.account_id, key), once_only(asked):
                return await handle(request)

        return handle_once

    def _as_response(self, result: Any) -> Response:
        """Return the answer that the framework would make of what the endpoint returned."""
        if isinstance(result, Response):
            return result
        status_code = self.status_code or HTTPStatus.OK
        if status_code == HTTPStatus.NO_CONTENT:
            return Response(status_code=status_code)
        if self.response_field is None:
            return JSONResponse(jsonable_encoder(result), status_code)
        value, errors = self.response_field.validate(result, {}, loc=("response",))
        if errors:
            raise ServerError
        content = self.response_field.serialize_json(value)
        return Response(content, status_code, media_type="application/json")

    def _strict(self, handle: Handler, guards: Sequence[Guard]) -> Handler:
        """Refuse query parameters that the endpoint does not take, once its guards let them in."""
        if not is_of_people(self.path):
            return handle
        known = query_names(self.dependant)

        async def handle_known(request: Request) -> Response:
            if not known.issuperset(request.query_params):
                await _ask_all(guards, request)
                refuse_unknown_query(request, known)
            return await handle(request)

        return handle_known


class GuardedRouter(APIRouter):
    """An `APIRouter` whose routes are guarded. Every router of the server is one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=GuardedRoute, **options)


async def _ask_all(guards: Iterable[Guard], request: Request) -> None:
    """Ask guards in their order; only one that may wait gets a thread."""
    for guard in guards:
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
    handle: Handler,
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
