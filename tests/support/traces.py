"""Searching every byte of a folder for what must not be there."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path


def traces(folder: Path, secrets: Iterable[str | bytes]) -> list[tuple[str, str]]:
    """Return (file, secret) for each secret found in any file, also in journals and free pages.

    A text is looked for in UTF-8, UTF-16 and as JSON escapes it; bytes also as base64 and hex.
    """
    files = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return [
        (str(path.relative_to(folder)), repr(secret))
        for secret in secrets
        for path, content in files.items()
        if any(form in content for form in _forms(secret))
    ]


def _forms(secret: str | bytes) -> set[bytes]:
    if isinstance(secret, bytes):
        return {secret, base64.b64encode(secret).rstrip(b"="), secret.hex().encode()}
    escaped = json.dumps(secret)[1:-1].encode()
    return {secret.encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be"), escaped}
