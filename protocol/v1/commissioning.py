"""The report of a kiosk's acceptance test on site, and the message that its offline drill sends.

Neither holds names of people, pictures, templates or keys. Both are signed by the kiosk over all
that went over the wire, so that fields of a newer kiosk are covered too.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, JsonValue, StringConstraints

from protocol.v1.fields import (
    MAX_NOTE,
    EventId,
    Instant,
    KioskId,
    Label,
    Message,
    Note,
    Real,
    Signature,
    Word,
)
from protocol.v1.findings import CODE_PATTERN, CodedText
from protocol.v1.signing import canonical, sign_document, verify_document

MAX_COMMISSION_STEPS = 24
MAX_STEP_MEASURES = 12
MAX_STEP_VALUES = 8
COMMISSIONING = "commissioning"
COMMISSIONING_DRILL = "commissioning-drill"
_SIGNATURE = "signature"
_UNSIGNED = "A" * 86 + "=="


class CommissionStepName(StrEnum):
    """The steps, in their order."""

    LIGHT = "light"
    FOCUS = "focus"
    DISTANCE = "distance"
    PRINT_ATTACK = "print_attack"
    SCREEN_ATTACK = "screen_attack"
    ACCELERATOR = "accelerator"
    CLOCK = "clock"
    HTTP = "http"
    MQTT = "mqtt"
    OFFLINE_DRILL = "offline_drill"


class StepOutcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a step was skipped; always chosen, so that no name of a person can stand there.

    The first three are for a technician, the others for the kiosk.
    """

    NOT_AT_HAND = "not_at_hand"
    LATER = "later"
    NOT_ALLOWED = "not_allowed"
    DETECTION_OFF = "detection_off"
    NOT_FITTED = "not_fitted"
    NOT_CHECKED = "not_checked"


CHOSEN_REASONS = (SkipReason.NOT_AT_HAND, SkipReason.LATER, SkipReason.NOT_ALLOWED)


class CommissionStep(Message):
    """What became of one step.

    `problem` and `fix` are English sentences of this program. `code` and `values` say the same in
    other languages; an older kiosk sends neither, and a newer one may send a code that is unknown
    here.
    """

    name: Word
    outcome: Word
    at: Instant
    problem: Note = Field(default="", description="what failed, or what was seen")
    fix: Note = Field(default="", description="what to do about it")
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z_]{0,40}$")] = Field(
        default="", description="of a skipped step: a `SkipReason`"
    )
    measures: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Real],
        Field(max_length=MAX_STEP_MEASURES),
    ] = Field(default_factory=dict)
    code: Annotated[str, StringConstraints(pattern=CODE_PATTERN)] = Field(
        default="", description="names `problem` and `fix` in every language; empty: not coded"
    )
    values: Annotated[
        dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Note],
        Field(max_length=MAX_STEP_VALUES),
    ] = Field(default_factory=dict, description="what stands in the places of the sentences")

    @property
    def text(self) -> CodedText:
        """What was found, for any language."""
        return CodedText(self.problem, self.fix, self.code, self.values)

    def saying(self, text: CodedText) -> "CommissionStep":
        """Return this step with what was found; what is too long is cut."""
        values = {name: value[:MAX_NOTE] for name, value in text.values.items()}
        found = {
            "problem": text.words[:MAX_NOTE],
            "fix": text.fix[:MAX_NOTE],
            "code": text.code,
            "values": values,
        }
        return self.model_copy(update=found)


class CommissionReport(Message):
    """A finished acceptance test (POST /api/v1/kiosk/commissioning).

    The signature covers everything else in it (context `commissioning`).
    """

    id: EventId
    kiosk_id: KioskId
    room: Label = Field(description="where the kiosk said it stood")
    started_at: Instant
    finished_at: Instant
    software_version: Label = ""
    steps: Annotated[
        tuple[CommissionStep, ...], Field(min_length=1, max_length=MAX_COMMISSION_STEPS)
    ]
    signature: Signature


class CommissionDrill(Message):
    """Made while the links were cut, sent afterwards (POST /api/v1/kiosk/commissioning/drills).

    It is no event: nobody is marked, and the chain of events is not touched. The signature
    covers everything else in it (context `commissioning-drill`).
    """

    report_id: EventId = Field(description="of the report that this drill belongs to")
    kiosk_id: KioskId
    made_at: Instant
    signature: Signature


class CommissionReceipt(Message):
    """The server has it."""

    id: EventId


SignedT = TypeVar("SignedT", CommissionReport, CommissionDrill)
_CONTEXTS = {CommissionReport: COMMISSIONING, CommissionDrill: COMMISSIONING_DRILL}


def sign_commissioning(unsigned: SignedT, key: Ed25519PrivateKey) -> SignedT:
    """Return a report or a drill with the kiosk's signature; the one in it is replaced."""
    body = _covered(json.loads(unsigned.to_json()))
    signature = sign_document(body, key, context=_CONTEXTS[type(unsigned)])
    return unsigned.model_copy(update={_SIGNATURE: signature})


def verify_commissioning(
    raw: Mapping[str, JsonValue], key: Ed25519PublicKey, *, context: str = COMMISSIONING
) -> None:
    """Check that the kiosk with this key made a report or a drill, exactly as received.

    Raises:
        BadSignatureError: it did not, or something was changed.
        MalformedMessageError: it has no canonical form.
    """
    verify_document(_covered(raw), str(raw.get(_SIGNATURE, "")), key, context=context)


def unsigned_signature() -> str:
    """Return what stands in the place of a signature until there is one."""
    return _UNSIGNED


def commissioning_text(raw: Mapping[str, JsonValue]) -> str:
    """Return a report as it is kept: canonical JSON, all that came over the wire.

    Raises:
        MalformedMessageError: it has no canonical form.
    """
    return canonical(raw).decode()


def _covered(raw: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in raw.items() if name != _SIGNATURE}
