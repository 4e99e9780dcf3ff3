"""What the kiosks' forms send."""

from typing import Annotated

from pydantic import StringConstraints

from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class KioskForm(StrictInput):
    """A kiosk: its name, its room, or both."""

    name: Text = ""
    room_id: Text = ""


class ClosureForm(StrictInput):
    """From which date on not to wait for a kiosk, and why."""

    from_date: Text = ""
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)] = ""
