"""Turn errors into answers: one JSON shape for clients, one page for people."""

import logging
import sqlite3
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.db.full import is_disk_full
from server.errors import (
    AddressUnreadableError,
    DatabaseBusyError,
    MalformedError,
    NotFoundError,
    NotSignedInError,
    OutOfSpaceError,
    ServerError,
    SignInUnfinishedError,
    TooLargeError,
)
from server.logs import correlation_id
from server.web.access import forget_unless_known
from server.web.pages import is_htmx, render, request_translator
from server.web.problems import error_words

_logger = logging.getLogger(__name__)


#: Source: RFC 9457, section 3.
PROBLEM_TYPE = "application/problem+json"


def json_error(error: ServerError) -> JSONResponse:
    """The shape of every error of the API: problem details, with `error` beside them.

    Source: RFC 9457.
    """
    problem = {
        "type": "about:blank",
        "title": _phrase(error.status_code),
        "status": error.status_code,
        "detail": error.message,
    }
    body = {
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "correlation_id": correlation_id(),
    }
    content = problem | {"error": body} | error.beside
    return JSONResponse(content, error.status_code, _headers(error), media_type=PROBLEM_TYPE)


def install_error_handlers(app: FastAPI) -> None:
    """Register the handlers of everything an endpoint may raise."""

    def on_server_error(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, ServerError)
        if exc.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if exc.retry_after_s is None:
                _logger.error("request failed: %s", exc.code, exc_info=exc)
            else:
                _logger.warning("request refused: %s", exc.code)
        return answer_error(request, exc)

    def on_malformed(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)
        # Only where and why: the input itself may be a name or a password.
        fields = [
            {"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]}
            for e in exc.errors()
        ]
        is_page = request.method == "GET" and not request.url.path.startswith("/api/")
        kind = AddressUnreadableError if is_page else MalformedError
        return answer_error(request, kind(fields=fields))

    def on_http_exception(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        return answer_error(request, _from_http(exc))

    app.add_exception_handler(ServerError, on_server_error)
    app.add_exception_handler(RequestValidationError, on_malformed)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(OperationalError, _on_database_away)
    app.add_exception_handler(PoolTimeoutError, _on_database_away)
    app.add_exception_handler(StatementError, _on_statement_error)
    app.add_exception_handler(OverflowError, _on_unfit_value)
    # Innermost, so that what it answers passes through every other middleware.
    app.add_middleware(UnexpectedErrors)


def _on_disk_full(request: Request) -> Response:
    _logger.error("request failed: disk full")
    return answer_error(request, OutOfSpaceError())


def _on_database_away(request: Request, exc: Exception) -> Response:
    if is_disk_full(exc):
        return _on_disk_full(request)
    if _does_not_fit(exc):
        _logger.error("request failed: the database has another schema", exc_info=exc)
        return answer_error(request, ServerError())
    _logger.error("request failed: the database is locked or away", exc_info=exc)
    return answer_error(request, DatabaseBusyError())


def _does_not_fit(exc: Exception) -> bool:
    """Whether SQLite refused the statement itself, for example as it knows no such column.

    For that PostgreSQL has another class of errors.
    """
    code = getattr(getattr(exc, "orig", None), "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_ERROR


def _on_statement_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, StatementError)
    if isinstance(exc, DataError) or isinstance(exc.orig, OverflowError):
        return _on_unfit_value(request, exc)
    if is_disk_full(exc):
        return _on_disk_full(request)
    _logger.error("request failed: the database refused a statement", exc_info=exc)
    return answer_error(request, ServerError())


def _on_unfit_value(request: Request, exc: Exception) -> Response:
    # A number or character that the database cannot hold. The text of it may be anybody's name.
    _logger.warning("request refused: %s", type(exc).__name__)
    return answer_error(request, MalformedError())


class UnexpectedErrors:
    """Answer what nobody foresaw, with the page, headers and id that every other answer has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        has_begun = False

        async def send_noting_the_start(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting_the_start)
        except Exception as exc:  # the edge of a request
            if scope["type"] != "http" or has_begun:
                raise
            error: ServerError = OutOfSpaceError() if is_disk_full(exc) else ServerError()
            _logger.exception("request failed: %s", error.code)
            response = await run_in_threadpool(answer_error, Request(scope), error)
            await response(scope, receive, send)


def answer_error(request: Request, error: ServerError) -> Response:
    """Answer in the shape the caller understands."""
    if request.url.path.startswith(("/api/", "/metrics")):
        return json_error(error)
    if isinstance(error, NotSignedInError):
        return _to_sign_in(request)
    if isinstance(error, SignInUnfinishedError):
        return _lead(request, error.page)
    words = error_words(request_translator(request), error)
    context = {"error": error, "words": words, "correlation_id": correlation_id()}
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        forget_unless_known(request)
    response = render(request, "web/error.html", context, status_code=error.status_code)
    response.headers.update(_headers(error))
    return response


def _headers(error: ServerError) -> dict[str, str]:
    headers = {"WWW-Authenticate": error.challenge} if error.challenge else {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return headers


def _phrase(status_code: int) -> str:
    """Return the standard words of a status."""
    return HTTPStatus(status_code).phrase


def _to_sign_in(request: Request) -> Response:
    kept = getattr(request.state, "kept_form", "")
    if kept or getattr(request.state, "form_lost", False):
        t = request_translator(request)
        words = t("accounts.sign_in.expired" if kept else "accounts.sign_in.not_kept")
        context = {"next": "/", "problem": words, "username": "", "kept": kept}
        return render(request, "accounts/sign_in.html", context, status_code=401)
    target = "/sign-in"
    if request.method == "GET" and not is_htmx(request) and request.url.path != "/":
        target += f"?next={quote(request.url.path)}"
    return _lead(request, target)


def _lead(request: Request, target: str) -> Response:
    if is_htmx(request):
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": target})
    return RedirectResponse(target, HTTPStatus.SEE_OTHER)


def _from_http(exc: HTTPException) -> ServerError:
    if exc.status_code == HTTPStatus.NOT_FOUND:
        return NotFoundError()
    if exc.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLargeError()
    error = ServerError(HTTPStatus(exc.status_code).phrase)
    error.status_code = exc.status_code
    error.code = HTTPStatus(exc.status_code).phrase.lower().replace(" ", "_")
    return error
