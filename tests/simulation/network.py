"""HTTP between kiosks and servers: lost requests, lost answers, repeats, captive portals."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from tests.simulation.broker import Weather
from tests.simulation.world import Host, World

_ROUND_TRIP_S = (0.004, 0.08)
_PORTAL_PAGE = b"<html><body>Please sign in to the guest network.</body></html>"
_PORTAL_JSON = b'{"error": {"code": "unknown_device", "message": "no"}}'


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class HTTPServer(Protocol):
    """A machine that answers HTTP; None where it died meanwhile."""

    name: str
    is_up: bool

    def answer(self, request: requests.PreparedRequest, address: str) -> Answer | None:
        """Carry a request out."""


class Network:
    """What lies between kiosks and servers."""

    def __init__(self, world: World, weather: Weather, servers: Callable[[], list[HTTPServer]]):
        self._world = world
        self._weather = weather
        self._servers = servers

    def exchange(self, request: requests.PreparedRequest) -> requests.Response:
        """Carry one request of the machine at hand to a server and the answer back.

        Raises:
            requests.ConnectionError: it did not arrive.
            requests.ReadTimeout: it arrived, and the answer was lost.
        """
        host = self._world.host
        assert host is not None
        host.point("before request")
        answer = self._travel(host, request)
        host.point("after request")
        return _response(request, answer)

    def _travel(self, host: Host, request: requests.PreparedRequest) -> Answer:
        world, weather = self._world, self._weather
        world.pass_time(world.chance.uniform(*_ROUND_TRIP_S))
        if host.name in weather.portals:
            return self._portal(request)
        servers = [one for one in self._servers() if one.is_up]
        if host.name in weather.cut or not servers or world.happens(weather.loss):
            raise requests.ConnectionError("the request was lost")
        server = world.chance.choice(servers)
        if world.happens(weather.repeat):
            server.answer(request, host.name)
        answer = server.answer(request, host.name) if server.is_up else None
        if world.happens(weather.late):
            world.pass_time(world.chance.uniform(1.0, 20.0))
        if answer is None or world.happens(weather.loss):
            raise requests.ReadTimeout("the answer was lost")
        world.pass_time(world.chance.uniform(*_ROUND_TRIP_S))
        return answer

    def _portal(self, request: requests.PreparedRequest) -> Answer:
        """Answer as a guest network does, or as an older server would."""
        chance = self._world.chance
        kind = chance.choice(("page", "redirect", "unknown", "empty", "away"))
        self._world.note(f"captive portal answers {request.method} with {kind}")
        wrong_date = {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}
        if kind == "page":
            return Answer(200, wrong_date | {"Content-Type": "text/html"}, _PORTAL_PAGE)
        if kind == "redirect":
            return Answer(302, {"Location": "http://guest.example/"}, b"")
        if kind == "unknown":
            return Answer(401, {"Content-Type": "application/json"}, _PORTAL_JSON)
        if kind == "empty":
            return Answer(204, wrong_date, b"")
        return Answer(503, {}, b"")


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.raw = urllib3.HTTPResponse(BytesIO(answer.body), preload_content=False)
    response.url = request.url or ""
    response.request = request
    return response
