"""Keep what was typed into a form while its sender signs in again: encrypted, in the page itself.

Nothing is stored on the server. What the browser gives back counts only if this server encrypted it
within the hour. A form with a password in it is never kept, nor one with a file, nor one of a
browser in which nobody was signed in; and only the account that sent a form gets it back.
"""

import base64
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request

from intake.asgi import declared_bytes
from intake.errors import BodyError
from intake.reading import BodyIntake
from server.db.vault import Vault
from server.web.state import get_services

_MOST_BYTES = 4096
#: A longer text is not kept, and is no kept form: with the longest name and password it still fits
#: into the 8 KiB that anyone may send.
_MOST_TEXT = 4096
_MOST_FIELDS = 200
_KEPT_S = 3600.0
_NONCE_BYTES = 12
_FORM = "application/x-www-form-urlencoded"
_FILES = "multipart/form-data"
#: Fields of forms that are never kept.
_SECRETS = frozenset({"password", "old", "new", "again", "kept"})
_SECRET_PAGES = ("/sign-in", "/second-factor", "/password")
_PURPOSE = "kept-form"


@dataclass(frozen=True)
class KeptForm:
    """A form that was posted without a sign-in.

    Attributes:
        path: where to, with its query.
        fields: names and values, in order.
        sender: name mark of the account whose sign-in had ended.
    """

    path: str
    fields: tuple[tuple[str, str], ...]
    sender: str


async def keep_form(request: Request, intake: BodyIntake) -> None:
    """Read a small form of a page whose sender is not signed in, and note it for the sign-in page.

    Args:
        request: its state gets `kept_form`, a text for the page; or `form_lost`, where something
            was typed that is not kept, so that the page says so.
        intake: of bodies that anyone may send.
    """
    sender = get_services(request).cookies.sender_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not sender or kind not in (_FORM, _FILES) or not _is_of_a_page(request):
        return
    fields = await _fields_of(request, intake) if kind == _FORM else None
    request.state.form_lost = fields != ()
    if not fields or _SECRETS & {name for name, _ in fields}:
        return
    query = f"?{request.url.query}" if request.url.query else ""
    kept = KeptForm(f"{request.url.path}{query}", fields, sender)
    text = sealed_form(get_services(request).vault, kept)
    if is_possible(text):
        request.state.kept_form = text


def _is_of_a_page(request: Request) -> bool:
    is_page = not request.url.path.startswith(("/api/", *_SECRET_PAGES))
    return request.method == "POST" and is_page and "hx-request" not in request.headers


async def _fields_of(request: Request, intake: BodyIntake) -> tuple[tuple[str, str], ...] | None:
    """Read a form; None where it is too large, or none."""
    try:
        declared = declared_bytes(request.scope)
        async with intake.hold(request.receive, declared, most_bytes=_MOST_BYTES) as receive:
            body = await Request(request.scope, receive).body()
        read = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except (BodyError, ValueError):
        return None
    return tuple(read)


def is_possible(text: object) -> bool:
    """Whether a text may be a kept form, by its length."""
    return isinstance(text, str) and len(text) <= _MOST_TEXT


def sealed_form(vault: Vault, form: KeptForm) -> str:
    """Return a form as a text that only this server can read."""
    nonce = os.urandom(_NONCE_BYTES)
    content = json.dumps([int(time.time()), form.path, form.fields, form.sender]).encode()
    sealed = AESGCM(vault.subkey(_PURPOSE)).encrypt(nonce, content, _PURPOSE.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def _decrypted(vault: Vault, nonce: bytes, sealed: bytes) -> bytes:
    for key in vault.subkeys(_PURPOSE):  # it may be from before a change of keys
        with suppress(InvalidTag):
            return AESGCM(key).decrypt(nonce, sealed, _PURPOSE.encode())
    raise InvalidTag


def opened_form(vault: Vault, text: str, *, sender: str) -> KeptForm | None:
    """Return a form of this sender that this server sealed within the hour; None: anything else."""
    try:
        raw = base64.urlsafe_b64decode(text.encode())
        nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        content = _decrypted(vault, nonce, sealed)
    except (ValueError, InvalidTag):
        return None
    at, path, fields, sent_by = json.loads(content)
    if not 0 <= time.time() - at <= _KEPT_S or sent_by != sender:
        return None
    return KeptForm(path, tuple((name, value) for name, value in fields), sent_by)
