"""The status that the server gets: which network is open, and how the next one compares."""

from pathlib import Path

import pytest

from kiosk.app.board import Eyes, HealthBoard
from kiosk.app.commands import network_words
from kiosk.app.parts import BUNDLED_WORDS
from kiosk.config import load_settings
from kiosk.domain.health import CameraHealth, Health, RecognitionState
from kiosk.domain.networks import NetworkState
from kiosk.domain.shadow import ShadowOutcome
from kiosk.storage.outbox import ChainSigner
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import NetworkChoice, Status
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.scans import NEXT_ID
from tests.fakes.school import MODEL_ID, SIGNING_KEY, config
from tests.unit.kiosk.app.test_device import device
from tests.unit.kiosk.storage.drafts import draft, opened

CHANGE = NetworkChoice(current=MODEL_ID, next=NEXT_ID)


def test_the_status_carries_the_networks_and_the_counts(tmp_path: Path) -> None:
    school = SchoolServer()
    school.config = config().model_copy(update={"network": CHANGE})
    heard: list[Health] = []
    with serving(school) as url, device(tmp_path, url, []) as kiosk:
        networks = NetworkState(MODEL_ID, is_bundled=True, next=NEXT_ID)
        eyes = Eyes(lambda: CameraHealth.OK, RecognitionState, network=lambda: networks)
        board = HealthBoard(SystemClock(), kiosk, eyes, heard.append)
        assert board.status().shadow is None
        kiosk.downloader.download()
        kiosk.changeover.tally.add(ShadowOutcome.AGREED, MODEL_ID, NEXT_ID)
        board.refresh()
        status = Status.model_validate_json(board.status().to_json())

    assert status.embedder == MODEL_ID
    assert status.shadow is not None
    assert (status.shadow.model_id, status.shadow.agreed) == (NEXT_ID, 1)
    assert status.parts["recognition_network"].detail == (
        f"{MODEL_ID}; {BUNDLED_WORDS}; the next network {NEXT_ID} is compared beside it"
    )
    assert heard[-1].network == networks


def test_the_status_warns_before_the_outbox_is_full_and_counts_set_aside_events(
    tmp_path: Path,
) -> None:
    stranger = opened(tmp_path, signer=ChainSigner("another", SIGNING_KEY)).outbox
    for _ in range(3):
        stranger.append(draft())
    stranger.close()
    heard: list[Health] = []
    with device(tmp_path, "http://127.0.0.1:1", [], max_events=100) as kiosk:
        eyes = Eyes(lambda: CameraHealth.OK, RecognitionState)
        board = HealthBoard(SystemClock(), kiosk, eyes, heard.append)
        for _ in range(87):
            kiosk.outbox.append(draft())
        board.refresh()
        status = Status.model_validate_json(board.status().to_json())

    assert status.set_aside == 3
    assert status.parts["outbox"].detail == "nearly_full 87"
    assert (status.backlog, status.watermark) == (87, None)


@pytest.mark.parametrize(
    ("setting", "choice", "words"),
    [
        (MODEL_ID, None, [MODEL_ID, BUNDLED_WORDS]),
        ("auto", NetworkChoice(current=NEXT_ID), [NEXT_ID]),
        ("auto", NetworkChoice(current="unheard-of"), ["unheard-of"]),
        ("auto", CHANGE, [MODEL_ID, f"the next one is {NEXT_ID}", BUNDLED_WORDS]),
        (
            f"{MODEL_ID}-int8",
            NetworkChoice(current=NEXT_ID),
            [
                MODEL_ID,
                f"but the school uses {NEXT_ID}: this kiosk recognises nobody",
                BUNDLED_WORDS,
            ],
        ),
    ],
)
def test_the_command_status_says_which_network_is_in_use(
    setting: str, choice: NetworkChoice | None, words: list[str]
) -> None:
    assert network_words(load_settings(embedder=setting), choice) == "; ".join(words)
