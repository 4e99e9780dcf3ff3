"""What programs and the page send about the school."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints

from server.config import SchoolIdentity, known_zone
from server.web.strict import StrictInput

SchoolName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
ZoneName = Annotated[str, StringConstraints(max_length=64), AfterValidator(known_zone)]


class SchoolInput(StrictInput):
    """Name, IANA time zone and language; what the server's settings fix is not changed."""

    name: SchoolName
    timezone: ZoneName
    language: Literal["en", "ar"]

    @property
    def identity(self) -> SchoolIdentity:
        """The same, as settings hold it."""
        return SchoolIdentity(self.name, self.timezone, self.language)


class SchoolRead(BaseModel):
    """What the school is called now.

    Attributes:
        fixed: what the server's settings say, so that nobody can change it here.
    """

    name: str
    timezone: str
    language: str
    fixed: tuple[str, ...]
