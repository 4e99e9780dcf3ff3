"""Complete the description of the API: who may call what, errors, keys, ETags and examples."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from fastapi import FastAPI

from server.web.api_examples import EXAMPLES
from server.web.cookies import SIGN_IN_COOKIE
from server.web.errors import PROBLEM_TYPE
from server.web.once import KEY_HEADER
from server.web.queries import is_of_people
from server.web.scopes import ANY_TOKEN, ROUTE_SCOPES

_METHODS = ("get", "put", "post", "delete", "patch")
_SCHEMES = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": SIGN_IN_COOKIE,
        "description": "From `POST /api/v1/sign-in`. Requests other than GET also send"
        " `X-Requested-With: rollcall`.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, from the page API tokens. `x-scope` says which scope each"
        " request needs; where there is none, tokens are refused.",
    },
    "device": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Device` and the token of a claimed kiosk.",
    },
}
_TAGS = {
    "absences": "Absences that were reported, and files with them.",
    "accounts": "Accounts, for admins.",
    "accuracy": "How often recognition is right, and limits that were measured.",
    "attendance": "Registers, corrections of them, and files with their lines.",
    "credentials": "PINs, cards and links.",
    "enrolment": "Consent, photos and enrolments.",
    "exports": "Attendance as CSV, XLSX and PDF.",
    "health": "Whether the server works, for monitoring.",
    "imports": "Files with people, the timetable and more; photos and OneRoster bundles.",
    "kiosks": "Kiosks, and what they call.",
    "lessons": "Lessons: planned, cancelled, restored.",
    "mark reviews": "Marks by face that a person should look at, and decisions about them.",
    "networks": "Which network recognises faces.",
    "on site": "Who is on site now.",
    "past changes": "Changes of registers of the past, with a preview.",
    "people": "People, their names and numbers.",
    "policy": "The policy of the school.",
    "quarantine": "Events that wait for a decision.",
    "reports": "Counts of attendance, and registers that were not taken.",
    "school": "Name, time zone and language of the school.",
    "sign-in": "Sign-in with a password and a second step.",
    "timetable": "Rooms, courses, rosters, classes, teachers, terms, holidays, weekly patterns.",
    "tokens": "The API token of the request.",
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, with `error` beside it. `error.code` never changes its meaning.",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "correlation_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "object"},
                "correlation_id": {"type": "string"},
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing here.",
        "error": {
            "code": "not_found",
            "message": "There is nothing here.",
            "details": {},
            "correlation_id": "5f0c2b7d9a3e4f6182c4d0e5b7a91c3f",
        },
    },
}
_ANSWER = {
    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your own for this request. Sent again within 24 hours, it gets the"
    " first answer and nothing is done twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the answer that you have; 304 where it is still the same.",
    "schema": {"type": "string", "maxLength": 200},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, made at the first call and kept by the application."""
    made = app.openapi()
    if "securitySchemes" not in made["components"]:
        app.openapi_schema = made = _completed(deepcopy(made))
    return made


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of every operation."""
    for path, found in described["paths"].items():
        for method in _METHODS:
            if method in found:
                yield method.upper(), path, found[method]


def example_name(schema: dict[str, Any]) -> str:
    """Return the name by which `EXAMPLES` has the example of a body."""
    return str(schema.get("$ref", "PastChange")).rsplit("/", 1)[-1]


def _completed(described: dict[str, Any]) -> dict[str, Any]:
    described["components"]["securitySchemes"] = _SCHEMES
    described["components"]["schemas"]["Problem"] = _PROBLEM
    described["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    for method, path, one in operations(described):
        one["security"] = _security(method, path)
        one["responses"].pop("422", None)
        one["responses"]["default"] = _ANSWER | {"description": "Anything that went wrong."}
        if is_of_people(path):
            _complete_for_people(method, path, one)
    return described


def _security(method: str, path: str) -> list[dict[str, list[str]]]:
    if (method, path) == ("POST", "/api/v1/sign-in") or path.startswith(("/api/v1/devices", "/he")):
        return []
    if path.startswith(("/api/v1/sync/", "/api/v1/kiosk/")):
        return [{"device": []}]
    by_token: list[dict[str, list[str]]] = [{"token": []}] if _takes_token(method, path) else []
    return [{"cookie": []}, *by_token]


def _takes_token(method: str, path: str) -> bool:
    route = f"{method} {path}"
    return route in ROUTE_SCOPES or route in ANY_TOKEN


def _complete_for_people(method: str, path: str, one: dict[str, Any]) -> None:
    parameters = one.setdefault("parameters", [])
    if (scope := ROUTE_SCOPES.get(f"{method} {path}")) is not None:
        one["x-scope"] = scope.value
    if method == "GET":
        parameters.append(_IF_NONE_MATCH)
        one["responses"]["304"] = {"description": "It is still the same."}
    if method == "POST" and _takes_token(method, path):
        parameters.append(_KEY)
    for content in one.get("requestBody", {}).get("content", {}).values():
        if (example := EXAMPLES.get(example_name(content["schema"]))) is not None:
            content["example"] = example
