"""The parts of ASGI that this package uses. Frameworks have the same types under other names."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def declared_bytes(scope: Scope) -> int | None:
    """Return the length that a request declares for its body.

    Returns:
        Bytes; 0 where there is no body, None where the length is not known in advance.

    Raises:
        ValueError: the header is not a number.
    """
    headers = {name.lower(): value for name, value in scope["headers"]}
    length: bytes | None = headers.get(b"content-length")
    if length is None:
        return None if b"transfer-encoding" in headers else 0
    if not length.isdigit():
        raise ValueError("the content length is not a number")
    return int(length)
