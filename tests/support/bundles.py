"""Bundles of software, as they lie in the server's folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

from server.kiosk_bundles.service import MANIFEST


def put(place: Path, name: str, contents: dict[str, bytes], **changed: Any) -> str:
    """Make a bundle; returns its digest."""
    folder = place / name
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    listed = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for path, content in contents.items()
    ]
    facts = {"rollcall": "0.1.0", "python": "cp311", "platform": "linux aarch64, glibc 2.36"}
    raw = json.dumps({"format": 1, **facts, "files": listed} | changed).encode()
    (folder / MANIFEST).parent.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()
