"""The code on a phone, signed by this server."""

from datetime import datetime

from sqlmodel import Session

from protocol.v1.checkin import make_check_in_code
from server.credentials.service import HolderRef
from server.db.vault import Vault
from server.kiosks.claiming import server_signing_key


def code_for(db: Session, vault: Vault, holder: HolderRef, at: datetime) -> str:
    """Return the text of a code for a phone, valid for a minute from `at` on."""
    return make_check_in_code(holder.id, at, server_signing_key(db, vault))
