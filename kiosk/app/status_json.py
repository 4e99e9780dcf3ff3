"""The command `status --json`: what `status` says, and figures that programs need beside it."""

import json
import os
from dataclasses import asdict
from typing import Any, TextIO

from kiosk.app.device import broker_access
from kiosk.app.private_files import PrivateFiles
from kiosk.app.status_command import lines_of
from kiosk.config import Settings
from kiosk.domain.networks import wanted_networks
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.refusals import contents
from models.errors import ModelFileCorruptError, ModelFileMissingError, StoreError
from models.store import default_store
from models.store.selection import AUTO
from protocol.v1.messages import ClaimResponse


def status_json(settings: Settings, output: TextIO) -> int:
    """Say how this kiosk stands, as JSON. Returns the exit status: 1 if it needs a claim code.

    Raises:
        StorageError: the identity cannot be read.
    """
    files = PrivateFiles(settings)
    kept = files.identity.kept()
    is_claimed = kept.keys is not None and kept.claim is not None
    found = {
        "claimed": is_claimed,
        "kiosk_id": kept.claim and str(kept.claim.kiosk_id),
        "lines": [asdict(line) for line in lines_of(settings, files, kept)],
        "broker": kept.claim and _broker(settings, kept.claim),
        "events": _events(settings),
        "models": _models(settings, files.config),
    }
    output.write(f"{json.dumps(found, ensure_ascii=False, indent=2)}\n")
    return 0 if is_claimed else 1


def _broker(settings: Settings, claim: ClaimResponse) -> dict[str, Any] | None:
    access = broker_access(settings, claim.broker)
    if access is None:
        return None
    return {"host": access.host, "port": access.port, "tls": access.tls}


def _events(settings: Settings) -> dict[str, int] | None:
    """Count the outbox; empty where there is none yet, None where it cannot be read."""
    path = settings.data_dir / "outbox.db"
    if not path.is_file():
        return {}
    found = contents(path) if os.access(path, os.R_OK, effective_ids=True) else None
    return None if found is None else asdict(found)


def _models(settings: Settings, file: ConfigFile) -> dict[str, str]:
    """Check every model file that this kiosk opens against the digest of its card."""
    kept = file.load()
    wanted = wanted_networks(settings.embedder, AUTO, kept.document.network if kept else None)
    names = (settings.detector, settings.near_detector, settings.landmarks, wanted.embedder)
    return dict(_model(name) for name in names if name is not None)


def _model(name: str) -> tuple[str, str]:
    store = default_store()
    try:
        name = store.find(name)[0].id
        store.load(name)
    except ModelFileMissingError:
        return name, "missing"
    except ModelFileCorruptError:
        return name, "damaged"
    except StoreError:
        return name, "unknown"
    return name, "ok"
