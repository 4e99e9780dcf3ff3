"""What the page of the school sends: text, to be read and to be shown again where it is wrong."""

from typing import Annotated

from pydantic import StringConstraints, ValidationError

from server.config import SchoolIdentity, Settings
from server.school.schemas import SchoolInput
from server.web.strict import StrictInput

_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class SchoolForm(StrictInput):
    """Name, time zone and language; a field that the server's settings fix is not sent."""

    name: _Text = ""
    timezone: _Text = ""
    language: _Text = ""

    @classmethod
    def of(cls, school: SchoolIdentity) -> "SchoolForm":
        """Return the form as the school is now."""
        return cls(name=school.name, timezone=school.timezone, language=school.language)

    def read(self, settings: Settings) -> tuple[SchoolInput | None, set[str]]:
        """Return what was entered, or the names of the fields that are wrong."""
        now = settings.school
        try:
            wanted = SchoolInput(
                name=settings.school_name or self.name,
                timezone=settings.timezone or self.timezone,
                language=settings.language or self.language or now.language,
            )
        except ValidationError as exc:
            return None, {str(error["loc"][0]) for error in exc.errors()}
        return wanted, set()
