"""Each client goes through a proxy only where a setting names one, and follows no redirect."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from kiosk.app.onboarding import server_client
from kiosk.config import UnusableSettingsError
from kiosk.config import load_settings as kiosk_settings
from kiosk.domain.health import LinkHealth
from kiosk.errors import SyncError
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import is_move_to_https
from provisioning.cli import main as provision
from provisioning.errors import ProvisioningError
from provisioning.office import Office
from server.config import load_settings as server_settings
from server.ml.encoder import EncoderUnavailableError
from server.ml.http import HTTPFaceEncoder, encoder_from
from server.ml.problems import ServiceProblem
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.ml_server import API_KEY, ml_server
from tests.fakes.school import CLAIM, DEVICE_TOKEN
from tests.support.ports import free_port
from tests.support.proxy import ProxyProcess, redirecting, running_proxy

pytestmark = pytest.mark.integration
PASSWORD = "the technician's own password"
SECRETS = (DEVICE_TOKEN, API_KEY, PASSWORD)


def ask_as_kiosk(url: str, proxy: str | None) -> LinkHealth:
    """Fetch the configuration; return how the link is then."""
    settings = kiosk_settings(server_url=url, http_proxy=proxy)
    client = server_client(settings, SystemClock())
    client.use_claim(CLAIM)
    with suppress(SyncError):
        client.config("")
    return client.health


def encoder_for(url: str, proxy: str | None) -> HTTPFaceEncoder:
    return encoder_from(
        server_settings(
            ml_service_url=url,
            ml_service_api_key=API_KEY,
            ml_service_max_retries=0,
            ml_service_proxy=proxy,
        )
    )


def ask_as_server(url: str, proxy: str | None) -> ServiceProblem | None:
    """Send a photo; return what is wrong with the service then."""
    encoder = encoder_for(url, proxy)
    with suppress(EncoderUnavailableError):
        encoder.encode(b"photo", correlation_id="a")
    encoder.proves_itself()
    encoder.close()
    return encoder.problem()


def ask_as_technician(url: str, proxy: str | None) -> str:
    """Sign in; return what is said where that fails."""
    try:
        with Office(url, proxy=proxy).signed_in("tina", PASSWORD, lambda: ""):
            return ""
    except ProvisioningError as exc:
        return str(exc)


@dataclass(frozen=True)
class Service:
    """A client, and the address of the service that it talks to."""

    ask: Callable[[str, str | None], object]
    url: str


@pytest.fixture(scope="module", params=["kiosk", "server", "technician"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if request.param == "server":
        with ml_server() as ml:
            yield Service(ask_as_server, ml.url)
        return
    with serving(SchoolServer()) as url:
        yield Service(ask_as_kiosk if request.param == "kiosk" else ask_as_technician, url)


@pytest.fixture(scope="module")
def proxy() -> Iterator[ProxyProcess]:
    with running_proxy("porter:secret@") as running:
        yield running


def test_named_proxy_is_used_with_its_own_password(service: Service, proxy: ProxyProcess) -> None:
    direct = service.ask(service.url, None)
    before = len(proxy.heard)
    through = service.ask(service.url, proxy.url)

    assert through == direct
    heard = proxy.heard_since(before)
    assert all(f" {service.url}/" in line for line in heard)
    assert all(line.endswith("Basic cG9ydGVyOnNlY3JldA==") for line in heard)


def test_proxy_of_the_environment_is_never_used(
    service: Service, proxy: ProxyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.lower(), proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    before = len(proxy.heard)
    service.ask(service.url, None)

    assert proxy.heard[before:] == []


def test_proxy_hears_no_secret_of_a_server_with_tls(service: Service, proxy: ProxyProcess) -> None:
    before = len(proxy.heard)
    port = service.url.rpartition(":")[2]
    service.ask(f"https://127.0.0.1:{port}", proxy.url)

    heard = proxy.heard_since(before)
    assert {line.split()[0] for line in heard} == {"CONNECT"}
    assert [one for one in SECRETS if one in "".join(heard)] == []


def test_no_secret_follows_a_redirect_to_another_host(service: Service) -> None:
    with (
        redirecting("http://127.0.0.1:9/") as (elsewhere, heard_elsewhere),
        redirecting(f"{elsewhere}/api") as (url, heard),
    ):
        service.ask(url, None)

    assert any(secret in "".join(heard) for secret in SECRETS), "the named server gets them"
    assert heard_elsewhere == []


def test_no_secret_follows_a_redirect_to_another_scheme(service: Service) -> None:
    with redirecting("") as (elsewhere, heard_elsewhere):
        port = elsewhere.rpartition(":")[2]
        with redirecting(f"https://127.0.0.1:{port}/") as (url, _heard):
            said = service.ask(url, None)

    assert heard_elsewhere == []
    is_named = said in (LinkHealth.REDIRECTED, ServiceProblem.REDIRECTED)
    assert is_named or "redirects to https://" in str(said)


def test_redirect_of_a_guest_network_is_no_move_to_https() -> None:
    with redirecting("https://portal.example/sign-in") as (url, _heard):
        assert ask_as_kiosk(url, None) is LinkHealth.FOREIGN
        assert ask_as_server(url, None) is ServiceProblem.NOT_OUR_SERVICE


@pytest.mark.parametrize(
    "target", ["", "/sign-in", "https://", "https://[", "http://host/", "//host/", "https://other/"]
)
def test_only_https_of_the_same_host_is_a_move(target: str) -> None:
    assert not is_move_to_https("http://host", target)
    assert is_move_to_https("http://host:8000", "https://host/api")


def test_proxy_that_is_away_is_no_answer(service: Service) -> None:
    nobody = f"http://porter:secret@127.0.0.1:{free_port()}"
    said = service.ask(service.url, nobody)

    assert said in (LinkHealth.DOWN, ServiceProblem.UNREACHABLE) or "does not answer" in str(said)
    assert "secret" not in str(said)


def test_proxy_without_a_scheme_is_refused_without_repeating_it() -> None:
    wrong = "porter:secret@proxy:3128"
    with pytest.raises(UnusableSettingsError, match="setting http_proxy") as kiosk:
        kiosk_settings(http_proxy=wrong)
    with pytest.raises(ValidationError) as server:
        server_settings(ml_service_proxy=wrong)

    assert "secret" not in str(kiosk.value)
    assert "secret" not in str(server.value.errors(include_input=False))


def test_command_takes_the_proxy(
    proxy: ProxyProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("provision") / "password"
    file.write_text(PASSWORD)
    before = len(proxy.heard)
    with serving(SchoolServer()) as url:
        options = ["claim", "--server", url, "--username", "tina", "--name", "Door", "--room", "R"]
        provision([*options, "--password-file", str(file), "--proxy", proxy.url])

    assert "/api/v1/sign-in" in proxy.heard_since(before)[0]
