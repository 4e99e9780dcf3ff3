"""Which keys were used, and what was answered."""

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from server.db.types import utc_field


class IdempotencyKey(SQLModel, table=True):
    """A request that changed something, by the key of its sender.

    It is written in the transaction of the request, so it is there exactly if the change is.
    """

    __tablename__ = "idempotency_keys"

    account_id: uuid.UUID = Field(foreign_key="accounts.id", primary_key=True, ondelete="CASCADE")
    key: str = Field(primary_key=True, max_length=255)
    request_hash: bytes = Field(max_length=32)  # of method, address and body
    status_code: int = Field(default=0)
    body: bytes | None = Field(default=None)  # None: it held a secret, or was deleted
    created_at: datetime = utc_field(index=True)
