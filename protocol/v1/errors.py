"""Errors of protocol v1, each with the reason code that travels in an ack."""


class ProtocolError(ValueError):
    """A message is not what protocol v1 says; the base of the errors here.

    Attributes:
        reason: one word of `protocol.v1.events.RefusalReason`.
    """

    reason = "malformed"


class MalformedMessageError(ProtocolError):
    """The bytes are no message of this kind, or break one of its limits."""


class OversizedMessageError(ProtocolError):
    """The bytes are more than any honest peer sends; they were not parsed."""

    reason = "too_large"


class BadHashError(ProtocolError):
    """The hash in the message is not the hash of its content."""

    reason = "bad_hash"


class BadSignatureError(ProtocolError):
    """The signature was not made by the expected key over this content."""

    reason = "bad_signature"


class SealError(ProtocolError):
    """A sealed value cannot be opened: wrong key, wrong owner, or damaged."""

    reason = "bad_seal"
