"""The commands that run without a window: claim and status."""

import threading
from typing import TextIO

from kiosk.app.onboarding import Onboarding, server_client
from kiosk.app.parts import BUNDLED_WORDS
from kiosk.config import Settings
from kiosk.domain.networks import wanted_networks
from kiosk.domain.screens import SetupStage
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.files import private_folder
from kiosk.storage.identity import IdentityStore
from kiosk.storage.outbox import ChainSigner, SQLiteOutbox
from kiosk.sync.clock import SystemClock
from models.errors import StoreError
from models.store import default_store
from models.store.selection import AUTO, BUNDLED_EMBEDDER
from protocol.v1.messages import NetworkChoice

_WORDS = {
    SetupStage.NEEDS_CLAIM_CODE: "A claim code is needed: --code or ROLLCALL_KIOSK_CLAIM_CODE.",
    SetupStage.CLAIMING: "Claiming this kiosk ...",
    SetupStage.SERVER_AWAY: "The server does not answer; trying again.",
    SetupStage.CLAIM_REFUSED: "The server refused the code: ask for a new one.",
}


def claim(settings: Settings, stop: threading.Event, output: TextIO) -> int:
    """Claim this kiosk; waits for the server as long as it takes. Returns the exit status.

    Raises:
        StorageError: the disk refuses.
    """
    identity = IdentityStore(private_folder(settings.data_dir) / "identity")
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
    code = settings.claim_code
    got = onboarding.wait_for_claim(identity.keys(), code.get_secret_value() if code else None)
    if got is None:
        return 1
    output.write(f"This is kiosk {got.kiosk_id}, {got.name}, in room {got.room.name}.\n")
    return 0


def status(settings: Settings, output: TextIO) -> int:
    """Say who this kiosk is and what waits on it. Returns the exit status: 1 if not claimed.

    Raises:
        StorageError: a file cannot be read.
    """
    identity = IdentityStore(private_folder(settings.data_dir) / "identity")
    got = identity.claim()
    if got is None:
        output.write("This kiosk is not claimed yet.\n")
        return 1
    output.write(f"kiosk    {got.kiosk_id}, {got.name}, in room {got.room.name}\n")
    kept = ConfigFile(settings.data_dir / "config.json").load()
    output.write(f"config   {kept.document.version if kept else 'none yet'}\n")
    output.write(f"network  {network_words(settings, kept.document.network if kept else None)}\n")
    path = settings.data_dir / "outbox.db"
    if path.exists():
        signer = ChainSigner(got.kiosk_id, identity.keys().signing)
        outbox = SQLiteOutbox(path, signer, SystemClock(), settings.max_events)
        output.write(
            f"events   {outbox.last_seq} recorded, {outbox.waiting} waiting,"
            f" {outbox.refused} refused by the server\n"
        )
        outbox.close()
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
