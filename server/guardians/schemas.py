"""What the endpoints and forms of guardians take and give, and what a phone and an e-mail are."""

import re
import unicodedata
import uuid
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from server.guardians.tables import LONGEST_EMAIL, LONGEST_PHONE, Guardian, GuardianRelation
from server.people.schemas import LongName
from server.web.strict import StrictInput

_PHONE = re.compile(r"\+?[0-9 ()./-]+(?: ?(?:x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)
_FEWEST_DIGITS = 3
#: One address without a name around it. Whether mail arrives there, only a mail can tell.
_EMAIL = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")


def _refuse_phone(text: str) -> str:
    digits = sum(char.isdigit() for char in text)
    if text and (not _PHONE.fullmatch(text) or digits < _FEWEST_DIGITS):
        raise PydanticCustomError("phone", "This is not a phone number.")
    return text


def _refuse_email(text: str) -> str:
    if text and not (_EMAIL.fullmatch(text) and text.isprintable()):
        raise PydanticCustomError("email", "This is not an e-mail address.")
    return text


def _plain_phone(text: object) -> object:
    """Return a number with the digits and signs of ASCII, without characters that nobody sees.

    Contacts of phones put such around a number, so that it keeps its direction.
    """
    if not isinstance(text, str):
        return text
    plain = unicodedata.normalize("NFKC", text)
    seen = (char for char in plain if unicodedata.category(char) != "Cf")
    return "".join(str(unicodedata.decimal(char, char)) for char in seen).strip()


Phone = Annotated[
    str,
    StringConstraints(max_length=LONGEST_PHONE),
    AfterValidator(_refuse_phone),
    BeforeValidator(_plain_phone),
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST_EMAIL),
    AfterValidator(_refuse_email),
]
_NAME_WORDS = "How the guardian signs. Unique among the guardians of one student."
_PHONE_WORDS = "Kept as it is written, with leading zeros and +. Empty: none."


class GuardianCreate(StrictInput):
    """A guardian to add."""

    name: LongName = Field(description=_NAME_WORDS)
    relation: GuardianRelation = GuardianRelation.GUARDIAN
    phone: Phone = Field(default="", description=_PHONE_WORDS)
    email: Email = Field(default="", description="Empty: none.")


class GuardianUpdate(StrictInput):
    """What changes about a guardian; what is not named stays."""

    name: LongName = Field(default="", description=_NAME_WORDS)
    relation: GuardianRelation = GuardianRelation.GUARDIAN
    phone: Phone = Field(default="", description=_PHONE_WORDS)
    email: Email = Field(default="", description="Empty: none.")

    def changes(self) -> dict[str, str]:
        """Return the fields that the request named."""
        return self.model_dump(exclude_unset=True, mode="json")


class GuardianRead(BaseModel):
    """A guardian."""

    id: uuid.UUID
    name: str
    relation: GuardianRelation
    phone: str
    email: str

    @classmethod
    def of(cls, row: Guardian) -> "GuardianRead":
        """Shape a guardian for an answer."""
        relation = GuardianRelation(row.relation)
        return cls(id=row.id, name=row.name, relation=relation, phone=row.phone, email=row.email)


class GuardianForm(StrictInput):
    """The page's form, before anything about it is checked."""

    name: str = ""
    relation: str = ""
    phone: str = ""
    email: str = ""
