"""The kinds of files, in the order in which a new school imports them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from server.imports.course_files import RosterFiles, TeacherFiles
from server.imports.findings import Column, ImportKind
from server.imports.people_files import PeopleFiles
from server.imports.place_files import CourseFiles, RoomFiles
from server.imports.timetable_files import TimetableFiles


class KindName(StrEnum):
    """What the rows of a file are."""

    PEOPLE = "people"
    ROOMS = "rooms"
    COURSES = "courses"
    ROSTERS = "rosters"
    TEACHERS = "teachers"
    TIMETABLE = "timetable"
    PHOTOS = "photos"
    ONEROSTER = "oneroster"


#: Kinds that are zips of files; they have no columns to choose.
ARCHIVES = frozenset({KindName.PHOTOS, KindName.ONEROSTER})


@dataclass(frozen=True)
class Announced:
    """An archive that is to be uploaded, or was."""

    kind: KindName
    name: str
    size_bytes: int


_MAKERS: dict[KindName, Callable[[date, ZoneInfo], ImportKind]] = {
    KindName.PEOPLE: lambda _today, _zone: PeopleFiles(),
    KindName.ROOMS: lambda _today, _zone: RoomFiles(),
    KindName.COURSES: lambda _today, _zone: CourseFiles(),
    KindName.ROSTERS: lambda today, _zone: RosterFiles(today),
    KindName.TEACHERS: lambda today, _zone: TeacherFiles(today),
    KindName.TIMETABLE: TimetableFiles,
}
_UTC = ZoneInfo("UTC")


def kind_of(name: str, today: date, zone: ZoneInfo = _UTC) -> ImportKind:
    """Return a kind of rows for one run.

    Args:
        name: of the kind.
        today: the school's date.
        zone: the school's; without it rows can be read but no lessons planned.
    """
    return _MAKERS[KindName(name)](today, zone)


def columns_of(name: str, today: date) -> tuple[Column, ...]:
    """Return the columns of a kind; none of an archive."""
    return () if name in ARCHIVES else kind_of(name, today).columns
