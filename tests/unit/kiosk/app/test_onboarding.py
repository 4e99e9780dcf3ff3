import logging
import threading
from pathlib import Path

import pytest

from kiosk.app.onboarding import Onboarding
from kiosk.domain.screens import SetupStage
from kiosk.errors import ClaimRefusedError, DiskFullError
from kiosk.storage.identity import ClaimPlace, IdentityStore, Keys
from protocol.v1.messages import ClaimRequest, ClaimResponse
from tests.fakes.school import KIOSK_ID, claim_response
from tests.support.waiting import wait_until

RIGHT, WRONG = "ABCD2345", "ZZZZ9999"


class Office:
    """Answers claims: one code is right."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        self.codes.append(request.claim_code)
        if request.claim_code != RIGHT:
            raise ClaimRefusedError(403, "claim_refused")
        return claim_response(request.sealing_key)


class Newcomer:
    """An unclaimed kiosk."""

    def __init__(self, folder: Path, store: IdentityStore | None = None) -> None:
        self.store = store or IdentityStore(folder)
        self.office = Office()
        self.stop = threading.Event()
        self.stages: list[SetupStage] = []
        self.onboarding = Onboarding(
            self.store,
            self.office,
            retry_max_s=1,
            stop=self.stop,
            on_stage=self.stages.append,
        )

    def waits(self, code: str | None) -> ClaimResponse | None:
        found = self.onboarding.wait_for_identity(code)
        return None if found is None else found.claim


def test_code_from_the_settings_claims_the_kiosk(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)

    claim = newcomer.waits(RIGHT)

    assert claim is not None
    assert claim.kiosk_id == KIOSK_ID
    assert newcomer.store.claim() == claim


def test_claimed_kiosk_asks_nobody(tmp_path: Path) -> None:
    Newcomer(tmp_path).waits(RIGHT)
    again = Newcomer(tmp_path)

    assert again.waits("USED0000") is not None
    assert again.office.codes == []


def test_code_typed_on_the_screen_counts(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.onboarding.enter_code(RIGHT)

    assert newcomer.waits(None) is not None
    assert newcomer.stages[0] is SetupStage.NEEDS_CLAIM_CODE


@pytest.mark.parametrize("wrong", [WRONG, "no code at all"])
def test_wrong_code_is_said_and_the_next_one_counts(
    tmp_path: Path, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.onboarding.enter_code(RIGHT)
    with caplog.at_level(logging.ERROR):
        claim = newcomer.waits(wrong)

    assert claim is not None
    assert SetupStage.CLAIM_REFUSED in newcomer.stages
    assert wrong not in caplog.text


def test_claim_by_another_process_is_noticed(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    found: list[ClaimResponse | None] = []
    waiting = threading.Thread(target=lambda: found.append(newcomer.waits(None)))
    waiting.start()
    wait_until(lambda: newcomer.stages, what="the question for a code")
    Newcomer(tmp_path).waits(RIGHT)
    waiting.join(10)

    assert found[0] is not None
    assert newcomer.office.codes == []


def test_damaged_credentials_ask_for_a_new_code(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "claim.json").write_bytes(b"{")
    (tmp_path / "claim.json").chmod(0o600)
    newcomer = Newcomer(tmp_path)
    with caplog.at_level(logging.ERROR):
        claim = newcomer.waits(RIGHT)

    assert claim is not None
    assert "damaged" in caplog.text


def test_credentials_are_not_lost_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class FullOnce(IdentityStore):
        tries = 0

        def save_claim(
            self, claim: ClaimResponse, keys: Keys, place: ClaimPlace | None = None
        ) -> None:
            self.tries += 1
            if self.tries == 1:
                raise DiskFullError("full")
            super().save_claim(claim, keys, place)

    monkeypatch.setattr("kiosk.app.onboarding._SAVE_AGAIN_S", 0.01)
    newcomer = Newcomer(tmp_path, FullOnce(tmp_path))
    with caplog.at_level(logging.ERROR):
        claim = newcomer.waits(RIGHT)

    assert claim == newcomer.store.claim()
    assert newcomer.office.codes == [RIGHT]


def test_waiting_ends_when_told(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.stop.set()

    assert newcomer.waits(None) is None
