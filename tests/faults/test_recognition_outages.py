"""The ML service misbehaves in every way: no photo is lost, and the Today page says what is wrong.

Real processes: the server, the ML service, and a proxy between them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.jobs.service import MAX_ATTEMPTS
from tests.faults import recognition as world
from tests.faults.recognition import Proxy, Server
from tests.support.ports import is_listening
from tests.support.processes import Process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

REFUSED = "The recognition service refuses our key."
MISSING = "The server has no key for the recognition service."
FOREIGN = "Something else answers in place of the recognition service."
OVERLOADED = "The recognition service is overloaded."


@pytest.fixture(scope="module")
def ml(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, str]]:
    """A real ML service; a test that kills it starts it again."""
    del assets
    process, url, is_ready = world.ml_service(tmp_path_factory.mktemp("ml"))
    process.start(is_ready)
    yield process, url
    process.stop()
    process.kill()


@pytest.fixture
def proxy(ml: tuple[Process, str]) -> Iterator[Proxy]:
    with world.proxied(ml[1]) as proxy:
        yield proxy


@pytest.fixture
def server(proxy: Proxy, tmp_path: Path) -> Iterator[Server]:
    found = world.server(tmp_path, proxy.url)
    found.start()
    found.sign_in()
    yield found
    found.process.stop()
    found.process.kill()


@pytest.fixture(scope="module")
def photos(assets: Path) -> list[bytes]:
    found = [path.read_bytes() for path in sorted(assets.rglob("person-*-a.jpg"))]
    if len(found) < 2:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return found


def is_accepted(server: Server, enrolment_id: str) -> bool:
    return server.outcome(enrolment_id)["status"] == "accepted"


def says(server: Server, sentence: str, enrolment_id: str) -> bool:
    """Whether Today, the photo, the person's page and /health all say it."""
    return (
        sentence in server.page()
        and sentence in (server.outcome(enrolment_id)["message"] or "")
        and sentence in server.page(f"/people/{server.person_id}")
        and sentence in str(server.health()["ml_problem"])
    )


def waits_and_says(server: Server, sentence: str, photo: bytes) -> str:
    """Hand a photo in; returns its enrolment once every page says what is wrong."""
    enrolment_id = server.enrol(photo)
    wait_until(lambda: says(server, sentence, enrolment_id), what=sentence, timeout_s=60)
    assert server.photos() == 1
    assert server.attempts() in ([("waiting", 0)], [("running", 0)])
    return enrolment_id


@pytest.mark.parametrize(
    ("key", "sentence"), [("an-old-key", REFUSED), ("", MISSING)], ids=["wrong key", "no key"]
)
def test_wrong_or_missing_key(server: Server, photos: list[bytes], key: str, sentence: str) -> None:
    server.process.stop()
    server.start(ML_SERVICE_API_KEY=key)
    enrolment_id = waits_and_says(server, sentence, photos[0])
    assert ("ML_SERVICE_API_KEY is not set" in server.process.log) == (not key)
    server.process.stop()
    server.start(ML_SERVICE_API_KEY=world.KEY)
    wait_until(lambda: is_accepted(server, enrolment_id), what="the photo", timeout_s=60)
    assert sentence not in server.page()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [(world.html_everywhere, FOREIGN), (world.busy, OVERLOADED)],
    ids=["html proxy", "503 with Retry-After"],
)
def test_proxy_that_answers_in_place_of_the_service(
    server: Server,
    proxy: Proxy,
    photos: list[bytes],
    fault: world.Misbehaviour,
    sentence: str,
) -> None:
    proxy.misbehave = fault
    enrolment_id = waits_and_says(server, sentence, photos[0])
    asked = proxy.refused
    wait_until(lambda: proxy.refused > asked, what="another attempt", timeout_s=60)
    assert server.photos() == 1
    proxy.misbehave = None
    wait_until(lambda: is_accepted(server, enrolment_id), what="the photo", timeout_s=60)
    assert sentence not in server.page()


def test_one_photo_that_always_fails_is_parked_and_the_others_pass(
    server: Server, proxy: Proxy, photos: list[bytes]
) -> None:
    proxy.misbehave = world.fails_on(photos[0])
    bad = server.enrol(photos[0])
    good = server.enrol(photos[1])
    wait_until(lambda: is_accepted(server, good), what="the other photo", timeout_s=60)

    def is_parked() -> bool:
        server.skip_pauses()
        return server.attempts() == [("parked", MAX_ATTEMPTS)]

    wait_until(is_parked, what="the bad photo is parked", timeout_s=120)
    assert server.outcome(bad)["reason"] == "PARKED"
    assert "1 job failed too often" in server.page()
    assert server.photos() == 2
    assert "job parked after 6 failures" in server.process.log
    assert 'rollcall_jobs_parked_total{kind="encode"} 1.0' in server.page("/metrics")


def test_service_killed_during_work(
    server: Server, proxy: Proxy, ml: tuple[Process, str], photos: list[bytes]
) -> None:
    hold = world.Hold()
    proxy.misbehave = hold
    process, _url = ml
    enrolment_id = server.enrol(photos[0])
    assert hold.is_holding.wait(60)
    assert server.attempts() == [("running", 0)]
    process.kill()
    hold.release.set()
    wait_until(lambda: server.health()["ml"] == "down", what="the outage", timeout_s=60)
    assert server.photos() == 1
    assert "recognition service" in server.page()
    port = int(process.env["ROLLCALL_ML_PORT"])
    process.start(lambda: is_listening(port))
    wait_until(lambda: is_accepted(server, enrolment_id), what="the photo", timeout_s=60)


def test_server_killed_during_work(server: Server, proxy: Proxy, photos: list[bytes]) -> None:
    hold = world.Hold()
    proxy.misbehave = hold
    enrolment_id = server.enrol(photos[0])
    assert hold.is_holding.wait(60)
    assert server.attempts() == [("running", 0)]
    server.process.kill()
    hold.release.set()
    server.start()
    wait_until(lambda: is_accepted(server, enrolment_id), what="the photo", timeout_s=60)
    assert server.photos() == 1
