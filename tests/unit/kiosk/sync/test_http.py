from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import (
    AnswerError,
    ClaimRefusedError,
    PacedError,
    RefusedError,
    RevokedError,
    UnprovenAnswerError,
    UnreachableError,
)
from kiosk.storage.identity import Keys
from kiosk.sync.claim import ClaimOffer, claim_request
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from protocol.v1.messages import ClaimRequest, ClaimResponse, EventBatch, Revocation
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from protocol.v1.signing import make_key, public_text
from protocol.v1.statements import sign_revocation
from tests.fakes.kiosk_clock import START
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.fakes.school import (
    CLAIM,
    DEVICE_TOKEN,
    KIOSK_ID,
    SERVER_KEY,
    SIGNING_KEY,
    revocation,
    upsert,
)
from tests.support.ports import free_port

KEYS = Keys(SIGNING_KEY, make_sealing_key())
EARLY_CLAIM = CLAIM.model_copy(update={"claim": 0})
BEFORE_CLAIM = revocation(0).model_copy(update={"revoked_at": START - timedelta(seconds=1)})


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
        client.use_claim(CLAIM)
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


@pytest.mark.parametrize("code", [CLAIM_CODE, "ZZZZ9999"])
def test_a_claim_in_use_is_replaced_by_its_own_server_alone(
    school: SchoolServer, clock: SystemClock, code: str
) -> None:
    known = CLAIM.model_copy(update={"server_key": public_text(make_key())})
    with serving(school) as url:
        client = ServerClient(url, clock)
        client.use_claim(known)

        with pytest.raises(UnprovenAnswerError):
            client.claim(_request(code))

    assert clock.reading().offset_ms is None


@pytest.mark.parametrize("code", [CLAIM_CODE, "ZZZZ9999"])
def test_a_claim_at_a_server_that_does_not_sign_says_so(
    client: ServerClient, school: SchoolServer, code: str
) -> None:
    school.is_signing = False

    with pytest.raises(UnprovenAnswerError, match="too old or another one"):
        client.claim(_request(code))

    assert client.health is LinkHealth.OTHER_SERVER


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


def test_gallery_without_changes_is_sent_once(client: ServerClient, school: SchoolServer) -> None:
    pages = [client.gallery_page(0, 10) for _ in range(3)]

    assert pages[0].complete
    assert pages == [pages[0]] * 3
    assert school.gallery_hits == [200, 304, 304]

    school.upserts = [upsert(1)]
    assert [client.gallery_page(0, 10).next for _ in range(2)] == [1, 1]
    assert school.gallery_hits[3:] == [200, 200]


def test_what_is_known_of_a_gallery_ends_with_its_place_and_its_claim(
    client: ServerClient, school: SchoolServer
) -> None:
    client.gallery_page(0, 10)

    client.gallery_page(0, 20)
    client.use_claim(CLAIM)
    client.gallery_page(0, 20)

    assert school.gallery_hits == [200, 200, 200]


def test_empty_batch_gets_an_ack(client: ServerClient) -> None:
    ack = client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))

    assert ack.stored_through == 0


def test_ack_for_another_kiosk_is_none(client: ServerClient) -> None:
    with pytest.raises(AnswerError, match="another kiosk"):
        client.send_events(EventBatch(kiosk_id="kiosk-8", events=()))


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_server_that_cannot_answer_now_counts_as_away(
    client: ServerClient, school: SchoolServer, status: int
) -> None:
    school.broken_status = status

    with pytest.raises(UnreachableError):
        client.gallery_page(0, 10)


def test_server_that_asks_to_send_later_is_up(client: ServerClient, school: SchoolServer) -> None:
    school.paced = {"retry_after_s": 7, "invented_later": [1]}

    with pytest.raises(PacedError) as own:
        client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))
    with pytest.raises(PacedError) as earlier:
        client.send_earlier_events(EventBatch(kiosk_id=KIOSK_ID, events=()))

    assert (own.value.retry_after_s, earlier.value.retry_after_s) == (7, 7)
    assert client.health is LinkHealth.UP


@pytest.mark.parametrize(
    "details", [{}, {"retry_after_s": 0}, {"retry_after_s": 10**9}, {"retry_after_s": "soon"}]
)
def test_wait_that_makes_no_sense_is_not_kept_to(
    client: ServerClient, school: SchoolServer, details: dict[str, Any]
) -> None:
    school.paced = details

    with pytest.raises(UnreachableError) as failure:
        client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))

    assert not isinstance(failure.value, PacedError)
    assert client.health is LinkHealth.UP


def test_wait_that_the_server_did_not_sign_is_not_kept_to(
    client: ServerClient, school: SchoolServer
) -> None:
    school.paced, school.is_signing = {"retry_after_s": 3000}, False

    with pytest.raises(UnprovenAnswerError):
        client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))


@pytest.mark.parametrize("status", [400, 404, 302])
def test_other_refusals_keep_status_and_code(
    client: ServerClient, school: SchoolServer, status: int
) -> None:
    school.broken_status = status

    with pytest.raises(RefusedError) as refusal:
        client.gallery_page(0, 10)

    assert (refusal.value.status, refusal.value.code) == (status, "broken")


def test_not_modified_without_an_etag_is_no_success(
    client: ServerClient, school: SchoolServer
) -> None:
    school.broken_status = 304

    with pytest.raises(RefusedError):
        client.gallery_page(0, 10)


def test_server_that_does_not_know_the_kiosk_is_named_and_revokes_nothing(
    client: ServerClient, school: SchoolServer
) -> None:
    school.knows_kiosk = False

    with pytest.raises(RefusedError, match="unknown_device") as refusal:
        client.config("")

    assert not isinstance(refusal.value, RevokedError)
    assert client.health is LinkHealth.UNKNOWN_KIOSK


@pytest.mark.parametrize(
    ("claim", "said"), [(CLAIM, revocation()), (EARLY_CLAIM, revocation(0))], ids=["1", "0"]
)
def test_revocation_of_this_claim_ends_it(
    client: ServerClient, school: SchoolServer, claim: ClaimResponse, said: Revocation
) -> None:
    client.use_claim(claim)
    school.revocation = said

    with pytest.raises(RevokedError):
        client.config("")


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (CLAIM, revocation(2)),
        (CLAIM, revocation(0)),
        (CLAIM, revocation(1, "kiosk-8")),
        (CLAIM, sign_revocation(revocation(), make_key())),
        (CLAIM, revocation().model_copy(update={"revoked_at": START})),
        (EARLY_CLAIM, sign_revocation(BEFORE_CLAIM, SERVER_KEY)),
    ],
    ids=["later claim", "earlier claim", "kiosk", "key", "changed", "before the claim"],
)
def test_any_other_revocation_is_a_temporary_fault(
    client: ServerClient, school: SchoolServer, claim: ClaimResponse, said: Revocation
) -> None:
    client.use_claim(claim)
    school.revocation = said

    with pytest.raises(RefusedError) as refusal:
        client.config("")

    assert not isinstance(refusal.value, RevokedError)
    assert client.health is LinkHealth.UNKNOWN_KIOSK


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


def test_every_signed_answer_measures_the_clock(client: ServerClient, clock: SystemClock) -> None:
    assert clock.reading().offset_ms is None

    client.config("")

    reading = clock.reading()
    assert reading.offset_ms is not None
    assert abs(reading.offset_ms) <= 1500
    assert reading.age_s is not None
    assert client.health is LinkHealth.UP


def test_signed_refusals_measure_the_clock_too(
    client: ServerClient, school: SchoolServer, clock: SystemClock
) -> None:
    school.knows_kiosk = False
    with pytest.raises(RefusedError):
        client.config("")

    assert clock.reading().offset_ms is not None


def test_refused_claim_measures_nothing_as_its_key_is_not_known(
    school: SchoolServer, clock: SystemClock
) -> None:
    with serving(school) as url, pytest.raises(ClaimRefusedError):
        ServerClient(url, clock).claim(_request("ZZZZ9999"))

    assert clock.reading().offset_ms is None
