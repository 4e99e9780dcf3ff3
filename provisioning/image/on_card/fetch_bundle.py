"""Downloads the bundle of a card from the school's server, at the first boot.

It runs as root with the Python of the base system and nothing else, from 3.11 on. The card names
the digest of the bundle's manifest, and the manifest names the digest of each file, so nothing else
is ever accepted, whatever answers. A download that breaks off goes on where it ended, also after
a power cut. Progress goes to standard output; one sentence on standard error explains a failure.
"""

import argparse
import contextlib
import errno
import hashlib
import http.client
import json
import os
import random
import shutil
import ssl
import sys
import threading
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"
_TIMEOUT_S = 60.0
_LONGEST_PAUSE_S = 30.0
_MOST_BUSY_ANSWERS = 1000
"""A busy server says when to ask again, after some seconds: more than an hour in all."""
_BLOCK_BYTES = 256 * 1024
_MOST_MANIFEST_BYTES = 4 * 1024 * 1024
_SPARE_BYTES = 100 * 1000 * 1000
"""What must stay free beside the download, for the system itself."""
_MEGABYTE = 1000 * 1000
#: Source: X509_V_ERR_* of OpenSSL, x509_vfy.h.
_FAULTS = {
    9: "it is not valid yet, or the clock of this machine is wrong",
    10: "it has expired, or the clock of this machine is wrong",
    62: "it is for another address",
    64: "it is for another address",
}


class FetchError(Exception):
    """The bundle cannot be downloaded; the message is a part of a sentence for the technician."""


class PassingError(FetchError):
    """An attempt failed; another one may succeed."""


class NothingMoreError(FetchError):
    """The file ends where the download stands."""


class ServerBusyError(FetchError):
    """The server asks to come back.

    Args:
        retry_s: after this many seconds.
    """

    def __init__(self, retry_s: float) -> None:
        super().__init__("the server is busy with other kiosks")
        self.retry_s = retry_s


@dataclass(frozen=True)
class WantedFile:
    """A file to download.

    Attributes:
        path: in the bundle.
        sha256: lower-case hex digits.
        most_bytes: its size; of the manifest, whose size is not known, the largest one.
    """

    path: str
    sha256: str
    most_bytes: int


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the claim code is for the named server alone."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Return no new request."""


class BundleSource:
    """The school's server.

    Args:
        address: as the card names it.
        sha256: of the bundle's manifest.
        claim_code: of this kiosk.
        authority: file of the server's certificate authority; None: those of the system count.
    """

    def __init__(self, address: str, sha256: str, claim_code: str, authority: Path | None) -> None:
        self.address = address.rstrip("/")
        self._url = f"{self.address}/api/v1/devices/bundles/{sha256}/"
        self._claim_code = claim_code
        try:
            context = ssl.create_default_context(cafile=authority and str(authority))
        except (OSError, ValueError) as exc:
            raise FetchError(f"{authority} holds no certificate") from exc
        # No proxy of the environment: the claim code goes straight to the server.
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(NoRedirect, *handlers)

    @contextlib.contextmanager
    def asked(self, wanted: WantedFile, start: int) -> Iterator[http.client.HTTPResponse]:
        """Ask for a file from a byte on; the answer may hold all of it nevertheless.

        Raises:
            FetchError: it cannot be had.
        """
        headers = {"Authorization": f"Claim {self._claim_code}"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": f'"{wanted.sha256}"'}
        url = self._url + urllib.parse.quote(wanted.path)
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http or https
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                yield answer
        except urllib.error.HTTPError as exc:
            with exc:
                raise self._refused(exc, wanted) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise self._unreachable(exc) from exc

    def _refused(self, answer: urllib.error.HTTPError, wanted: WantedFile) -> FetchError:
        match answer.code:
            # Too many requests: only wrong codes are told so.
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.TOO_MANY_REQUESTS:
                return FetchError(
                    "the claim code of this card does not work any more; make a new one on the"
                    " server's page of this kiosk and prepare the card again"
                )
            case HTTPStatus.NOT_FOUND if wanted.path == MANIFEST:
                return FetchError(
                    f"{self.address} does not offer the bundle of this card; put that bundle into"
                    " the server's folder for bundles, or prepare the card again"
                )
            case HTTPStatus.NOT_FOUND:
                return FetchError(f"the bundle on {self.address} lacks {wanted.path}")
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return NothingMoreError(f"the file {wanted.path} has another size")
            case HTTPStatus.SERVICE_UNAVAILABLE:
                return ServerBusyError(_seconds(answer.headers.get("Retry-After", "")))
            case _:
                return PassingError(f"{self.address} answers with error {answer.code}")

    def _unreachable(self, error: Exception) -> FetchError:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            fault = _FAULTS.get(reason.verify_code, "the card does not know its authority")
            return FetchError(f"the certificate of {self.address} is not trusted: {fault}")
        return PassingError(f"{self.address} does not answer; check the network and the server")


class BundleDownload:
    """A bundle on this machine, as far as it is there.

    Args:
        source: where it comes from.
        folder: of this download alone; it is made.
        tell: takes a line for the screen; few in all.
        wait: waits for some seconds.
        tries: how often an attempt may fail in a row without anything coming.
    """

    def __init__(
        self,
        source: BundleSource,
        folder: Path,
        tell: Callable[[str], object],
        *,
        wait: Callable[[float], object],
        tries: int,
    ) -> None:
        self._source, self._tell, self._wait, self._tries = source, tell, wait, tries
        self._has_told_of_others = False
        self.bundle, self._parts = folder / "bundle", folder / "parts"
        for one in (folder, self.bundle, self._parts):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def complete(self, sha256: str) -> None:
        """Download what is missing, and delete what the manifest does not list.

        Args:
            sha256: of the manifest.

        Raises:
            FetchError: not everything could be downloaded; a later call goes on.
        """
        manifest = WantedFile(MANIFEST, sha256, _MOST_MANIFEST_BYTES)
        self._ensure(manifest)
        listed = _listed((self.bundle / MANIFEST).read_bytes())
        self._delete_others([manifest, *listed])
        due = [one for one in listed if not self._is_there(one)]
        self._refuse_full_disk(due)
        total, come, told = max(1, sum(one.most_bytes for one in due)), 0, 0
        for one in due:
            self._ensure(one)
            come += one.most_bytes
            if come * 10 // total > told:
                told = come * 10 // total
                self._tell(f"Downloaded {come // _MEGABYTE} of {total // _MEGABYTE} MB.")

    def _is_there(self, wanted: WantedFile) -> bool:
        return _has_digest(self.bundle / wanted.path, wanted.sha256)

    def _ensure(self, wanted: WantedFile) -> None:
        """Download one file; a part that a power cut damaged is downloaded once more."""
        if self._is_there(wanted):
            return
        part, target = self._parts / wanted.sha256, self.bundle / wanted.path
        for _attempt in range(2):
            self._persist(wanted, part)
            if _has_digest(part, wanted.sha256):
                target.parent.mkdir(parents=True, exist_ok=True)
                part.replace(target)
                return
            part.unlink(missing_ok=True)
        raise FetchError(
            f"{wanted.path} on {self._source.address} is not the file for which this card was"
            " prepared; nothing of it was used"
        )

    def _persist(self, wanted: WantedFile, part: Path) -> None:
        failures, busy = 0, 0
        while True:
            size_bytes = _size_of(part)
            try:
                self._append(wanted, part)
            except ServerBusyError as exc:
                busy += 1
                if busy >= _MOST_BUSY_ANSWERS:
                    raise
                if not self._has_told_of_others:
                    self._tell("Waiting, as the server is busy with other kiosks.")
                    self._has_told_of_others = True
                # Kiosks that were switched on together must not ask together for ever.
                self._wait(exc.retry_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            except PassingError:
                failures = 0 if _size_of(part) > size_bytes else failures + 1
                if failures >= self._tries:
                    raise
                self._wait(min(_LONGEST_PAUSE_S, 2.0**failures))
            else:
                return

    def _append(self, wanted: WantedFile, part: Path) -> None:
        """Ask once for what is missing of a file.

        Raises:
            FetchError: not all of it came; what came is kept.
        """
        start = _size_of(part)
        if start and start >= wanted.most_bytes:
            return
        with contextlib.suppress(NothingMoreError), self._source.asked(wanted, start) as answer:
            is_rest = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            is_rest = is_rest and answer.status == HTTPStatus.PARTIAL_CONTENT
            declared: int | None = answer.length
            come = self._keep(answer, part, "ab" if is_rest else "wb", wanted.most_bytes)
            if declared is not None and come != declared:
                raise PassingError(f"the connection to {self._source.address} broke off")

    def _keep(
        self, answer: http.client.HTTPResponse, part: Path, mode: str, most_bytes: int
    ) -> int:
        """Write an answer to the disk; returns how many bytes came, one more than allowed at most.

        Raises:
            FetchError: the disk takes nothing more.
        """
        come = 0
        with _on_disk("the download cannot be written"), part.open(mode) as file:
            room = most_bytes + 1 - file.tell()
            while room > 0 and (block := _read(answer, min(_BLOCK_BYTES, room))):
                file.write(block)
                come, room = come + len(block), room - len(block)
            file.flush()
            os.fsync(file.fileno())
        return come

    def _refuse_full_disk(self, due: Iterable[WantedFile]) -> None:
        parts = {one: _size_of(self._parts / one.sha256) for one in due}
        needed = sum(one.most_bytes - size for one, size in parts.items()) + _SPARE_BYTES
        free = shutil.disk_usage(self.bundle).free
        if parts and free < needed:
            raise FetchError(
                f"the disk is too full: {free // _MEGABYTE} MB are free, and the kiosk needs"
                f" {needed // _MEGABYTE} MB; use a larger card"
            )

    def _delete_others(self, listed: Iterable[WantedFile]) -> None:
        """Delete files that do not belong to this bundle, such as those of another one."""
        files, parts = set(), set()
        for one in listed:
            files.add(self.bundle / one.path)
            parts.add(self._parts / one.sha256)
        for folder, kept in ((self.bundle, files), (self._parts, parts)):
            for path in list(folder.rglob("*")):
                if path not in kept and (path.is_symlink() or not path.is_dir()):
                    path.unlink()


class _ConnectionLostError(Exception):
    """Reading failed; kept apart from errors of the disk, which have the same type."""


def _read(answer: http.client.HTTPResponse, size_bytes: int) -> bytes:
    try:
        return answer.read(size_bytes)
    except (OSError, http.client.HTTPException) as exc:
        raise _ConnectionLostError from exc


@contextlib.contextmanager
def _on_disk(failure: str) -> Iterator[None]:
    """Turn what goes wrong in the block into sentences."""
    try:
        yield
    except _ConnectionLostError as exc:
        raise PassingError("the connection to the server broke off") from exc
    except OSError as exc:
        is_full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        said = "the disk is full; use a larger card" if is_full else f"{failure}: {exc.strerror}"
        raise FetchError(said) from exc


def _listed(raw: bytes) -> list[WantedFile]:
    content = json.loads(raw)
    found = [WantedFile(one["path"], one["sha256"], one["bytes"]) for one in content["files"]]
    for one in found:
        path = PurePosixPath(one.path)
        if path.is_absolute() or ".." in path.parts or one.path == MANIFEST:
            raise FetchError(f"the bundle lists {one.path}, which no bundle has")
    return found


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _seconds(text: str) -> float:
    return min(60.0, max(1.0, float(text))) if text.isdecimal() else 5.0


def _claim_code(settings: Path) -> str:
    try:
        return str(tomllib.loads(settings.read_text(encoding="utf-8"))["claim_code"])
    except (OSError, ValueError, KeyError) as exc:
        raise FetchError("the card holds no claim code; prepare it again") from exc


def main(argv: list[str]) -> int:
    """Download the bundle; 0 when all of it is there and right."""
    parser = argparse.ArgumentParser(description="Download the bundle of a card.")
    parser.add_argument("--server", required=True, help="its address")
    parser.add_argument("--sha256", required=True, help="of the bundle's manifest")
    parser.add_argument("--settings", type=Path, required=True, help="file with the claim code")
    parser.add_argument("--authority", type=Path, help="of the server's certificate, PEM")
    parser.add_argument("--into", type=Path, required=True, help="folder of the download")
    parser.add_argument("--tries", type=int, default=6, help="in a row that may fail")
    options = parser.parse_args(argv)
    try:
        code = _claim_code(options.settings)
        source = BundleSource(options.server, options.sha256, code, options.authority)
        with _on_disk("the download cannot be kept"):
            wait = threading.Event().wait
            BundleDownload(source, options.into, _tell, wait=wait, tries=options.tries).complete(
                options.sha256
            )
    except FetchError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
