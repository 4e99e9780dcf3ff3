"""Which days the address of a person's attendance names."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BeforeValidator

from server.person_page.service import DaysWanted

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
_Empty = BeforeValidator(lambda text: text or None)
_Day = Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY), _Empty]


def days_wanted(
    term: Annotated[uuid.UUID | None, _Empty] = None, first: _Day = None, last: _Day = None
) -> DaysWanted:
    """Return the term or the days that are asked for; empty fields of the form ask for nothing."""
    return DaysWanted(term, first, last)


DaysWantedDep = Annotated[DaysWanted, Depends(days_wanted)]
DayAsked = _Day
