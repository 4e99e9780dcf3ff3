"""Sealing the kiosk's storage key: with the machine's TPM, the host's secret, or not at all."""

import logging
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from kiosk.domain.keeping import KeyPlace
from kiosk.errors import KeeperError

logger = logging.getLogger(__name__)

_TOOL = "systemd-creds"
_NAME = "rollcall-kiosk"
_LONGEST_S = 20.0
"""A TPM takes up to some seconds; one that hangs must not keep the kiosk from its screen."""


class KeyKeeper(Protocol):
    """What can seal a short secret on this machine, and open it again."""

    def seal(self, secret: bytes) -> bytes:
        """Return the secret as it may lie on disk.

        Raises:
            KeeperError: this keeper is not there or refuses.
        """
        ...

    def open(self, sealed: bytes) -> bytes:
        """Return the secret that was sealed.

        Raises:
            KeeperError: this keeper is not there, refuses, or did not seal it.
        """
        ...


class FileKeeper:
    """Leaves the secret as it is, where the machine has nothing better."""

    def seal(self, secret: bytes) -> bytes:
        """See `KeyKeeper`."""
        return secret

    def open(self, sealed: bytes) -> bytes:
        """See `KeyKeeper`."""
        return sealed


class SystemdKeeper:
    """Seals with `systemd-creds` (systemd 250 and later).

    A TPM is bound to the state of secure boot (PCR 7, the tool's default). An empty list of PCRs
    would be more lenient, but systemd 252 cannot open what it sealed so.

    Args:
        with_key: ``tpm2`` or ``host``.

    Source: systemd-creds(1).
    """

    def __init__(self, with_key: KeyPlace) -> None:
        self._with_key = with_key

    def seal(self, secret: bytes) -> bytes:
        """See `KeyKeeper`. What cannot be opened again at once counts as refused."""
        sealed = _run(["encrypt", f"--with-key={self._with_key}"], secret)
        if self.open(sealed) != secret:
            raise KeeperError(f"{_TOOL} returned another secret")
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """See `KeyKeeper`."""
        return _run(["decrypt"], sealed)


def _run(arguments: list[str], given: bytes) -> bytes:
    command = [_TOOL, *arguments, f"--name={_NAME}", "-", "-"]
    # The tool would tell systemd its own exit status in the kiosk's name.
    inherited = os.environ.items()  # noqa: TID251 - handed on, not read
    environment = {name: value for name, value in inherited if name != "NOTIFY_SOCKET"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command,
            input=given,
            capture_output=True,
            timeout=_LONGEST_S,
            check=True,
            env=environment,
        )
    except subprocess.CalledProcessError as exc:
        said = exc.stderr.decode(errors="replace").strip().splitlines() or [""]
        raise KeeperError(f"{_TOOL} failed: {said[-1]}") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise KeeperError(f"{_TOOL} cannot be used: {type(exc).__name__}") from exc
    return done.stdout


KEEPERS: Mapping[KeyPlace, KeyKeeper] = {
    KeyPlace.TPM2: SystemdKeeper(KeyPlace.TPM2),
    KeyPlace.HOST: SystemdKeeper(KeyPlace.HOST),
    KeyPlace.FILE: FileKeeper(),
}


def places_for(choice: str, folder: Path) -> tuple[KeyPlace, ...]:
    """Return where to keep the key of a folder, best first; the last one always works.

    Args:
        choice: the setting: a place, or ``auto`` for the best one of this machine.
        folder: the data folder. Root seals nothing in a folder of another account: that account
            may not open what root sealed. The kiosk moves the key to a better place when it starts.
    """
    if choice != "auto":
        return tuple(dict.fromkeys((KeyPlace(choice), KeyPlace.FILE)))
    if os.geteuid() != 0:
        return KeyPlace.TPM2, KeyPlace.FILE
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return tuple(KeyPlace) if there.stat().st_uid == 0 else (KeyPlace.FILE,)
