"""The errors of provisioning: each message is one plain sentence for the technician."""


class ProvisioningError(Exception):
    """A step could not be done; nothing was left half done."""


class ServerRefusedError(ProvisioningError):
    """The server said no, in its own words."""


class ServerUnreachableError(ProvisioningError):
    """The server did not answer."""


class SettingsRefusedError(ProvisioningError):
    """The kiosk would not start with these settings."""
