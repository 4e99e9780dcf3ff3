"""What can be wrong with the recognition service, and the errors of one attempt."""

from enum import StrEnum


class ServiceProblem(StrEnum):
    """Why the recognition service cannot be used. Pages show each in words."""

    KEY_MISSING = "key_missing"
    KEY_REFUSED = "key_refused"
    UNREACHABLE = "unreachable"
    NOT_TRUSTED = "not_trusted"
    NOT_OUR_SERVICE = "not_our_service"
    REDIRECTED = "redirected"
    OVERLOADED = "overloaded"
    FAILING = "failing"


class TransientError(Exception):
    """This attempt failed; the next may not.

    Attributes:
        problem: what it shows of the service.
    """

    problem = ServiceProblem.FAILING


class NoAnswerError(TransientError):
    """No connection, or it broke before the answer was complete."""

    problem = ServiceProblem.UNREACHABLE


class NotTrustedError(TransientError):
    """TLS failed: the certificate is foreign, ended or for another name, or ours was refused."""

    problem = ServiceProblem.NOT_TRUSTED


class ForeignAnswerError(TransientError):
    """The answer is not our service's: a proxy's page, or another program."""

    problem = ServiceProblem.NOT_OUR_SERVICE


class RedirectError(TransientError):
    """The service's address leads to one with https; the key was not sent there."""

    problem = ServiceProblem.REDIRECTED


class BusyError(TransientError):
    """The service asks to come back later.

    Attributes:
        retry_after_s: in how many seconds.
    """

    problem = ServiceProblem.OVERLOADED

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"busy, asks to wait {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class RefusedKeyError(Exception):
    """The service does not know our key. Retries fail until a person fixes the key."""
