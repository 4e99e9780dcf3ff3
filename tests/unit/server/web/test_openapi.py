"""The description of the API is complete: examples, errors, who may call, parts of lists."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from server.app import ROUTERS, create_app
from server.config import load_settings
from server.web.api_examples import EXAMPLES
from server.web.openapi import describe, example_name, operations
from server.web.queries import is_of_people


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description, as the server gives it."""
    app = create_app(load_settings(data_dir=Path(tmp_path_factory.mktemp("data"))))
    return describe(app)


def bodies(described: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON bodies of people's programs, by method and path."""
    return {
        f"{method} {path}": one["requestBody"]["content"]["application/json"]
        for method, path, one in operations(described)
        if is_of_people(path)
        and "application/json" in one.get("requestBody", {}).get("content", {})
    }


def test_every_body_has_an_example_and_no_example_is_left_over(described: dict[str, Any]) -> None:
    found = bodies(described)
    assert [name for name, content in found.items() if "example" not in content] == []
    assert {example_name(one["schema"]) for one in found.values()} == set(EXAMPLES)


def test_every_example_is_accepted_by_its_endpoint(described: dict[str, Any]) -> None:
    routes = {
        f"{method} {route.path}": route
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for name, content in bodies(described).items():
        field = routes[name].body_field
        assert field is not None
        value, errors = field.validate(content["example"], {}, loc=("body",))
        assert (name, errors) == (name, [])
        assert value is not None


def test_every_operation_documents_problems_and_who_may_call(described: dict[str, Any]) -> None:
    schemes = set(described["components"]["securitySchemes"])
    known = {one["name"] for one in described["tags"]}
    for method, path, one in operations(described):
        problem = one["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"]["$ref"].endswith("/Problem"), (method, path)
        assert {name for way in one["security"] for name in way} <= schemes
        assert set(one["tags"]) <= known, (method, path)
    assert "HTTPValidationError" not in str(described["paths"])


def test_every_list_is_read_in_parts(described: dict[str, Any]) -> None:
    """An array takes limit and cursor, and an object with rows says where it goes on."""
    schemas = described["components"]["schemas"]
    for method, path, one in operations(described):
        answer = one["responses"].get("200", {}).get("content", {}).get("application/json", {})
        schema = answer.get("schema", {})
        takes = {parameter["name"] for parameter in one.get("parameters", [])}
        if method == "GET" and is_of_people(path) and schema.get("type") == "array":
            assert {"limit", "cursor"} <= takes, path
        named = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], {})
        if method == "GET" and "cursor" in takes and "properties" in named:
            assert "next_cursor" in named["properties"], path


def test_a_scope_is_named_where_a_token_is_accepted(described: dict[str, Any]) -> None:
    for method, path, one in operations(described):
        by_token = any("token" in way for way in one["security"])
        assert by_token is ("x-scope" in one or path == "/api/v1/token"), (method, path)
