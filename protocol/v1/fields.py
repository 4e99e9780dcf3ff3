"""The building blocks of every message: limits, times, text, and the parser.

Unknown fields are ignored and unknown words of an enumeration are kept as text, because a fielded
kiosk may be a year older than its server. Everything has a limit, because a peer may be hostile.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from protocol.v1.errors import MalformedMessageError, OversizedMessageError
from protocol.v1.topics import KIOSK_ID_PATTERN

MAX_MESSAGE_BYTES = 256 * 1024
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_SAFE_INTEGER = 2**53 - 1
"""Beyond this a number has no canonical form, so every number in a signed message stays below."""


def _as_utc_ms(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("the time is out of range in UTC") from exc
    beyond_us = utc.microsecond % 1000
    return utc.replace(microsecond=utc.microsecond - beyond_us) if beyond_us else utc


def _iso_ms(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _base64_bytes(length: int | None) -> AfterValidator:
    def check(text: str) -> str:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ValueError("not base64") from exc
        if length is not None and len(raw) != length:
            raise ValueError(f"{length} bytes are needed")
        return text

    return AfterValidator(check)


Instant = Annotated[
    AwareDatetime, AfterValidator(_as_utc_ms), PlainSerializer(_iso_ms, return_type=str)
]
"""A point in time, UTC, milliseconds; on the wire `2026-11-23T14:20:00.000Z`."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,47}$")]
"""One value of an open enumeration: a known word, or a newer peer's word kept as text."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
KioskId = Annotated[str, StringConstraints(pattern=KIOSK_ID_PATTERN)]
EventId = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    ),
]
ModelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Label = Annotated[str, StringConstraints(max_length=120)]
"""A short text that people read: a room, a course, a display name."""

MAX_NOTE = 500
Note = Annotated[str, StringConstraints(max_length=MAX_NOTE)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, lower-case hexadecimal."""

Signature = Annotated[str, StringConstraints(max_length=88), _base64_bytes(64)]
PublicKey = Annotated[str, StringConstraints(max_length=44), _base64_bytes(32)]
Base64Text = Annotated[str, StringConstraints(max_length=8192), _base64_bytes(None)]
Seq = Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
Real = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
"""A score, a distance, a limit."""

OffsetMs = Annotated[float, Field(allow_inf_nan=False, ge=-1e14, le=1e14)]
"""Milliseconds between two clocks; a kiosk without a battery-backed clock may be decades off."""

Seconds = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e11)]
"""A length of time."""


class Message(BaseModel):
    """A message, or a part of one: immutable, deaf to unknown fields."""

    # A traceback shows the cause of a protocol error too; names and photos must not stand in it.
    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True
    )

    def to_json(self) -> bytes:
        """Return the message as it goes over the wire (UTF-8 JSON)."""
        return self.model_dump_json().encode()


MessageT = TypeVar("MessageT", bound=Message)


def parse_message(
    kind: type[MessageT], payload: bytes | bytearray, *, limit_bytes: int = MAX_MESSAGE_BYTES
) -> MessageT:
    """Read one message from the wire.

    Args:
        kind: which message is expected.
        payload: UTF-8 JSON from a peer that may be hostile.
        limit_bytes: more than this is refused unread.

    Raises:
        OversizedMessageError: the payload is longer than the limit.
        MalformedMessageError: it is not JSON, or not this message.
    """
    if len(payload) > limit_bytes:
        raise OversizedMessageError(f"{len(payload)} bytes where {limit_bytes} is the most")
    try:
        return kind.model_validate_json(bytes(payload))
    except ValidationError as exc:
        raise MalformedMessageError(f"not a {kind.__name__}: {_where(exc)}") from exc


def _where(error: ValidationError) -> str:
    """Say where and how, never with the value: values are personal data."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:40] for part in first["loc"][:6]) or "message"
    return f"{place}: {first['type']}"
