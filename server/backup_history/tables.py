"""Backups that were made, and attempts that failed."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class BackupRun(SQLModel, table=True):
    """One attempt. Those older than a year are deleted."""

    __tablename__ = "backup_runs"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime = utc_field(index=True)
    file: str = Field(default="", max_length=120)  # its name in the backup folder
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    problem: str | None = Field(default=None, max_length=40)  # None: it is whole and was verified
