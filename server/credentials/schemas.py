"""Credentials as the API shows and takes them."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from protocol.v1.checkin import MAX_CARD_CHARS, CardKind
from server.web.strict import StrictInput


class CardCreate(StrictInput):
    """A card, by the number that its reader types."""

    number: Annotated[str, Field(min_length=4, max_length=MAX_CARD_CHARS)]


class CardOut(BaseModel):
    """A card; its number is kept nowhere."""

    id: uuid.UUID
    kind: CardKind
    label: str
    added_at: datetime


class CredentialsOut(BaseModel):
    """What a person has to check in without a face. `pin_state`: none, to_hand_out, handed_out."""

    pin_state: str
    cards: list[CardOut]
    has_link: bool
    link_made_at: datetime | None


class PinOut(BaseModel):
    """A PIN, to hand out."""

    pin: str


class LinkOut(BaseModel):
    """The path of a person's page with the code for the phone; shown this once."""

    path: str
