"""The kinds of files, in the order in which a new school imports them."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum

from server.imports.course_files import RosterFiles, TeacherFiles
from server.imports.findings import ImportKind
from server.imports.people_files import PeopleFiles
from server.imports.place_files import CourseFiles, RoomFiles


class KindName(StrEnum):
    """What the rows of a file are."""

    PEOPLE = "people"
    ROOMS = "rooms"
    COURSES = "courses"
    ROSTERS = "rosters"
    TEACHERS = "teachers"


_MAKERS: dict[KindName, Callable[[date], ImportKind]] = {
    KindName.PEOPLE: lambda _today: PeopleFiles(),
    KindName.ROOMS: lambda _today: RoomFiles(),
    KindName.COURSES: lambda _today: CourseFiles(),
    KindName.ROSTERS: RosterFiles,
    KindName.TEACHERS: TeacherFiles,
}


def kind_of(name: str, today: date) -> ImportKind:
    """Return a kind for one run.

    Args:
        name: of the kind.
        today: the school's date.
    """
    return _MAKERS[KindName(name)](today)
