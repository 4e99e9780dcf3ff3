"""The files of the school's authority and of what it signs, and the rules by which they renew."""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from server.certificates.authority import (
    AUTHORITY_LASTS,
    Signed,
    Use,
    is_signed_by,
    issue,
    make_authority,
    names_of,
    read_signed,
)
from server.certificates.files import open_private, owned_folder, write_private
from server.certificates.names import LOOPBACK_NAMES
from server.certificates.waiting import (
    CONFIRMED_AFTER,
    HANDED_OVER_AFTER,
    load_wait,
)
from server.errors import ConfigurationError

LEAF_RENEWED_BEFORE = timedelta(days=30)
AUTHORITY_RENEWED_BEFORE = timedelta(days=365)
#: Time to confirm the clock, so that the next authority signs before the present one is over.
_END_IS_NEAR = timedelta(days=14)
_CLIENT_NAMES = ("rollcall-server",)


@dataclass(frozen=True)
class Change:
    """One thing that was made.

    Attributes:
        what: authority, next-authority, hand-over, or a use.
        path: the file.
        ends_at: when the certificate ends, UTC.
        names: what it is for.
    """

    what: str
    path: Path
    ends_at: datetime
    names: tuple[str, ...] = ()


class CertificateFolder:
    """The folder `certificates` of a data folder. One process at a time changes it.

    A certificate and its key are one file, replaced in one step, so that no reader sees a key
    that does not fit.

    Attributes:
        path: the folder.
        authorities: PEM of the authorities to trust, the one that signs now first.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir.resolve() / "certificates"
        self.authorities = self.path / "authority.pem"
        self._signer = self.path / "authority-key.pem"
        self._next = self.path / "next-authority-key.pem"
        #: After a hand-over by a wrong clock this is the only way back.
        self._former = self.path / "former-authority-key.pem"
        self._waiting = self.path / "next-authority-waiting.json"

    @property
    def has_authority(self) -> bool:
        """Whether the school has an authority here."""
        return self._signer.exists()

    def leaf(self, use: Use) -> Path:
        """Return the file with certificate and key for a use; it need not exist."""
        return self.path / f"{use}.pem"

    def authority_end(self) -> datetime:
        """Return when the authority that signs now ends, UTC.

        Raises:
            ConfigurationError: its file is damaged.
        """
        return self._read(self._signer).ends_at

    def next_signs_at(self, at: datetime) -> datetime | None:
        """Return when the next authority signs if the server runs until then, UTC; None: not soon.

        Args:
            at: now, UTC.

        Raises:
            ConfigurationError: a file is damaged.
        """
        if not self._next.exists():
            return None
        signer, following = self._read(self._signer), self._read(self._next)
        if not _is_needed(signer, following, at):
            return None
        left = HANDED_OVER_AFTER - load_wait(self._waiting, at).counted
        return min(at + max(left, timedelta()), signer.ends_at - CONFIRMED_AFTER)

    def ensure(
        self,
        uses: Collection[Use] = (),
        *,
        names: Callable[[], tuple[str, ...]] = lambda: (),
        must_have: tuple[str, ...] = (),
        school: str = "",
        at: datetime,
        renew_authority: bool = False,
    ) -> list[Change]:
        """Make what is missing and renew what ends soon; do nothing where all is well.

        Args:
            uses: certificates that must exist; those that exist are kept up in any case.
            names: for a certificate that does not exist yet.
            must_have: names that the certificates of `uses` must have, in place of theirs.
            school: its name, for a new authority.
            at: now, UTC.
            renew_authority: make the next authority, even if the present one lasts.

        Raises:
            ConfigurationError: a file is damaged.
        """
        with self._alone():
            changes, signer = self._keep_authority(school, at, renews=renew_authority)
            existing = [use for use in Use if self.leaf(use).exists()]
            for use in dict.fromkeys([*uses, *existing]):
                wanted = must_have if use in uses else ()
                changes += self._keep_leaf(signer, use, wanted, names, at)
            return changes

    def _keep_authority(
        self, school: str, at: datetime, *, renews: bool
    ) -> tuple[list[Change], Signed]:
        changes = []
        if not self.has_authority:
            self._make(self._signer, school, at)
            changes.append(self._change("authority", self._signer))
        signer = self._read(self._signer)
        if not self._next.exists() and (renews or _is_ending(signer, at)):
            self._waiting.unlink(missing_ok=True)
            self._make(self._next, school, at)
            changes.append(self._change("next-authority", self._next))
        known = self._known()
        if not self._next.exists():
            self._write_bundle([signer.certificate, *known])
            return changes, signer
        following = self._read(self._next)
        if not self._is_due(signer, following, at, renews=renews):
            self._write_bundle([signer.certificate, following.certificate, *known])
            return changes, signer
        # Only here do ended ones go: a hand-over needs more than one look at a clock.
        lasting = [one for one in known if one.not_valid_after_utc > at]
        self._write_bundle([following.certificate, signer.certificate, *lasting])
        write_private(self._former, signer.pem)
        self._next.replace(self._signer)
        return [*changes, self._change("hand-over", self._signer)], following

    def _is_due(self, signer: Signed, following: Signed, at: datetime, *, renews: bool) -> bool:
        """Whether kiosks had time to hear of the next authority, or no more time is left."""
        is_near_end = signer.ends_at - at <= _END_IS_NEAR
        waiting = load_wait(self._waiting, at).seen(at, is_near_end=is_near_end)
        waiting.save(self._waiting)
        if signer.ends_at <= at and renews:  # a person who looked at the clock says so
            return True
        is_known = waiting.counted >= HANDED_OVER_AFTER
        is_needed = _is_needed(signer, following, at)
        return (is_needed and is_known) or waiting.near_end >= CONFIRMED_AFTER

    def _keep_leaf(
        self,
        signer: Signed,
        use: Use,
        must_have: tuple[str, ...],
        names: Callable[[], tuple[str, ...]],
        at: datetime,
    ) -> list[Change]:
        path = self.leaf(use)
        present = self._read(path) if path.exists() else None
        held = names_of(present.certificate) if present else ()
        wanted = tuple(dict.fromkeys([*LOOPBACK_NAMES, *must_have])) if must_have else held
        if use is Use.ML_CLIENT:
            wanted = _CLIENT_NAMES
        if present and set(wanted) == set(held) and _is_good(present, signer, at):
            return []
        found = wanted or tuple(dict.fromkeys([*LOOPBACK_NAMES, *names()]))
        write_private(path, issue(signer, use, found, at).pem)
        return [self._change(use, path)]

    def _make(self, path: Path, school: str, at: datetime) -> None:
        write_private(path, make_authority(school, at).pem)

    def _read(self, path: Path) -> Signed:
        try:
            return read_signed(path.read_text())
        except (ValueError, TypeError) as exc:
            raise ConfigurationError(
                f"The file {path} is damaged. Put it back from a backup. Without one, delete the"
                f" folder {self.path}, make certificates again and claim every kiosk again."
            ) from exc

    def _known(self) -> list[x509.Certificate]:
        """Return what readers trust by now; of a damaged file, the former authority alone."""
        try:
            return x509.load_pem_x509_certificates(self.authorities.read_bytes())
        except (FileNotFoundError, ValueError):
            return [self._read(self._former).certificate] if self._former.exists() else []

    def _write_bundle(self, wanted: list[x509.Certificate]) -> None:
        text = "".join(_pem(one) for one in dict.fromkeys(wanted))
        try:
            present = self.authorities.read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            present = ""
        if present != text:
            write_private(self.authorities, text)

    def _change(self, what: str, path: Path) -> Change:
        made = self._read(path)
        return Change(what, path, made.ends_at, names_of(made.certificate))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        owned_folder(owned_folder(self.path.parent) / self.path.name)
        with os.fdopen(open_private(self.path / "lock", os.O_WRONLY), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_ending(authority: Signed, at: datetime) -> bool:
    return authority.ends_at - at <= AUTHORITY_RENEWED_BEFORE


def _is_needed(signer: Signed, following: Signed, at: datetime) -> bool:
    """Whether the next authority may sign: not one that only a clock which was ahead asked for."""
    was_asked_for = not _is_ending(signer, following.ends_at - AUTHORITY_LASTS)
    return was_asked_for or _is_ending(signer, at)


def _is_good(leaf: Signed, signer: Signed, at: datetime) -> bool:
    """Whether a new one would be no better: none outlives its authority."""
    is_lasting = leaf.ends_at - at > LEAF_RENEWED_BEFORE or leaf.ends_at >= signer.ends_at
    return is_lasting and is_signed_by(leaf.certificate, signer.certificate)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
