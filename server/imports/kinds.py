"""The kinds of files, in the order in which a new school imports them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from server.db.types import now
from server.errors import ForbiddenError
from server.imports.account_files import AccountFiles
from server.imports.attendance_columns import ATTENDANCE_COLUMNS
from server.imports.course_files import RosterFiles, TeacherFiles
from server.imports.findings import Column, ImportKind
from server.imports.group_files import GroupFiles
from server.imports.guardian_files import GuardianFiles
from server.imports.people_files import PeopleFiles
from server.imports.place_files import CourseFiles, RoomFiles
from server.imports.timetable_files import TimetableFiles
from server.web.principal import Role


class KindName(StrEnum):
    """What the rows of a file are."""

    PEOPLE = "people"
    ACCOUNTS = "accounts"
    GROUPS = "groups"
    GUARDIANS = "guardians"
    ROOMS = "rooms"
    COURSES = "courses"
    ROSTERS = "rosters"
    TEACHERS = "teachers"
    TIMETABLE = "timetable"
    CALENDAR = "calendar"
    PHOTOS = "photos"
    ATTENDANCE = "attendance"
    ONEROSTER = "oneroster"


#: Kinds that are zips of files.
ARCHIVES = frozenset({KindName.PHOTOS, KindName.ONEROSTER})
#: Kinds that have no columns to choose.
WITHOUT_COLUMNS = ARCHIVES | {KindName.CALENDAR}
#: Kinds that are no step of their own for a new school.
_ASIDE = frozenset({KindName.ONEROSTER, KindName.CALENDAR})


@dataclass(frozen=True)
class Announced:
    """An archive that is to be uploaded, or was."""

    kind: KindName
    name: str
    size_bytes: int


_MAKERS: dict[KindName, Callable[[date, ZoneInfo], ImportKind]] = {
    KindName.PEOPLE: lambda _today, _zone: PeopleFiles(),
    KindName.ACCOUNTS: lambda _today, _zone: AccountFiles(),
    KindName.GROUPS: lambda today, _zone: GroupFiles(today),
    KindName.GUARDIANS: lambda _today, _zone: GuardianFiles(),
    KindName.ROOMS: lambda _today, _zone: RoomFiles(),
    KindName.COURSES: lambda _today, _zone: CourseFiles(),
    KindName.ROSTERS: lambda today, _zone: RosterFiles(today),
    KindName.TEACHERS: lambda today, _zone: TeacherFiles(today),
    KindName.TIMETABLE: TimetableFiles,
}
_COLUMNS: dict[KindName, tuple[Column, ...]] = {
    KindName.PEOPLE: PeopleFiles.columns,
    KindName.ACCOUNTS: AccountFiles.columns,
    KindName.GROUPS: GroupFiles.columns,
    KindName.GUARDIANS: GuardianFiles.columns,
    KindName.ROOMS: RoomFiles.columns,
    KindName.COURSES: CourseFiles.columns,
    KindName.ROSTERS: RosterFiles.columns,
    KindName.TEACHERS: TeacherFiles.columns,
    KindName.TIMETABLE: TimetableFiles.columns,
    KindName.ATTENDANCE: ATTENDANCE_COLUMNS,
}


def kinds_for(role: Role) -> list[KindName]:
    """Return the kinds of files that a role may import: only administrators add accounts."""
    return [one for one in KindName if role is Role.ADMIN or one is not KindName.ACCOUNTS]


def next_kind(name: str, role: Role) -> KindName | None:
    """Return the kind that a new school imports after one; None after the last."""
    files = [one for one in kinds_for(role) if one not in _ASIDE]
    return next((after for one, after in pairwise(files) if one == name), None)


def refuse_kind(name: str, role: Role) -> None:
    """Refuse a kind that a role may not import, nor see.

    Raises:
        ForbiddenError: it may not.
    """
    if KindName(name) not in kinds_for(role):
        raise ForbiddenError(
            "Only an administrator works with files of accounts.", problem="import_accounts"
        )


def kind_of(name: str, zone: ZoneInfo) -> ImportKind:
    """Return a kind for one run.

    Args:
        name: of a kind that this package knows alone: no archive, and not past attendance.
        zone: the school's.
    """
    return _MAKERS[KindName(name)](now().astimezone(zone).date(), zone)


def columns_of(name: str) -> tuple[Column, ...]:
    """Return the columns that files of a kind may have; none of those `WITHOUT_COLUMNS`."""
    return _COLUMNS.get(KindName(name), ())
