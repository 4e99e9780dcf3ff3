"""What the people endpoints take and give."""

import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from server.db.types import now
from server.people.consent import ConsentState
from server.people.tables import ConsentDecision, ConsentRole
from server.web.strict import StrictInput

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
LongName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
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

    student_number: Number
    given_name: Name
    family_name: Name
    display_name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=160)] = ""
    year_of_birth: YearOfBirth | None = Field(
        default=None,
        description="Decides which recognition limits apply. A change that does not name it keeps"
        " it; null removes it.",
    )


#: Nobody pages further; beyond it the database has no number for it.
LAST_OFFSET = 10_000_000


class PersonSearch(StrictInput):
    """The search text, and the part of the results to return."""

    q: str = Field(default="", max_length=100, description="Parts of names or of a number.")
    limit: int = Field(default=50, ge=1, le=500)
    offset: int = Field(default=0, ge=0, le=LAST_OFFSET)


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


class PersonList(BaseModel):
    """Some people, by family name."""

    people: list[PersonRead]
    total: int


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
