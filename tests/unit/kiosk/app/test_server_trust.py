"""The server renews its authority, and kiosks follow it without a restart and over one."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kiosk.app.device import Device, DeviceHooks
from kiosk.app.onboarding import Identity, server_client
from kiosk.app.server_trust import Authorities, authorities_of, authorities_path
from kiosk.config import load_settings
from kiosk.domain.links import LinkSecurity
from kiosk.storage.authorities import AuthoritiesFile
from kiosk.storage.identity import ClaimPlace, IdentityStore, Keys
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import BrokerAccess, ClaimResponse, ConfigDocument
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import SIGNING_KEY, broker_access, claim_response, config
from tests.support.authorities import Authority

KEYS = Keys(SIGNING_KEY, make_sealing_key())
SCHOOL, NEXT = Authority("School"), Authority("School 2")
OTHER = Authority("Corporation")


def claimed(
    ca_pem: str | None = SCHOOL.pem, broker: BrokerAccess | None = None, number: int = 1
) -> ClaimResponse:
    claim = claim_response(sealing_public_text(KEYS.sealing), broker=broker, claim=number)
    return claim.model_copy(update={"ca_pem": ca_pem})


@contextmanager
def device(folder: Path, url: str, claim: ClaimResponse) -> Iterator[Device]:
    """A kiosk with this claim that downloads only when the test says so."""
    clock = SystemClock()
    settings = load_settings(data_dir=folder, server_url=url)
    IdentityStore(folder / "identity").save_claim(claim, KEYS)
    hooks = DeviceHooks(lambda _t: None, on_revoked=lambda: None, send_status=lambda: None)
    device = Device(settings, Identity(claim, KEYS), server_client(settings, clock), clock, hooks)
    with closing(device.outbox), closing(device.gallery), closing(device.changeover):
        yield device


def renewing(pem: str | None) -> SchoolServer:
    """A server whose configuration names these authorities."""
    school = SchoolServer()
    school.config = config("c2").model_copy(update={"ca_pem": pem})
    return school


def test_a_new_authority_is_known_before_it_signs_and_after_a_restart(tmp_path: Path) -> None:
    claim = claimed()
    school = renewing(SCHOOL.pem + NEXT.pem)
    with (
        serving(school, context=SCHOOL.leaf().server_context(tmp_path)) as url,
        device(tmp_path / "kiosk", url, claim) as kiosk,
    ):
        assert kiosk.downloader.download()
    with (
        serving(school, context=NEXT.leaf().server_context(tmp_path)) as url,
        device(tmp_path / "kiosk", url, claim) as restarted,
    ):
        assert restarted.downloader.download()


def test_an_authority_that_left_is_not_trusted_any_more(tmp_path: Path) -> None:
    claim = claimed()
    with (
        serving(renewing(NEXT.pem), context=SCHOOL.leaf().server_context(tmp_path)) as url,
        device(tmp_path / "kiosk", url, claim) as kiosk,
    ):
        kiosk.downloader.download()
        works = kiosk.downloader.download()
        security = kiosk.client.security

    assert not works
    assert security is LinkSecurity.FOREIGN_AUTHORITY


@pytest.mark.parametrize("named", [None, "no certificate"], ids=["older server", "damaged"])
def test_a_configuration_without_authorities_changes_nothing(
    tmp_path: Path, named: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    claim = claimed()
    with (
        caplog.at_level(logging.CRITICAL),
        serving(renewing(named), context=SCHOOL.leaf().server_context(tmp_path)) as url,
        device(tmp_path / "kiosk", url, claim) as kiosk,
    ):
        kiosk.downloader.download()
        assert kiosk.downloader.download()


def test_an_unsigned_configuration_changes_no_authority(tmp_path: Path) -> None:
    school = renewing(NEXT.pem)
    school.is_signing = False
    with serving(school) as url, device(tmp_path / "kiosk", url, claimed()) as kiosk:
        kiosk.downloader.download()

        assert kiosk.client.trust.authorities == SCHOOL.pem


def test_the_broker_follows_where_it_has_the_same_authority(tmp_path: Path) -> None:
    shared = broker_access(1).model_copy(update={"tls": True, "ca_pem": SCHOOL.pem})
    other = shared.model_copy(update={"ca_pem": NEXT.pem})
    for broker, expected in ((shared, SCHOOL.pem + NEXT.pem), (other, NEXT.pem)):
        folder = tmp_path / str(len(expected))
        with (
            serving(renewing(SCHOOL.pem + NEXT.pem)) as url,
            device(folder, url, claimed(broker=broker)) as kiosk,
        ):
            kiosk.downloader.download()
            assert kiosk.link is not None
            assert kiosk.link._trust.authorities == expected
            kiosk.link.stop()


BOTH = SCHOOL.pem + NEXT.pem


@pytest.mark.parametrize(
    ("server", "broker", "configurations", "expected"),
    [
        (None, SCHOOL.pem, [(None, BOTH)], BOTH),
        (SCHOOL.pem, SCHOOL.pem, [(OTHER.pem, None)], SCHOOL.pem),
        (SCHOOL.pem, SCHOOL.pem, [(OTHER.pem, BOTH)], BOTH),
        (SCHOOL.pem, SCHOOL.pem, [(BOTH, None), (NEXT.pem, None)], NEXT.pem),
        (SCHOOL.pem, SCHOOL.pem, [(BOTH, None), (OTHER.pem, None)], BOTH),
        (SCHOOL.pem, SCHOOL.pem, [(None, "damaged")], SCHOOL.pem),
        (None, None, [(None, None)], None),
    ],
    ids=["public server", "other one", "stated", "shared renewal", "left", "damaged", "public"],
)
def test_the_broker_is_trusted_by_its_own_authorities(
    tmp_path: Path,
    server: str | None,
    broker: str | None,
    configurations: list[tuple[str | None, str | None]],
    expected: str | None,
) -> None:
    """Server and broker may share an authority, or not, and each may get another one."""
    access = broker_access(1).model_copy(update={"tls": True, "ca_pem": broker})
    claim = claimed(server, broker=access)
    settings, clock = load_settings(data_dir=tmp_path), SystemClock()
    (tmp_path / "identity").mkdir()

    def started() -> Authorities:
        return Authorities(settings, claim, ClaimPlace(), server_client(settings, clock), clock)

    running = started()
    for named, stated in configurations:
        document = SimpleNamespace(ca_pem=named, broker_ca_pem=stated)
        running.follow(cast("ConfigDocument", document))

    assert running.broker.authorities == expected
    assert started().broker.authorities == expected


def test_a_server_that_states_no_authority_of_its_broker_changes_nothing(tmp_path: Path) -> None:
    claim = claimed(None, broker=broker_access(1).model_copy(update={"ca_pem": SCHOOL.pem}))
    settings, clock = load_settings(data_dir=tmp_path), SystemClock()
    trust = Authorities(settings, claim, ClaimPlace(), server_client(settings, clock), clock)
    trust.follow(cast("ConfigDocument", SimpleNamespace(ca_pem=None, broker_ca_pem=None)))

    assert (trust.broker.version, list(tmp_path.iterdir())) == (0, [])


def test_stored_authorities_of_an_earlier_claim_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "identity").mkdir()
    file = AuthoritiesFile(authorities_path(load_settings(data_dir=tmp_path)))
    file.save(claimed(), NEXT.pem, None)

    assert file.load(claimed()) == NEXT.pem
    assert file.load(claimed(number=2)) == SCHOOL.pem
    assert file.load(claimed(ca_pem=None, number=2)) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"null"])
def test_damaged_authorities_leave_those_of_the_claim(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "authorities.json"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert AuthoritiesFile(path).load(claimed()) == SCHOOL.pem
    assert "authorities unreadable" in caplog.text


def test_a_revocation_takes_the_authorities_too(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    store.save_claim(claimed(), KEYS)
    path = authorities_path(load_settings(data_dir=tmp_path))
    AuthoritiesFile(path).save(claimed(), NEXT.pem, None)
    store.forget_claim()

    assert not path.exists()


def test_the_file_of_the_settings_counts_beside_what_the_server_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(NEXT.pem)
    settings = load_settings(data_dir=tmp_path, server_ca=tmp_path / "ca.pem")

    assert authorities_of(settings, SCHOOL.pem) == f"{NEXT.pem}\n{SCHOOL.pem}"


def test_a_missing_file_of_the_settings_does_not_mean_public_certificates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load_settings(data_dir=tmp_path, server_ca=tmp_path / "none.pem")
    with caplog.at_level(logging.ERROR):
        assert authorities_of(settings, None) is not None
    assert "server_ca unreadable" in caplog.text
