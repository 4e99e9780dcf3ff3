"""What the kiosks' forms send."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class KioskForm(BaseModel):
    """A new kiosk."""

    name: Text = ""
    room_id: Text = ""
