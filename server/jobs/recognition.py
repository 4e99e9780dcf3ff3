"""Whose fault it is when the recognition service did not answer a job."""

from datetime import timedelta

from server.jobs.schemas import Later
from server.ml.encoder import EncoderUnavailableError, FaceEncoder

#: Reason of a job that fails although the service works.
FAILS_ON_THIS = "FAILS_ON_THIS"
_UNAVAILABLE = "SERVICE_UNAVAILABLE"
#: The service is up, and yet it neither answered nor proved itself.
_UNCLEAR_PAUSE = timedelta(seconds=30)
#: However soon a busy service wants to be asked again.
_AT_LEAST = timedelta(seconds=5)


def after_failure(
    encoder: FaceEncoder, error: EncoderUnavailableError, *, may_park: bool = True
) -> Later:
    """Decide what becomes of a job that got no answer.

    It counts against the job only if the service proves itself afterwards: then address, key and
    decoding work, and the failure came with this job.
    """
    if error.retry_after_s is not None:
        return Later(_UNAVAILABLE, pause=max(timedelta(seconds=error.retry_after_s), _AT_LEAST))
    if encoder.is_closed_off() and encoder.status() == "down":
        return Later(_UNAVAILABLE)
    if encoder.proves_itself():
        return Later(FAILS_ON_THIS, is_own_fault=True, may_park=may_park)
    pause = timedelta(0) if encoder.status() == "down" else _UNCLEAR_PAUSE
    return Later(_UNAVAILABLE, pause=pause)


def is_ready(encoder: FaceEncoder) -> bool:
    """Return whether the service would be asked at all; answers at once."""
    return encoder.status() != "down" and not encoder.is_closed_off()
