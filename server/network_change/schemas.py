"""What forms and programs send and get about the school's network."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from server.web.strict import StrictInput

ModelName = Annotated[str, Field(min_length=1, max_length=80)]
#: Share of people, 0 to 1, who must have a template of the next network before the switch.
Wanted = Annotated[float, Field(ge=0.5, le=1)]
WANTED_BY_DEFAULT = 0.95


class ChangeForm(StrictInput):
    """How a change of network is to run.

    Attributes:
        next: the network to change to.
        collects_scans: whether kiosks make templates of it from clear scans.
        wanted_percent: people of a hundred who must have one before the switch.
    """

    next: ModelName
    collects_scans: bool = False
    wanted_percent: Annotated[int, Field(ge=50, le=100)] = round(WANTED_BY_DEFAULT * 100)


class NetworkForm(StrictInput):
    """The network that something is to be done with."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: Annotated[str, Field(max_length=80)]


class _Read(BaseModel):
    model_config = ConfigDict(protected_namespaces=())


class ClassRead(_Read):
    """One course: people who can be recognised now, and of them with the next network."""

    course_id: str
    people: int
    covered: int


class ChangeRead(_Read):
    """A change under way.

    Attributes:
        people: with a live consent who can be recognised now.
        covered: of them, those with a template of the next network.
        wanted: share of people who must be covered before the switch.
    """

    next: str
    started_at: datetime | None
    collects_scans: bool
    people: int
    covered: int
    wanted: float
    may_switch: bool
    classes: list[ClassRead]


class NetworksRead(_Read):
    """The school's networks; `change` is null while none is under way."""

    current: str | None
    served: list[str]
    change: ChangeRead | None
