from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import AnswerError, ClaimRefusedError, RefusedError, UnreachableError
from kiosk.storage.identity import Keys
from kiosk.sync.claim import ClaimOffer, claim_request
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from protocol.v1.messages import ClaimRequest, ClockSource, EventBatch
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import DEVICE_TOKEN, KIOSK_ID, SIGNING_KEY, upsert
from tests.support.ports import free_port

KEYS = Keys(SIGNING_KEY, make_sealing_key())


@pytest.fixture
def school() -> SchoolServer:
    return SchoolServer()


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def client(school: SchoolServer, clock: SystemClock) -> Iterator[ServerClient]:
    with serving(school) as url:
        client = ServerClient(url, clock)
        client.use_token(DEVICE_TOKEN)
        yield client


def _request(code: str = CLAIM_CODE) -> ClaimRequest:
    offer = ClaimOffer(code, KEYS.signing, sealing_public_text(KEYS.sealing), "0.1.0", "test")
    return claim_request(offer)


def test_claim_brings_credentials(client: ServerClient) -> None:
    claim = client.claim(_request("abcd-2345"))

    assert (claim.kiosk_id, claim.device_token) == (KIOSK_ID, DEVICE_TOKEN)


def test_wrong_claim_code_is_a_refusal(client: ServerClient) -> None:
    with pytest.raises(ClaimRefusedError) as refusal:
        client.claim(_request("ZZZZ9999"))

    assert (refusal.value.status, refusal.value.code) == (403, "claim_refused")


def test_configuration_is_downloaded_once_while_it_stays_the_same(
    client: ServerClient, school: SchoolServer
) -> None:
    first = client.config("")
    assert first is not None

    assert first.document == school.config
    assert client.config(first.etag) is None


def test_gallery_page_starts_where_asked(client: ServerClient, school: SchoolServer) -> None:
    school.upserts = [upsert(number) for number in (1, 2, 3)]

    page = client.gallery_page(1, 1)

    assert (page.since, page.next, page.complete) == (1, 2, False)


def test_empty_batch_gets_an_ack(client: ServerClient) -> None:
    ack = client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))

    assert ack.stored_through == 0


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_server_that_cannot_answer_now_counts_as_away(
    client: ServerClient, school: SchoolServer, status: int
) -> None:
    school.broken_status = status

    with pytest.raises(UnreachableError):
        client.gallery_page(0, 10)


@pytest.mark.parametrize("status", [400, 404, 302])
def test_other_refusals_keep_status_and_code(
    client: ServerClient, school: SchoolServer, status: int
) -> None:
    school.broken_status = status

    with pytest.raises(RefusedError) as refusal:
        client.gallery_page(0, 10)

    assert (refusal.value.status, refusal.value.code) == (status, "broken")


def test_unknown_token_is_a_refusal_that_shows_in_the_health(client: ServerClient) -> None:
    client.use_token("another-token-of-this-kiosk")

    with pytest.raises(RefusedError, match="unknown_device"):
        client.config("")

    assert client.health is LinkHealth.REFUSED


def test_answer_that_makes_no_sense_has_its_own_error(
    client: ServerClient, school: SchoolServer
) -> None:
    school.spoil_page = True

    with pytest.raises(AnswerError):
        client.gallery_page(0, 10)


def test_nobody_listening_counts_as_away(clock: SystemClock) -> None:
    client = ServerClient(f"http://127.0.0.1:{free_port()}", clock, Timeouts(0.5, 0.5))

    with pytest.raises(UnreachableError):
        client.config("")

    assert client.health is LinkHealth.DOWN


def test_every_answer_measures_the_clock(client: ServerClient, clock: SystemClock) -> None:
    assert clock.reading().offset_ms is None

    client.config("")

    reading = clock.reading()
    assert reading.offset_ms is not None
    assert abs(reading.offset_ms) <= 1500
    assert reading.age_s is not None
    assert client.health is LinkHealth.UP


def test_refusals_measure_the_clock_too(client: ServerClient, clock: SystemClock) -> None:
    with pytest.raises(ClaimRefusedError):
        client.claim(_request("ZZZZ9999"))

    assert clock.reading().offset_ms is not None


def test_clock_says_how_it_was_last_checked(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("clock")
    clock = SystemClock(ntp_mark=folder / "ntp", rtc_device=folder / "rtc")
    before = clock.reading().source
    now_s = clock.monotonic_s()
    clock.compare(
        datetime.now(UTC) + timedelta(hours=1), sent_at_s=now_s - 0.1, received_at_s=now_s
    )
    compared = clock.reading()
    (folder / "ntp").touch()

    assert before is ClockSource.UNSYNCED
    assert compared.source is ClockSource.SERVER
    assert compared.offset_ms is not None
    assert abs(compared.offset_ms - 3_600_050) < 40
    assert clock.reading().source is ClockSource.NTP


def test_clock_with_a_battery_is_trusted_as_such(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("clock")
    (folder / "rtc").touch()

    clock = SystemClock(ntp_mark=folder / "ntp", rtc_device=folder / "rtc")

    assert clock.reading().source is ClockSource.RTC
