"""What a card says about its kiosk, checked before anything is written."""

import re
from dataclasses import dataclass
from zoneinfo import available_timezones

from provisioning.errors import ProvisioningError

_HOSTNAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")
_DIGEST = re.compile("[0-9a-f]{64}")
_COUNTRY = re.compile("[A-Z]{2}")
_SSID_BYTES = 32
_LEAST_PASSPHRASE, _MOST_PASSPHRASE = 8, 63


@dataclass(frozen=True)
class Wifi:
    """A wireless network with a password (WPA2 or WPA3 personal).

    Attributes:
        name: the SSID, 1 to 32 bytes.
        password: 8 to 63 printable ASCII letters, or the key as 64 hex digits.
        country: two capital letters, ISO 3166; the radio stays off without it.
    """

    name: str
    password: str
    country: str

    def __post_init__(self) -> None:
        """Refuse what no network can have."""
        if not 1 <= len(self.name.encode()) <= _SSID_BYTES or not self.name.isprintable():
            raise ProvisioningError("the name of the wireless network must have 1 to 32 letters")
        if not _COUNTRY.fullmatch(self.country):
            raise ProvisioningError(
                "the country of the wireless network has two capital letters, such as DE"
            )
        is_phrase = self.password.isascii() and self.password.isprintable()
        length_fits = _LEAST_PASSPHRASE <= len(self.password) <= _MOST_PASSPHRASE
        if not (is_phrase and length_fits) and not _HEX_KEY.fullmatch(self.password):
            raise ProvisioningError(
                "the password of the wireless network must have 8 to 63 plain letters, digits or"
                " signs"
            )


@dataclass(frozen=True)
class KioskCard:
    """One kiosk's card.

    Attributes:
        hostname: of the machine, as in DNS.
        time_zone: IANA name.
        settings: the kiosk's settings file, as TOML.
        wifi: the network, where there is no cable.
        authority: certificate authority of the server, PEM; empty: not on the card.
        bundle_sha256: digest of the manifest of the bundle that the server has; empty: the card has
            the bundle.
        is_read_only: the system is never written after the first start; records lie on another
            partition.
    """

    hostname: str
    time_zone: str
    settings: str
    wifi: Wifi | None = None
    authority: str = ""
    bundle_sha256: str = ""
    is_read_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what the machine would not take."""
        if not _HOSTNAME.fullmatch(self.hostname):
            raise ProvisioningError(
                f"{self.hostname!r} cannot be a machine's name: use small letters, digits and"
                " hyphens"
            )
        if self.bundle_sha256 and not _DIGEST.fullmatch(self.bundle_sha256):
            raise ProvisioningError("the server names a bundle by something else than a digest")
        if self.time_zone not in available_timezones():
            raise ProvisioningError(
                f"there is no time zone {self.time_zone!r}; an example is Europe/Berlin"
            )
