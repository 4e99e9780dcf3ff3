"""Check an uploaded photo by its own bytes; what a client calls it does not count."""

import hmac
import uuid
from datetime import date, timedelta
from typing import BinaryIO

from server.config import Settings
from server.db.types import now
from server.db.vault import Sealed, Vault
from server.enrollment.tables import EnrolmentPhoto
from server.errors import TooLargeError, UnsupportedMediaError

#: What the vault seals photos for.
PHOTO_PURPOSE = "photo"
PHOTO_MISSING = "PHOTO_MISSING"
#: A photo or template does not decrypt: a key is missing, perhaps for a while, or it is damaged.
UNREADABLE = "UNREADABLE"
UNREADABLE_PAUSE = timedelta(minutes=5)
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
# Source: ISO/IEC 23008-12, annexes B and F, and the AVIF specification, section 6. The recognition
# service decodes the same ones; a test compares both.
_HEIC_BRANDS = frozenset(
    (
        *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
        *(b"mif1", b"mif2", b"msf1"),
    )
)
_AVIF_BRANDS = frozenset((b"avif", b"avis", b"avio"))
_MOST_BRANDS = 32
_MIN_BYTES = 100
#: A picture for guidance, at most; the page sends about a tenth of it.
FRAME_MAX_BYTES = 200 * 1024


def check_photo(photo: bytes, *, max_bytes: int) -> None:
    """Let a JPEG, PNG, WebP or HEIC file of acceptable size pass.

    It is not decoded here: the server holds no image library, and the recognition service checks
    what is inside, with its own limits.

    Raises:
        TooLargeError: more than `max_bytes`.
        UnsupportedMediaError: empty, or of another kind.
    """
    if len(photo) > max_bytes:
        most_mib = max_bytes // 1024 // 1024
        raise TooLargeError(
            f"The photo is larger than {most_mib} MiB.",
            problem="photo_too_large",
            max_bytes=max_bytes,
            most_mib=most_mib,
        )
    if len(photo) < _MIN_BYTES or not _is_photo(photo):
        raise UnsupportedMediaError("Use a JPEG, PNG, WebP or HEIC photo.", problem="photo_kind")


def check_frame(frame: bytes) -> None:
    """Let a small JPEG pass, as the page sends them for guidance.

    Raises:
        TooLargeError: more than `FRAME_MAX_BYTES`.
        UnsupportedMediaError: of another kind.
    """
    if len(frame) > FRAME_MAX_BYTES:
        raise TooLargeError(max_bytes=FRAME_MAX_BYTES)
    if not frame.startswith(_JPEG):
        raise UnsupportedMediaError("Send a JPEG.", problem="frame_kind")


def _is_photo(photo: bytes) -> bool:
    is_webp = photo[:4] == b"RIFF" and photo[8:12] == b"WEBP"
    return photo.startswith((_JPEG, _PNG)) or is_webp or is_heic(photo)


def is_heic(photo: bytes) -> bool:
    """Whether the file says that it is HEIC, and not AVIF, which the service cannot decode."""
    if photo[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(photo[:4], "big"), 16 + 4 * _MOST_BRANDS, len(photo))
    brands = {photo[8:12], *(photo[at : at + 4] for at in range(16, end, 4))}
    return not _HEIC_BRANDS.isdisjoint(brands) and _AVIF_BRANDS.isdisjoint(brands)


def school_date(settings: Settings) -> date:
    """Today, where the school is."""
    return now().astimezone(settings.zone).date()


def read_photo(photo: BinaryIO, settings: Settings) -> bytes:
    """Read an upload, no further than its limit, and check what it is.

    Raises:
        TooLargeError: more than the limit.
        UnsupportedMediaError: not a photo.
    """
    content = photo.read(settings.photo_max_bytes + 1)
    check_photo(content, max_bytes=settings.photo_max_bytes)
    return content


def open_photo(vault: Vault, photo: EnrolmentPhoto) -> bytes:
    """Decrypt a photo.

    Raises:
        SealBrokenError: the key is missing, or the row was altered.
    """
    sealed = Sealed(photo.key_id, photo.data)
    return vault.open(sealed, purpose=PHOTO_PURPOSE, context=str(photo.enrolment_id))


def digests_of(vault: Vault, photo: bytes, person_id: uuid.UUID) -> dict[str, str]:
    """Return the fingerprints of a photo, 64 hex digits each, by the key that made them.

    Keyed, so that a copy of the database does not tell whether a known picture was used. Equal
    only for the same file and key.
    """
    return {
        key_id: hmac.new(
            vault.subkey("photo-digest", key_id), person_id.bytes + photo, "sha256"
        ).hexdigest()
        for key_id in vault.key_ids()
    }
