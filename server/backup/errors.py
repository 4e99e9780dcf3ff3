"""What can be wrong with a backup. Commands say it; no page and no API meets these."""

from server.errors import ConfigurationError


class BackupError(ConfigurationError):
    """A backup could not be made, read or restored."""

    default_message = "The backup failed. Earlier backups are untouched."


class BackupUnreadableError(BackupError):
    """The file is damaged, or no backup."""

    default_message = (
        "The backup cannot be read: it is cut off, damaged or was changed. Use another one."
    )


class WrongRecoveryKeyError(BackupError):
    """The file was encrypted with another key."""

    default_message = (
        "This backup was made with another recovery key. Name the right one with --key FILE."
    )


class NewerBackupError(BackupError):
    """A newer version of Rollcall made the backup."""

    default_message = "A newer version of Rollcall made this backup. Install that version first."
