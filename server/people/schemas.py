"""What the people endpoints take and give."""

import unicodedata
import uuid
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from server.db.types import now
from server.people.consent import ConsentState
from server.people.folding import comparable_number, fold, misleads
from server.people.tables import ConsentDecision, ConsentRole
from server.web.list_schemas import LONGEST_CURSOR, MOST_ROWS, ListPart
from server.web.strict import StrictInput


def _plain(text: object) -> object:
    """Return a name in the form that Unicode composes, without spaces around it."""
    return unicodedata.normalize("NFC", text).strip() if isinstance(text, str) else text


def _number(text: object) -> object:
    return comparable_number(text) if isinstance(text, str) else text


def _refuse_misleading(text: object) -> object:
    if isinstance(text, str) and misleads(text.strip()):
        raise PydanticCustomError(
            "misleading_character",
            "This contains a control character, or one that changes the direction of text.",
        )
    return text


def _refuse_wordless(text: str) -> str:
    if text and not fold(text):
        raise PydanticCustomError("string_too_short", "This has no letter and no digit.")
    return text


# Of these, the last one runs first.
_CHECKED = (
    AfterValidator(_refuse_wordless),
    BeforeValidator(_plain),
    BeforeValidator(_refuse_misleading),
)
Name = Annotated[str, StringConstraints(max_length=80), *_CHECKED]
ShownName = Annotated[str, StringConstraints(max_length=160), *_CHECKED]
LongName = Annotated[str, StringConstraints(min_length=1, max_length=160), *_CHECKED]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
StudentNumber = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    AfterValidator(_refuse_wordless),
    BeforeValidator(_number),
    BeforeValidator(_refuse_misleading),
]
FIRST_YEAR = 1900


def _refuse_future(year: int) -> int:
    if year > last_year():
        raise PydanticCustomError("year_of_birth", "A year of birth cannot be in the future.")
    return year


def last_year() -> int:
    """The latest year of birth that a person can have: this year."""
    return now().year


YearOfBirth = Annotated[int, Field(ge=FIRST_YEAR), AfterValidator(_refuse_future)]


class PersonCreate(StrictInput):
    """A person to add, or what one is changed to."""

    student_number: StudentNumber = Field(
        description="Compared and kept in Unicode's form NFKC, without invisible characters."
    )
    given_name: Name = Field(default="", description="Empty for a person of one name.")
    family_name: Name = Field(default="", description="Empty for a person of one name.")
    display_name: ShownName = ""
    year_of_birth: YearOfBirth | None = Field(
        default=None,
        description="Decides which recognition limits apply. A change that does not name it keeps"
        " it; null removes it.",
    )

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if not self.given_name and not self.family_name:
            raise PydanticCustomError("name_missing", "A person needs a given or a family name.")
        return self


class PersonSearch(StrictInput):
    """The search text, and the part of the results to return."""

    q: str = Field(default="", max_length=100, description="Parts of names or of a number.")
    limit: int = Field(default=100, ge=1, le=MOST_ROWS)
    cursor: str | None = Field(
        default=None, max_length=LONGEST_CURSOR, description="The `next_cursor` of the part before."
    )


class PersonRead(BaseModel):
    """A person."""

    id: uuid.UUID
    student_number: str
    given_name: str
    family_name: str
    display_name: str
    year_of_birth: int | None
    consent: ConsentState
    erased_at: datetime | None


class PersonList(ListPart):
    """Some people, by name."""

    people: list[PersonRead]


class ConsentCreate(StrictInput):
    """A statement about face recognition of a person."""

    given_by: LongName
    role: ConsentRole
    text_version: Number
    decision: ConsentDecision = ConsentDecision.GIVEN
    expires_on: date | None = Field(default=None, description="Last day it counts.")


class ConsentRead(BaseModel):
    """A statement as kept."""

    id: uuid.UUID
    given_by: str
    role: ConsentRole
    text_version: str
    decision: ConsentDecision
    decided_at: datetime
    expires_on: date | None
    withdrawn_at: datetime | None
    state: ConsentState = Field(description="Of the person, all statements taken together.")


class PeopleForm(StrictInput):
    """The search of the list of people, and the page of the results."""

    q: str = Field(default="", max_length=100)
    page: int = Field(default=1, ge=1, le=1_000_000)


class PersonForm(StrictInput):
    """The page's form, before anything about it is checked."""

    student_number: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    year_of_birth: str = ""

    def given(self) -> dict[str, str | None]:
        """The values as a person is made of them: an empty year is none."""
        return self.model_dump() | {"year_of_birth": self.year_of_birth.strip() or None}


class ConsentForm(StrictInput):
    """The page's form, before anything about it is checked."""

    given_by: str = ""
    role: str = ""
    text_version: str = ""
    decision: str = "given"
    expires_on: str = ""
