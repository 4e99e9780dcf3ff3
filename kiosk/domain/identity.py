"""What may be wrong with who this kiosk is. Each of these needs a new claim code."""

from enum import StrEnum


class IdentityFault(StrEnum):
    """Why the kiosk cannot record in its own name. Its records stay here until it can.

    SIGNING_KEY_LOST: the key that signs events is gone, or is not the one that was claimed with.
    SEALING_KEY_LOST: the key that opens the gallery is gone: nobody can be recognised.
    STORAGE_KEY_LOST: the key to the kiosk's own files is gone, or cannot be opened now.
    CLAIM_DAMAGED: what the server gave at the claim cannot be read.
    KEY_REFUSED: the server knows another key for this kiosk.
    REVOKED: an admin ended the claim.
    """

    NONE = "none"
    SIGNING_KEY_LOST = "signing_key_lost"
    SEALING_KEY_LOST = "sealing_key_lost"
    STORAGE_KEY_LOST = "storage_key_lost"
    CLAIM_DAMAGED = "claim_damaged"
    KEY_REFUSED = "key_refused"
    REVOKED = "revoked"
