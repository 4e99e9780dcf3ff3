"""Deny by default: an endpoint without a guard stops the start."""

import pytest
from fastapi import APIRouter, Depends, Request

from server.app import ROUTERS
from server.errors import ConfigurationError
from server.web.access import PUBLIC, SignedInDep, access_guard
from server.web.routes import GuardedRouter, refuse_unguarded


def test_every_endpoint_of_the_server_is_guarded() -> None:
    refuse_unguarded(ROUTERS)


def test_unguarded_endpoint_stops_the_start_and_is_named() -> None:
    router = GuardedRouter()

    @router.get("/open-by-mistake")
    def endpoint() -> None: ...

    with pytest.raises(ConfigurationError, match="open-by-mistake"):
        refuse_unguarded([router])


def test_guards_are_seen_wherever_they_stand() -> None:
    router = GuardedRouter()

    @access_guard
    def token(_request: Request) -> None: ...

    def through(_: None = Depends(token)) -> None: ...

    @router.get("/a", dependencies=[PUBLIC])
    def public() -> None: ...

    @router.get("/b")
    def signed_in(_: SignedInDep) -> None: ...

    @router.get("/c", dependencies=[Depends(through)])
    def device() -> None: ...

    refuse_unguarded([router])


def test_router_that_would_read_bodies_before_its_guard_stops_the_start() -> None:
    router = APIRouter()

    @router.post("/early", dependencies=[PUBLIC])
    def endpoint() -> None: ...

    with pytest.raises(ConfigurationError, match="early is not on a GuardedRouter"):
        refuse_unguarded([router])
