"""What the lists of the API have in common. No web framework here: business code names it too."""

from pydantic import BaseModel, Field

#: Longer than any that we give: the longest place is a sort key of 1,000 bytes.
LONGEST_CURSOR = 4096
#: Rows in one part.
MOST_ROWS = 500


class ListPart(BaseModel):
    """What every list of the API says about itself."""

    total: int = Field(description="How many rows the whole list has now.")
    next_cursor: str | None = Field(
        description="Ask for the same list with this `cursor` for the rows that follow; null where"
        " the list ends. Rows that were there all the time come once, whatever else changes."
    )
