"""The key of the copies that the server makes before it migrates: derived from a data key.

They lie beside the database and serve the same server only, so they need no recovery key.
"""

from server.backup.recovery_key import RecoveryKey
from server.db.vault import Vault

_PREFIX = "data-"
_PURPOSE = "copy-before-migration"


def active_key(vault: Vault) -> RecoveryKey:
    """Return the key for a new copy."""
    return _key(vault, vault.active_key_id)


def vault_key(vault: Vault, key_id: str) -> RecoveryKey | None:
    """Return the key of a copy; None: its data key is not there."""
    name = key_id.removeprefix(_PREFIX)
    return _key(vault, name) if name != key_id and vault.has_key(name) else None


def data_key_of(key_id: str) -> str | None:
    """Return which data key a copy needs; None: it was made with a recovery key."""
    return key_id.removeprefix(_PREFIX) if key_id.startswith(_PREFIX) else None


def _key(vault: Vault, name: str) -> RecoveryKey:
    return RecoveryKey(_PREFIX + name, vault.subkey(_PURPOSE, name))
