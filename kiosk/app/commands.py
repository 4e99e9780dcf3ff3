"""The command that claims a kiosk without a window, and words that commands share."""

import threading
from typing import TextIO

from kiosk.app.onboarding import Onboarding, server_client
from kiosk.app.parts import BUNDLED_WORDS
from kiosk.app.private_files import PrivateFiles
from kiosk.config import Settings
from kiosk.domain.networks import wanted_networks
from kiosk.domain.screens import SetupStage
from kiosk.storage.files import private_folder
from kiosk.sync.clock import SystemClock
from models.errors import StoreError
from models.store import default_store
from models.store.selection import AUTO, BUNDLED_EMBEDDER
from protocol.v1.messages import NetworkChoice

_WORDS = {
    SetupStage.NEEDS_CLAIM_CODE: "A claim code is needed: --code or ROLLCALL_KIOSK_CLAIM_CODE.",
    SetupStage.CLAIMING: "Claiming this kiosk ...",
    SetupStage.SERVER_AWAY: "The server does not answer; trying again.",
    SetupStage.FOREIGN_ANSWER: "The answers are not a Rollcall server's of this version, or come"
    " from something in between; trying again.",
    SetupStage.CLAIM_REFUSED: "The server refused the code: ask for a new one.",
}


def claim(
    settings: Settings, stop: threading.Event, output: TextIO, *, is_anew: bool = False
) -> int:
    """Claim this kiosk; waits for the server as long as it takes. Returns the exit status.

    Args:
        settings: of the kiosk.
        stop: ends the waiting.
        output: where the words go.
        is_anew: claim also if the kiosk is claimed; a kiosk that runs takes the new claim over.

    Raises:
        StorageError: the disk refuses.
    """
    private_folder(settings.data_dir)
    identity = PrivateFiles(settings).identity
    said: list[SetupStage] = []

    def say(stage: SetupStage) -> None:
        if stage not in said:
            said.append(stage)
            output.write(f"{_WORDS[stage]}\n")
            output.flush()
        if stage in (SetupStage.NEEDS_CLAIM_CODE, SetupStage.CLAIM_REFUSED):
            stop.set()

    onboarding = Onboarding(
        identity,
        server_client(settings, SystemClock()),
        retry_max_s=settings.retry_max_s,
        stop=stop,
        on_stage=say,
    )
    code = settings.claim_code.get_secret_value() if settings.claim_code else None
    has_new_code = is_anew and code
    found = (
        onboarding.claim_anew(code or "") if has_new_code else onboarding.wait_for_identity(code)
    )
    if found is None:
        return 1
    got = found.claim
    output.write(f"This is kiosk {got.kiosk_id}, {got.name}, in room {got.room.name}.\n")
    return 0


def network_words(settings: Settings, choice: NetworkChoice | None) -> str:
    """Say which network this kiosk uses, and what that means, for a technician."""
    store = default_store()
    wanted = wanted_networks(settings.embedder, AUTO, choice)
    try:
        used = store.find(wanted.embedder)[0].id
    except StoreError:
        used = wanted.embedder
    said = [used]
    if choice is not None and used != choice.current:
        said.append(f"but the school uses {choice.current}: this kiosk recognises nobody")
    if wanted.next is not None:
        said.append(f"the next one is {wanted.next}")
    if used == BUNDLED_EMBEDDER:
        said.append(BUNDLED_WORDS)
    return "; ".join(said)
