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
from server.certificates.names import LOOPBACK_NAMES
from server.db.private import private_folder
from server.errors import ConfigurationError

LEAF_RENEWED_BEFORE = timedelta(days=30)
AUTHORITY_RENEWED_BEFORE = timedelta(days=365)
#: A kiosk may be off for the summer. It must hear of a new authority before that one signs.
HANDED_OVER_AFTER = timedelta(days=90)
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

    @property
    def has_authority(self) -> bool:
        """Whether the school has an authority here."""
        return self._signer.exists()

    def leaf(self, use: Use) -> Path:
        """Return the file with certificate and key for a use; it need not exist."""
        return self.path / f"{use}.pem"

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
        elif not self._next.exists() and (
            renews or self._read(self._signer).ends_at - at <= AUTHORITY_RENEWED_BEFORE
        ):
            self._make(self._next, school, at)
            changes.append(self._change("next-authority", self._next))
        former = self._known()
        if self._next.exists() and self._is_due(self._read(self._next), at):
            former.append(self._read(self._signer).certificate)
            self._write_bundle([self._read(self._next).certificate, *former], at)
            self._next.replace(self._signer)
            changes.append(self._change("hand-over", self._signer))
        signer = self._read(self._signer)
        following = [self._read(self._next).certificate] if self._next.exists() else []
        self._write_bundle([signer.certificate, *following, *former], at)
        return changes, signer

    def _is_due(self, following: Signed, at: datetime) -> bool:
        """Whether kiosks had time to hear of the next authority, or the present one is over."""
        made_at = following.ends_at - AUTHORITY_LASTS
        is_over = self._read(self._signer).ends_at - at <= LEAF_RENEWED_BEFORE
        return at - made_at >= HANDED_OVER_AFTER or is_over

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
        _write(path, issue(signer, use, found, at).pem)
        return [self._change(use, path)]

    def _make(self, path: Path, school: str, at: datetime) -> None:
        _write(path, make_authority(school, at).pem)

    def _read(self, path: Path) -> Signed:
        try:
            return read_signed(path.read_text())
        except (ValueError, TypeError) as exc:
            raise ConfigurationError(
                f"The file {path} is damaged. Put it back from a backup. Without one, delete the"
                f" folder {self.path}, make certificates again and claim every kiosk again."
            ) from exc

    def _known(self) -> list[x509.Certificate]:
        """Return what readers trust by now."""
        if not self.authorities.exists():
            return []
        try:
            return x509.load_pem_x509_certificates(self.authorities.read_bytes())
        except ValueError:
            return []  # it is written again from the keys; authorities of before are lost

    def _write_bundle(self, wanted: list[x509.Certificate], at: datetime) -> None:
        lasting = [one for one in dict.fromkeys(wanted) if one.not_valid_after_utc > at]
        text = "".join(_pem(one) for one in lasting or wanted[:1])
        if not self.authorities.exists() or self.authorities.read_text() != text:
            _write(self.authorities, text)

    def _change(self, what: str, path: Path) -> Change:
        made = self._read(path)
        return Change(what, path, made.ends_at, names_of(made.certificate))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        private_folder(private_folder(self.path.parent) / self.path.name)
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _is_good(leaf: Signed, signer: Signed, at: datetime) -> bool:
    is_lasting = leaf.ends_at - at > LEAF_RENEWED_BEFORE
    return is_lasting and is_signed_by(leaf.certificate, signer.certificate)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _write(path: Path, text: str) -> None:
    """Write a file for its owner alone, in one step."""
    draft = path.with_name(f".{path.name}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
