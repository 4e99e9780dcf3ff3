"""How the application is put together."""

from server.app import ROUTERS, create_app
from server.config import Settings


def test_no_request_waits_until_its_route_is_built_again() -> None:
    served = {id(route) for route in create_app(Settings()).routes}

    assert all(id(route) in served for router in ROUTERS for route in router.routes)
