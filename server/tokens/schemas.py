"""What the pages and endpoints of API tokens take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from server.web.principal import Role
from server.web.scopes import TokenScope
from server.web.strict import StrictInput

#: How many days a token may last. The longest is a year.
LIFETIMES_DAYS = (30, 90, 180, 365)
DEFAULT_DAYS = 90


class TokenCreate(StrictInput):
    """A token to make."""

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$"
        ),
    ]
    scopes: frozenset[TokenScope] = Field(min_length=1)
    days: int = Field(ge=1, le=max(LIFETIMES_DAYS))


class TokenForm(StrictInput):
    """The page's form, before anything about it is checked."""

    name: str = ""
    scopes: list[str] = Field(default_factory=list)
    days: str = str(DEFAULT_DAYS)
    password: str = Field(default="", max_length=256)


class TokenRead(BaseModel):
    """The API token of the request."""

    id: uuid.UUID
    name: str
    role: Role = Field(description="Of its account. No scope grants more than this.")
    scopes: list[TokenScope]
    created_at: datetime
    expires_at: datetime
