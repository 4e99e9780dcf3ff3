"""What the forms of cards, PINs and links send."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints

from protocol.v1.checkin import MAX_SCAN_CHARS
from server.web.strict import StrictInput

MOST_PRINTED = 100
"""People whose cards or letters are made at a time: each new PIN costs about 30 ms."""


class CardForm(StrictInput):
    """A card, as its reader types it."""

    number: Annotated[str, StringConstraints(max_length=MAX_SCAN_CHARS)] = ""


class PrintForm(StrictInput):
    """Who was chosen for a print."""

    person_id: Annotated[list[uuid.UUID], Field(max_length=MOST_PRINTED)] = Field(
        default_factory=list
    )
