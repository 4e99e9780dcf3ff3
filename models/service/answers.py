"""How a refusal becomes an HTTP answer: one envelope for all of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from models.service.errors import ErrorCode, RefusalError
from models.service.schemas import Refusal

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Scope

_BY_STATUS = {
    HTTPStatus.NOT_FOUND: (ErrorCode.NOT_FOUND, "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: (ErrorCode.METHOD_NOT_ALLOWED, "Use another HTTP method."),
}
_MALFORMED = (ErrorCode.MALFORMED_REQUEST, "The request body cannot be read as JSON.")


def refusal_answer(scope: Scope, refusal: RefusalError) -> Response:
    """Make the answer and leave the code in the scope for the log and the metrics."""
    scope.setdefault("state", {})["error_code"] = refusal.code
    body = Refusal(success=False, error=refusal.message, error_code=refusal.code)
    headers = {}
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(refusal.retry_after_s)
    if refusal.code is ErrorCode.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "ApiKey"
    return JSONResponse(body.model_dump(mode="json"), refusal.code.status, headers)


def install_error_answers(app: FastAPI) -> None:
    """Give every error of the framework and of our own the same envelope."""

    def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusalError)
        return refusal_answer(request.scope, error)

    def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        refusal = RefusalError(ErrorCode.MALFORMED_REQUEST, _first_problem(error))
        return refusal_answer(request.scope, refusal)

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, words = _BY_STATUS.get(HTTPStatus(error.status_code), _MALFORMED)
        return refusal_answer(request.scope, RefusalError(code, words))

    app.add_exception_handler(RefusalError, on_refusal)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


def _first_problem(error: RequestValidationError) -> str:
    """Name the first wrong field; never its value, which may be a picture or an embedding."""
    problem = error.errors()[0]
    if problem["type"] == "json_invalid":
        return _MALFORMED[1]
    where = ".".join(str(part) for part in problem["loc"] if part != "body")
    return f"{where or 'body'}: {problem['msg']}"
