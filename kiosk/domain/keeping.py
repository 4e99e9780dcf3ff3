"""Where the key to the kiosk's private files lies, and where it was to lie."""

from dataclasses import dataclass
from enum import StrEnum


class KeyPlace(StrEnum):
    """What protects the storage key.

    TPM2: the machine's TPM; the files cannot be opened on another machine.
    HOST: a secret of this installation that only root can read (`systemd-creds`).
    FILE: nothing; the key lies beside the files that it opens.
    """

    TPM2 = "tpm2"
    HOST = "host"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class KeyKeeping:
    """Where the key lies.

    Attributes:
        place: None before there is a key.
        refused: the place that the settings ask for, where it did not take the key.
    """

    place: KeyPlace | None = None
    refused: KeyPlace | None = None
