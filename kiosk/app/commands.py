"""The command that claims a kiosk without a window, and words that commands share."""

import threading
from collections.abc import Callable
from typing import TextIO

from kiosk.app.introducing import ClaimEntry, Introducer
from kiosk.app.onboarding import Onboarding, server_client
from kiosk.app.parts import BUNDLED_WORDS
from kiosk.app.private_files import PrivateFiles
from kiosk.config import Settings
from kiosk.domain.networks import wanted_networks
from kiosk.domain.screens import SetupStage
from kiosk.storage.files import private_folder
from kiosk.sync.clock import SystemClock
from kiosk.sync.trust import fault_words
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
    SetupStage.WORDS_DIFFER: "Not the same words: something else may answer instead of the server."
    " The code was not sent.",
}
_FINAL = (SetupStage.NEEDS_CLAIM_CODE, SetupStage.CLAIM_REFUSED, SetupStage.WORDS_DIFFER)
_QUESTION = "Same words as on the kiosk's page? [yes/no] "
_NOBODY = "Nobody can answer here: run it again with --fingerprint, from the kiosk's page."


def claim(
    settings: Settings,
    stop: threading.Event,
    output: TextIO,
    *,
    is_anew: bool = False,
    ask: Callable[[str], str] | None = None,
) -> int:
    """Claim this kiosk; waits for the server as long as it takes. Returns the exit status.

    Args:
        settings: of the kiosk.
        stop: ends the waiting.
        output: where the words go.
        is_anew: claim also if the kiosk is claimed; a kiosk that runs takes the new claim over.
        ask: puts a question to a person and returns the answer; None where nobody is there.

    Raises:
        StorageError: the disk refuses.
    """
    private_folder(settings.data_dir)
    identity = PrivateFiles(settings).identity
    said: list[SetupStage] = []

    def say(stage: SetupStage) -> None:
        if stage not in said:
            said.append(stage)
            output.write(f"{_said(stage, onboarding)}\n")
            output.flush()
        if stage is SetupStage.COMPARE_WORDS and ask is not None:
            onboarding.answer_words(ask(_QUESTION).strip().lower() in ("y", "yes"))
        elif stage is SetupStage.COMPARE_WORDS:
            output.write(f"{_NOBODY}\n")
            stop.set()
        if stage in _FINAL:
            stop.set()

    clock = SystemClock()
    client = server_client(settings, clock)
    onboarding = Onboarding(
        identity,
        client,
        retry_max_s=settings.retry_max_s,
        stop=stop,
        on_stage=say,
        introducer=Introducer(settings, client, clock),
    )
    code = settings.claim_code.get_secret_value() if settings.claim_code else None
    if is_anew and code:
        found = onboarding.claim_anew(ClaimEntry(code))
    else:
        found = onboarding.wait_for_identity(code)
    if found is None:
        return 1
    got = found.claim
    output.write(f"This is kiosk {got.kiosk_id}, {got.name}, in room {got.room.name}.\n")
    return 0


def _said(stage: SetupStage, onboarding: Onboarding) -> str:
    if stage is SetupStage.UNTRUSTED:
        return f"The code was not sent: {fault_words(onboarding.link)}."
    if stage is SetupStage.COMPARE_WORDS:
        return f"The server's words: {' '.join(onboarding.words)}"
    return _WORDS[stage]


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
