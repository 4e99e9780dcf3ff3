"""Passwords are checked in few threads with a short queue, and others work meanwhile."""

import asyncio
import threading

import pytest

from server.app import ROUTERS
from server.errors import SignInBusyError
from server.web.threads import (
    _LANE,
    _PASSWORDS_WAITING,
    _THREADS,
    _WAITING_OF_ONE,
    ThreadLane,
    run_in_lane,
)

PASSWORDS = ThreadLane.PASSWORDS
HASHING = {
    "/password",
    "/second-factor/start",
    "/tokens/new",
    "/users/new",
    "/users/passwords",
    "/users/{account_id}/password",
    "/api/v1/sign-in/password",
    "/api/v1/sign-in/second-factor",
    "/api/v1/accounts",
    "/api/v1/accounts/{account_id}/password",
}


def test_a_full_queue_refuses_at_once_and_readers_work_on() -> None:
    may_end = threading.Event()
    ran: list[int] = []

    def check() -> None:
        assert may_end.wait(60)
        ran.append(threading.get_ident())

    async def scenario() -> str:
        places = _THREADS[PASSWORDS] + _PASSWORDS_WAITING
        waiting = [asyncio.create_task(run_in_lane(PASSWORDS, check)) for _ in range(places)]
        await asyncio.sleep(0)  # each takes its place
        with pytest.raises(SignInBusyError):
            await run_in_lane(PASSWORDS, check)
        page = await run_in_lane(ThreadLane.READERS, lambda: "a page")
        may_end.set()
        await asyncio.gather(*waiting)
        return page

    assert asyncio.run(scenario()) == "a page"
    assert len(ran) == _THREADS[PASSWORDS] + _PASSWORDS_WAITING
    assert len(set(ran)) <= _THREADS[PASSWORDS]


def test_one_place_does_not_fill_the_queue() -> None:
    may_end = threading.Event()

    def check() -> str:
        assert may_end.wait(60)
        return "checked"

    async def scenario() -> list[str]:
        first = [
            asyncio.create_task(run_in_lane(PASSWORDS, check)) for _ in range(_THREADS[PASSWORDS])
        ]
        await asyncio.sleep(0)  # every thread has its work
        flood = [
            asyncio.create_task(run_in_lane(PASSWORDS, check, holder="flood"))
            for _ in range(_WAITING_OF_ONE)
        ]
        await asyncio.sleep(0)
        with pytest.raises(SignInBusyError):
            await run_in_lane(PASSWORDS, check, holder="flood")
        other = asyncio.create_task(run_in_lane(PASSWORDS, check, holder="school"))
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(*first, *flood)
        return [await other, await run_in_lane(PASSWORDS, check, holder="flood")]

    assert asyncio.run(scenario()) == ["checked", "checked"]


def test_every_endpoint_that_hashes_a_password_runs_there() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    found = {
        getattr(route, "path", "")
        for route in routes
        if getattr(getattr(route, "endpoint", None), _LANE, None) is PASSWORDS
    }
    assert found == HASHING
