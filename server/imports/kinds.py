"""The kinds of files, in the order in which a new school imports them."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from server.db.types import now
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


_MAKERS: dict[KindName, Callable[[date, ZoneInfo], ImportKind]] = {
    KindName.PEOPLE: lambda _today, _zone: PeopleFiles(),
    KindName.ROOMS: lambda _today, _zone: RoomFiles(),
    KindName.COURSES: lambda _today, _zone: CourseFiles(),
    KindName.ROSTERS: lambda today, _zone: RosterFiles(today),
    KindName.TEACHERS: lambda today, _zone: TeacherFiles(today),
    KindName.TIMETABLE: TimetableFiles,
}


_COLUMNS: dict[KindName, tuple[Column, ...]] = {
    KindName.PEOPLE: PeopleFiles.columns,
    KindName.ROOMS: RoomFiles.columns,
    KindName.COURSES: CourseFiles.columns,
    KindName.ROSTERS: RosterFiles.columns,
    KindName.TEACHERS: TeacherFiles.columns,
    KindName.TIMETABLE: TimetableFiles.columns,
}


def kind_of(name: str, zone: ZoneInfo) -> ImportKind:
    """Return a kind for one run.

    Args:
        name: of the kind.
        zone: the school's.
    """
    return _MAKERS[KindName(name)](now().astimezone(zone).date(), zone)


def columns_of(name: str) -> tuple[Column, ...]:
    """Return the columns that files of a kind may have, the most important ones first."""
    return _COLUMNS[KindName(name)]
