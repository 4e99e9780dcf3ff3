"""Gets a publisher's file: resumed where it broke off, kept only if it is the right one."""

from __future__ import annotations

import hashlib
import http.client
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from models.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.store import SourceFile

_CHUNK_BYTES = 65536
_PARTIAL = 206
_RANGE_REFUSED = 416
# Source: RFC 9110 and RFC 6585: these may pass, other client errors stay.
_PASSING_STATUS = {408, 425, 429}
_FIRST_SERVER_ERROR = 500


@dataclass(frozen=True)
class Patience:
    """Timeouts and retries of a download.

    Attributes:
        silence_s: timeout for a connection that sends nothing.
        attempts: consecutive attempts without new bytes before the download fails.
        pause_s: wait before the second attempt; doubles for each further one.
        total_s: timeout for one file, even while bytes still arrive.
    """

    silence_s: float = 30.0
    attempts: int = 5
    pause_s: float = 1.0
    total_s: float = 1800.0


class _BrokenOffError(Exception):
    """An attempt ended early for a reason that may pass."""


def download(
    file: SourceFile,
    folder: Path,
    patience: Patience,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Get a file; what is returned has the card's sha256.

    What has arrived stays in the folder as long as the file is incomplete, so that the next call
    goes on from there, even in another process; it is deleted at the end.

    Args:
        file: of the card.
        folder: for the incomplete file; made if needed.
        patience: how long to wait.
        on_progress: told how many bytes are here, after each chunk.

    Raises:
        DownloadError: it cannot be had, or is another file; the message is one sentence.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{file.sha256[:16]}.partial"
    was_begun = _size(partial) > 0
    _complete(file, partial, patience, on_progress)
    content = partial.read_bytes()
    partial.unlink()
    if hashlib.sha256(content).hexdigest() == file.sha256:
        return content
    if was_begun:
        # What an earlier run left may be at fault.
        return download(file, folder, patience, on_progress=on_progress)
    raise DownloadError(
        f"{file.url} is not the file that the card names: its sha256 is"
        f" {hashlib.sha256(content).hexdigest()[:12]}…, expected {file.sha256[:12]}…"
    )


def _complete(
    file: SourceFile, partial: Path, patience: Patience, on_progress: Callable[[int], None]
) -> None:
    ends_at = time.monotonic() + patience.total_s
    fruitless, most = 0, _size(partial)
    while _size(partial) < file.size_bytes:
        try:
            _attempt(file, partial, patience.silence_s, ends_at, on_progress)
        except _BrokenOffError as error:
            fruitless = 0 if _size(partial) > most else fruitless + 1
            most = max(most, _size(partial))
            is_over = time.monotonic() >= ends_at
            if fruitless >= patience.attempts or is_over:
                host = urlsplit(file.url).hostname
                raise DownloadError(
                    f"{file.name} cannot be had from {host}: {error}; {_size(partial)} of"
                    f" {file.size_bytes} bytes are here, and the next try goes on from there"
                ) from error
            threading.Event().wait(patience.pause_s * 2 ** max(fruitless - 1, 0))


def _attempt(
    file: SourceFile,
    partial: Path,
    silence_s: float,
    ends_at: float,
    on_progress: Callable[[int], None],
) -> None:
    """Add to the partial file until it is complete.

    Raises:
        _BrokenOffError: it broke off.
        DownloadError: the publisher refuses for good.
    """
    try:
        with _open(file, _size(partial), silence_s) as response:
            _append(response, partial, file.size_bytes, ends_at, on_progress)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_REFUSED:
            partial.unlink(missing_ok=True)
        elif error.code < _FIRST_SERVER_ERROR and error.code not in _PASSING_STATUS:
            raise DownloadError(f"{file.url} answers {error.code} {error.reason}") from error
        raise _BrokenOffError(f"it answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise _BrokenOffError(f"nothing came for {silence_s:g} s") from error
    except urllib.error.URLError as error:
        raise _BrokenOffError(f"it cannot be reached ({error.reason})") from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise _BrokenOffError(f"the connection broke ({type(error).__name__})") from error


def _open(file: SourceFile, have: int, silence_s: float) -> http.client.HTTPResponse:
    headers = {"User-Agent": "rollcall-models", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    # The card's schema allows http and https alone.
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310
    response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310
        request, timeout=silence_s
    )
    return response


def _append(
    response: http.client.HTTPResponse,
    partial: Path,
    size_bytes: int,
    ends_at: float,
    on_progress: Callable[[int], None],
) -> None:
    have = _size(partial)
    is_rest = response.status == _PARTIAL
    if is_rest and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        partial.unlink(missing_ok=True)
        raise _BrokenOffError("it sent another part of the file than was asked for")
    have = have if is_rest else 0
    with partial.open("ab" if is_rest else "wb") as written:
        # One byte more than expected is enough to see that it is another file.
        while chunk := response.read1(min(_CHUNK_BYTES, size_bytes + 1 - have)):
            written.write(chunk)
            have += len(chunk)
            on_progress(have)
            if time.monotonic() >= ends_at:
                raise _BrokenOffError("it is too slow")
    if have < size_bytes:
        raise _BrokenOffError("the file broke off")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
