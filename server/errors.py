"""The server's errors: one tree, each with an HTTP status and a code that clients may rely on."""


class ServerError(Exception):
    """Something the server says no to, or could not do.

    Attributes:
        status_code: HTTP status that the web layer answers with.
        code: stable, machine-readable word; documented, never reused for another meaning.
        message: plain words for people. Never holds a name, a token or biometric data.
        details: further machine-readable facts, safe to show to the caller.
        beside: what stands beside `error` in the answer, by key.
        retry_after_s: seconds until another attempt may work; None where it is not known.
        challenge: the `WWW-Authenticate` header of the answer; empty where there is none.
    """

    status_code = 500
    retry_after_s: int | None = None
    challenge = ""
    code = "internal_error"
    default_message = "Something went wrong on the server. Nothing was changed."

    def __init__(self, message: str | None = None, **details: object) -> None:
        self.message = message or self.default_message
        self.details = details
        self.beside: dict[str, object] = {}
        super().__init__(self.message)


class ConfigurationError(ServerError):
    """The process cannot start as configured."""

    code = "configuration"
    default_message = "The server is not configured correctly."


class MalformedError(ServerError):
    """The payload itself cannot be read."""

    status_code = 422
    code = "malformed"
    default_message = "The request could not be read."


class AddressUnreadableError(MalformedError):
    """A part of the address of a page cannot be read: an id, a filter or a page number."""

    code = "address_unreadable"


class InvalidError(ServerError):
    """The payload is well formed, but the request is invalid."""

    status_code = 400
    code = "invalid"
    default_message = "That does not work as asked."


class NotSignedInError(ServerError):
    """Nobody is signed in."""

    status_code = 401
    code = "not_signed_in"
    default_message = "Please sign in first."


class InvalidTokenError(NotSignedInError):
    """The API token is unknown, has expired or was revoked. It never says which."""

    code = "invalid_token"
    default_message = "This API token does not work. Create a new one on the page API tokens."
    challenge = 'Bearer error="invalid_token"'


class ForbiddenError(ServerError):
    """The signed-in account may not do this."""

    status_code = 403
    code = "forbidden"
    default_message = "Your role does not allow this."


class MissingScopeError(ForbiddenError):
    """The API token is valid, but too narrow for this."""

    code = "missing_scope"
    default_message = "This API token lacks the scope that this request needs."


class TokenRefusedError(ForbiddenError):
    """No API token may do this, whatever its scopes are."""

    code = "token_refused"
    default_message = "API tokens cannot do this. Sign in with a password instead."


class TwoSignInsError(InvalidError):
    """A request came with an API token and with a sign-in, which may be of two accounts."""

    code = "two_sign_ins"
    default_message = "Send either an API token or the cookie of a sign-in, not both."


class SignInUnfinishedError(ForbiddenError):
    """A step of the sign-in is missing; pages lead to it.

    Attributes:
        page: where the step is done.
    """

    page = "/sign-in"


class PasswordChangeDueError(SignInUnfinishedError):
    """The account still uses a one-time password."""

    code = "password_change_due"
    default_message = "Please choose a password of your own first."
    page = "/password"


class CodeDueError(SignInUnfinishedError):
    """The password was right, but the code of the second step is missing."""

    code = "code_due"
    default_message = "Enter the code from your authenticator app first."
    page = "/sign-in/code"


class SecondFactorDueError(SignInUnfinishedError):
    """The school requires a second step for this role, and the account has none."""

    code = "second_factor_due"
    default_message = "Set up two-step sign-in first. Your school requires it."
    page = "/second-factor"


class CrossSiteError(ForbiddenError):
    """A state-changing request did not come from our own pages."""

    code = "cross_site"
    default_message = "This request did not come from a page of this server, so it was refused."


class NotFoundError(ServerError):
    """The thing asked for does not exist."""

    status_code = 404
    code = "not_found"
    default_message = "There is nothing here."


class ConflictError(ServerError):
    """The request contradicts what is stored."""

    status_code = 409
    code = "conflict"
    default_message = "This contradicts what is already stored."


class ConsentRequiredError(ConflictError):
    """Biometric processing was asked for without a live consent."""

    code = "consent_required"
    default_message = "There is no live consent for face recognition of this person."


class TooLargeError(ServerError):
    """The upload exceeds its limit."""

    status_code = 413
    code = "too_large"
    default_message = "The upload is too large."


class UploadTooSlowError(ServerError):
    """The body of the request did not arrive in time."""

    status_code = 408
    code = "upload_too_slow"
    default_message = "The upload took too long, so nothing was saved. Try again."
    retry_after_s = 2


class UnsupportedMediaError(ServerError):
    """The upload is not of an accepted kind."""

    status_code = 415
    code = "unsupported_media"
    default_message = "This kind of file is not accepted."


class TooManyAttemptsError(ServerError):
    """Too many failures; wait before trying again."""

    status_code = 429
    code = "too_many_attempts"
    default_message = "Too many failed attempts. Please wait before trying again."


class TooManyEventsError(ServerError):
    """A kiosk is over its rate; nothing of its batch was taken in, and it sends it again."""

    status_code = 429
    code = "too_many_events"
    default_message = "Events of this kiosk arrive faster than they are taken in. Send them later."
    retry_after_s = 1


class SignInBusyError(ServerError):
    """More passwords are waiting to be checked than the server takes at a time."""

    status_code = 503
    code = "sign_in_busy"
    default_message = "Too many people are signing in right now. Try again in a few seconds."
    retry_after_s = 3


class UnavailableError(ServerError):
    """Another service that is needed does not answer."""

    status_code = 503
    code = "unavailable"
    default_message = "A service that is needed for this does not answer at the moment."


class UploadsFullError(UnavailableError):
    """The uploads of this moment fill the memory that is set aside for them."""

    code = "uploads_full"
    default_message = "Too many uploads are running, so nothing was saved. Try again shortly."
    retry_after_s = 2


class DownloadsFullError(UnavailableError):
    """As many kiosks as may do so at a time are downloading their software."""

    code = "downloads_full"
    default_message = "Too many kiosks are downloading right now. Try again shortly."
    retry_after_s = 5


class DatabaseBusyError(UnavailableError):
    """The database is locked, or does not answer; trying again soon may work."""

    code = "database_busy"
    default_message = "The server is busy at the moment. Nothing was changed. Try again shortly."
    retry_after_s = 5


class RenewingPinsError(UnavailableError):
    """PINs that a revoked kiosk held are being renewed; the device in its place waits for them."""

    code = "renewing_pins"
    default_message = "PINs are being renewed. Try again shortly."
    retry_after_s = 5


class OutOfSpaceError(UnavailableError):
    """The disk of the server or of its database is full. It works again once there is room."""

    status_code = 507
    code = "disk_full"
    default_message = "The server's disk is full, so nothing was saved. Free some space on it."
    retry_after_s = 60


class SealBrokenError(ServerError):
    """Encrypted data does not open: wrong key, or it was altered."""

    code = "seal_broken"
    default_message = "Stored data could not be decrypted."
