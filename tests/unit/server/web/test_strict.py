"""Every body, form and query of people is read word by word; the wire to kiosks stays open."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

import pytest
from fastapi import UploadFile
from fastapi.routing import APIRoute
from pydantic import BaseModel

from server.app import ROUTERS
from server.kiosks.device import current_kiosk
from server.web.access import guards_of
from server.web.queries import is_of_people

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
#: A file, and a picture of the camera: no keys to be misspelt.
WITHOUT_KEYS = (UploadFile, bytes)
#: The routes of kiosks that have no device token yet.
BEFORE_A_CLAIM = {
    "/api/v1/devices/bundles",
    "/api/v1/devices/bundles/{sha256}/{path:path}",
    "/api/v1/devices/claim",
    "/api/v1/devices/trust",
}


def is_of_kiosks(route: APIRoute) -> bool:
    return current_kiosk in guards_of(route.dependant) or route.path in BEFORE_A_CLAIM


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that stands in a type, with those in its fields."""
    for inner in get_args(annotation):
        yield from models_in(inner)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)


def body_types(route: APIRoute) -> list[Any]:
    return [param.field_info.annotation for param in route.dependant.body_params]


def name_of(route: APIRoute) -> str:
    return f"{'/'.join(sorted(route.methods or ()))} {route.path}"


BODIES = [
    pytest.param(annotation, id=name_of(route))
    for route in ROUTES
    if not is_of_kiosks(route)
    for annotation in body_types(route)
]


def test_routes_of_kiosks_are_known_by_their_addresses() -> None:
    api = [route for route in ROUTES if route.path.startswith("/api/")]
    assert {r.path for r in api if is_of_kiosks(r)} == {
        r.path for r in api if not is_of_people(r.path)
    }


@pytest.mark.parametrize("annotation", BODIES)
def test_body_of_people_refuses_unknown_keys(annotation: Any) -> None:
    found = list(models_in(annotation))
    is_word = isinstance(annotation, type) and issubclass(annotation, StrEnum)
    assert found or is_word or annotation in WITHOUT_KEYS
    assert [one for one in found if one.model_config.get("extra") != "forbid"] == []


def test_there_are_bodies_to_check() -> None:
    assert len(BODIES) > 40


def test_body_of_kiosks_takes_keys_of_later_versions() -> None:
    kiosks = [one for r in ROUTES if is_of_kiosks(r) for t in body_types(r) for one in models_in(t)]
    assert kiosks
    assert [one for one in kiosks if one.model_config.get("extra") == "forbid"] == []
