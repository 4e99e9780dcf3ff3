"""The kiosk's error tree: what can go wrong here, in the kiosk's own words.

KioskError
├── SettingsError                 the settings cannot be used
├── CameraError                   no frame can be had from the camera or clip
├── StorageError                  the local disk did not take or give what it should
│   ├── DiskFullError             no space left: nothing was stored
│   ├── OutboxFullError           the outbox reached its bound: nothing was stored
│   ├── FolderInUseError          another kiosk process works in the data folder
│   ├── NoAccessError             a file belongs to another account
│   └── CorruptStoreError         a local file is damaged
│       ├── OtherVersionError     it was written by another version of the kiosk
│       └── LockedStoreError      it was encrypted with a key that cannot be had now
├── KeeperError                   what keeps the storage key is not there or refuses
└── SyncError                     the server or broker did not do what was asked
    ├── UnreachableError          no answer: try again later
    │   ├── UntrustedLinkError    a connection that must not be used, as TLS is wrong or missing
    │   └── PacedError            the server takes this kiosk's events a little later
    ├── RefusedError              an answer, and it says no (status and code kept)
    │   ├── ClaimRefusedError     the claim code was not accepted
    │   └── RevokedError          the server signed that this claim has ended
    └── AnswerError               an invalid answer
        └── UnprovenAnswerError   an answer that this kiosk's server did not sign
"""


class KioskError(Exception):
    """Anything that goes wrong in the kiosk and has a name."""


class SettingsError(KioskError):
    """The settings cannot be used; the message says which and why."""


class CameraError(KioskError):
    """The camera or clip gives no frames; the worker may open it again."""


class ModelMissingError(KioskError):
    """A model is not on this machine, or is damaged; recognition waits for it.

    Args:
        message: the whole sentence, for the log.
        model: the model as the settings name it.
        command: what brings it here.
        is_damaged: it is here, but not as its card says.
    """

    def __init__(self, message: str, *, model: str, command: str, is_damaged: bool = False) -> None:
        super().__init__(message)
        self.model = model
        self.command = command
        self.is_damaged = is_damaged


class NetworkMissingError(ModelMissingError):
    """The network that the school chose is not installed on this kiosk, or is damaged."""


class OtherNetworkError(KioskError):
    """The settings name another network than the school's: nobody could be recognised.

    Args:
        own: network of the settings.
        school: network of the school.
    """

    def __init__(self, own: str, school: str) -> None:
        super().__init__(
            f"the settings of this kiosk name the network {own}, but the school uses {school}"
        )
        self.own = own
        self.school = school


class StorageError(KioskError):
    """The local disk did not take or give what it should. Nothing was recorded.

    Args:
        message: the whole sentence, for the log.
        file: name of the file, where one is known, for the screen.
    """

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file


class DiskFullError(StorageError):
    """No space is left on the disk; nothing was stored."""


class OutboxFullError(StorageError):
    """The outbox holds as many events as it may; nothing was stored or overwritten."""


class FolderInUseError(StorageError):
    """Another kiosk process works in the data folder."""


class NoAccessError(StorageError):
    """A file belongs to another account, or its mode keeps this one out."""


class CorruptStoreError(StorageError):
    """A local file is damaged, or something else lies in its place; it was not used."""


class OtherVersionError(CorruptStoreError):
    """A local file was written by another version of the kiosk and was not used."""


class LockedStoreError(CorruptStoreError):
    """A local file is encrypted, and its key is lost or cannot be opened now."""


class KeeperError(KioskError):
    """What keeps the storage key (a TPM, the host's secret) is not there or refuses."""


class SyncError(KioskError):
    """The server or the broker did not do what was asked."""


class UnreachableError(SyncError):
    """No answer came: the network or the other side is away. Try again later."""


class UntrustedLinkError(UnreachableError):
    """Nothing was sent: the certificate is not accepted, or there is no TLS. Try again later.

    Args:
        message: the whole sentence, for the log.
        fault: what is wrong, a value of `kiosk.domain.links.LinkSecurity`.
    """

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class PacedError(UnreachableError):
    """The server is there, and takes this kiosk's next events only after a while.

    It is no failure: everything is kept, and the same way is used again.

    Args:
        retry_after_s: when to send again, seconds.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the server asks to send again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class RefusedError(SyncError):
    """The server answered, and it refused.

    Args:
        status: HTTP status, 4xx or 5xx.
        code: the server's error code, empty when it gave none.
    """

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"the server refused with status {status} {code}".rstrip())
        self.status = status
        self.code = code


class ClaimRefusedError(RefusedError):
    """The claim code was not accepted: unknown, used up or expired."""


class RevokedError(RefusedError):
    """The server signed that this kiosk's present claim has ended; nothing else ends it."""


class AnswerError(SyncError):
    """The server answered with something that does not follow the protocol."""


class UnprovenAnswerError(AnswerError):
    """An answer that this kiosk's server did not sign for this request; it means nothing.

    Args:
        message: what seems to answer.
        is_server: it speaks like a Rollcall server: one that is too old, or another one.
        moved_to: where it redirects to; empty where it does not.
    """

    def __init__(self, message: str, *, is_server: bool = False, moved_to: str = "") -> None:
        super().__init__(message)
        self.is_server = is_server
        self.moved_to = moved_to
