"""Settings of backups: a part of `Settings`."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

_HOURS_A_DAY = 24


class BackupSettings(BaseSettings):
    """Where backups go, when they are made, and how long they are kept."""

    backup_folder: Path | None = Field(
        default=None,
        description="Folder for backups, best on another disk. Default: the server makes none.",
    )
    backup_key_file: Path | None = Field(
        default=None,
        description="File with the recovery key, made by `rollcall-server backup --new-key FILE`."
        " Not in backup_folder or data_dir.",
    )
    backup_keys_folder: Path | None = Field(
        default=None,
        description="Folder for the backups of data keys and certificates, best on another disk"
        " than backup_folder. Default: `keys` in backup_folder.",
    )
    backup_hours: str = Field(
        default="2",
        description="Hours of the school's day at which the server makes a backup, separated by"
        " commas: 2,13.",
    )
    backup_keep_daily: int = Field(
        default=14, ge=1, le=400, description="Days of which the newest backup is kept."
    )
    backup_keep_weekly: int = Field(
        default=8, ge=0, le=200, description="Weeks of which the newest backup is kept."
    )

    backup_before_migration: bool = Field(
        default=True,
        description="Copy the database, encrypted, to data_dir/before-migration before a new"
        " version changes it. Switch off only where another backup was just made.",
    )

    @field_validator("backup_hours")
    @classmethod
    def _hours_of_a_day(cls, value: str) -> str:
        hours = [one.strip() for one in value.split(",")]
        if not all(one.isdecimal() and int(one) < _HOURS_A_DAY for one in hours):
            raise ValueError("must be hours from 0 to 23, separated by commas")
        return value

    def backup_times(self) -> tuple[int, ...]:
        """Return the hours of `backup_hours`, in order."""
        return tuple(sorted({int(one) for one in self.backup_hours.split(",")}))
