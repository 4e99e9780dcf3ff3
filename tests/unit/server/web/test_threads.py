"""Passwords are checked in few threads with a short queue, and others work meanwhile."""

import asyncio
import threading

import pytest

from server.app import ROUTERS
from server.errors import SignInBusyError
from server.web.threads import _LANE, _PASSWORDS_WAITING, _THREADS, ThreadLane, run_in_lane

PASSWORDS = ThreadLane.PASSWORDS
HASHING = {
    "/sign-in",
    "/password",
    "/second-factor/start",
    "/users/new",
    "/users/{account_id}/password",
    "/api/v1/sign-in",
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


def test_every_endpoint_that_hashes_a_password_runs_there() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    found = {
        getattr(route, "path", "")
        for route in routes
        if getattr(getattr(route, "endpoint", None), _LANE, None) is PASSWORDS
    }
    assert found == HASHING
