import random
import threading

import pytest

from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, UnreachableError
from kiosk.sync.backoff import Backoff
from kiosk.sync.claim import ClaimOffer, claim_request, claim_until_done, clean_code
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.sealing import make_sealing_key, sealing_public_text
from protocol.v1.signing import verify_document
from tests.fakes.school import KIOSK_ID, SIGNING_KEY, claim_response

SEALING_KEY = sealing_public_text(make_sealing_key())
REQUEST = claim_request(ClaimOffer("ABCD2345", SIGNING_KEY, SEALING_KEY, "0.1.0", "test"))


class AwayThenThere:
    """Answers a claim at the third try."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.tries = 0
        self._refuses = refuses

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        self.tries += 1
        if self._refuses:
            raise ClaimRefusedError(403, "claim_refused")
        if self.tries < 3:
            raise UnreachableError("away")
        return claim_response(request.sealing_key)


def _claim(target: AwayThenThere, stop: threading.Event, stages: list[SetupStage]) -> object:
    backoff = Backoff(0.001, 0.001)
    return claim_until_done(target, REQUEST, stop=stop, backoff=backoff, on_stage=stages.append)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("abcd-2345", "ABCD2345"), (" AB CD 23 45 ", "ABCD2345"), ("oilO1234", "01101234")],
)
def test_code_is_understood_as_people_type_it(typed: str, meant: str) -> None:
    assert clean_code(typed) == meant


def test_code_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="claim_code"):
        claim_request(ClaimOffer("too long to be one", SIGNING_KEY, SEALING_KEY, "", ""))


def test_request_proves_that_we_hold_the_key_in_it() -> None:
    body = REQUEST.model_dump(mode="json", exclude={"proof"})

    verify_document(body, REQUEST.proof, SIGNING_KEY.public_key(), context="claim")


def test_claim_waits_for_a_server_that_is_away_and_says_so() -> None:
    stages: list[SetupStage] = []

    claim = _claim(AwayThenThere(), threading.Event(), stages)

    assert isinstance(claim, ClaimResponse)
    assert claim.kiosk_id == KIOSK_ID
    assert stages[0] is SetupStage.CLAIMING
    assert set(stages[1:]) == {SetupStage.SERVER_AWAY}


def test_refused_claim_is_not_tried_again() -> None:
    target, stages = AwayThenThere(refuses=True), list[SetupStage]()

    with pytest.raises(ClaimRefusedError):
        _claim(target, threading.Event(), stages)

    assert target.tries == 1
    assert stages[-1] is SetupStage.CLAIM_REFUSED


def test_waiting_for_the_server_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()

    assert _claim(AwayThenThere(), stop, []) is None


def test_delays_double_up_to_a_limit_with_jitter() -> None:
    backoff = Backoff(1.0, 60.0, random.Random(1))

    delays = [backoff.next_s() for _ in range(10)]
    backoff.reset()

    full = [min(60.0, 2.0**number) for number in range(10)]
    assert all(most / 2 <= delay <= most for delay, most in zip(delays, full, strict=True))
    assert backoff.next_s() <= 1.0
